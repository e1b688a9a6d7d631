import { describe, expect, it } from 'vitest';
import { KeyframeThrottle } from './keyframe-throttle.ts';

describe('requests for keyframes', () => {
  it('the first one passes, those soon after it go out together', () => {
    const throttle = new KeyframeThrottle(2, 3);
    expect(throttle.request(0)).toBe(true);
    for (let ms = 10; ms < 900; ms += 10) expect(throttle.request(ms)).toBe(false);
    expect(throttle.due(990)).toBe(false);
    expect(throttle.due(1000)).toBe(true);
    expect(throttle.due(3000)).toBe(false);
  });

  it('a keyframe answers all who wait', () => {
    const throttle = new KeyframeThrottle(0, 3);
    throttle.request(0);
    throttle.request(100);
    throttle.arrived();
    expect(throttle.due(1000)).toBe(false);
    expect(throttle.request(1001)).toBe(true);
  });

  it('the lowest encoding, and a single one, are asked sooner', () => {
    for (const [spatial, layers] of [
      [0, 3],
      [0, 1],
    ] as const) {
      const throttle = new KeyframeThrottle(spatial, layers);
      throttle.request(0);
      expect(throttle.request(300)).toBe(true);
    }
  });
});
