import { trackId } from '@switchyard/shared/protocol';
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../testing/seeded-random.ts';
import { SimulcastSource } from '../../../testing/simulcast-source.ts';
import { VirtualYard } from '../../../testing/virtual-yard.ts';
import { START_LINGER_MS } from '../remote-track.ts';
import { INGRESS_FLOOR_BPS } from './ingress-allocator.ts';

const FRAME_MS = 100 / 3;

const room = (
  bitratesBps: readonly number[],
  mode: 'dynamic' | 'max' = 'dynamic',
): {
  yard: VirtualYard;
  source: SimulcastSource;
  run: (ms: number, estimates?: Record<number, number>) => void;
} => {
  const yard = new VirtualYard();
  yard.join(1, 'camera');
  yard.publish(1, 1, { layers: bitratesBps.map(() => ({})), bitrateMode: mode });
  const source = new SimulcastSource({
    yard,
    endpoint: 1,
    track: 1,
    bitratesBps,
    random: new SeededRandom(7),
    variation: 0.1,
  });
  return {
    yard,
    source,
    run: (ms, estimates = {}) => {
      for (let left = ms; left > 0; left -= FRAME_MS) {
        for (const [endpoint, bitrateBps] of Object.entries(estimates))
          yard.control(Number(endpoint), { type: 'egress-estimate', bitrateBps, congested: false });
        source.frame();
        yard.advance(FRAME_MS);
      }
    },
  };
};

describe('a publisher of one encoding', () => {
  test('is limited to what its viewer can use, and the picture is not paused', () => {
    const { yard, source, run } = room([2_000_000]);
    yard.join(2, 'viewer');
    yard.attach(2, 1, 'camera');
    run(20_000, { 2: 700_000 });
    expect(source.limitBps).toBeGreaterThan(400_000);
    expect(source.limitBps).toBeLessThanOrEqual(700_000);
    expect(yard.told(2, 'local-track-status').map(({ status }) => status)).not.toContain('paused');
    run(10_000, { 2: 3_000_000 });
    expect(source.limitBps).toBeGreaterThan(2_000_000);
  });

  test('is limited to what the best of its viewers can use', () => {
    const { yard, source, run } = room([2_000_000]);
    for (const viewer of [2, 3]) {
      yard.join(viewer, `viewer-${viewer}`);
      yard.attach(viewer, 1, 'camera');
    }
    run(20_000, { 2: 300_000, 3: 1_500_000 });
    expect(source.limitBps).toBeGreaterThan(1_000_000);
    expect(source.limitBps).toBeLessThanOrEqual(1_500_000);
  });

  test('falls to the floor without viewers, and is raised for the first', () => {
    const { yard, source, run } = room([2_000_000]);
    run(5000);
    expect(source.limitBps).toBe(INGRESS_FLOOR_BPS);
    yard.join(2, 'viewer');
    yard.attach(2, 1, 'camera');
    run(1000);
    expect(source.limitBps).toBeGreaterThan(2_000_000);
  });

  test('in the mode max is not held down', () => {
    const { yard, source, run } = room([2_000_000], 'max');
    yard.join(2, 'viewer');
    yard.attach(2, 1, 'camera');
    run(10_000, { 2: 500_000 });
    expect(source.limitBps).toBeGreaterThan(2_000_000);
  });

  test('shares its cap among its tracks by priority', () => {
    const { yard, run } = room([2_000_000]);
    yard.publish(1, 2, { name: 'screen', priority: 300 });
    yard.join(2, 'viewer');
    yard.attach(2, 1, 'camera');
    yard.attach(2, 2, 'camera', {}, 'screen');
    run(3000);
    const limitOf = (track: number): number | undefined =>
      yard.told(1, 'remote-track-limit').findLast((event) => event.track === trackId(track))?.maxBps;
    expect([limitOf(1), limitOf(2)]).toEqual([2_500_000, 7_500_000]);
  });
});

describe('a publisher of several encodings', () => {
  const CAMERA = [150_000, 500_000, 1_500_000];

  test('sends what somebody watches and the lowest, and switches on what somebody wants', () => {
    const { yard, source, run } = room(CAMERA);
    run(5000);
    // A new one is left alone at first.
    expect(source.active).toEqual([true, true, true]);
    run(START_LINGER_MS);
    expect(source.active).toEqual([true, false, false]);
    yard.join(2, 'viewer');
    yard.attach(2, 1, 'camera', { maxSpatial: 1 });
    run(2000);
    expect(source.active).toEqual([true, true, false]);
    expect(yard.forwarded.at(-1)?.spatial).toBe(1);
    yard.join(3, 'viewer-3');
    yard.attach(3, 1, 'camera');
    const askedMs = yard.nowMs;
    run(1000);
    expect(source.active).toEqual([true, true, true]);
    const first = yard.forwarded.find(({ endpoint }) => endpoint === 3);
    expect(first?.keyframe).toBe(true);
    expect(yard.forwarded.findLast(({ endpoint }) => endpoint === 3)?.spatial).toBe(2);
    expect(yard.nowMs - askedMs).toBeLessThan(1100);
    yard.leave(3);
    run(5000);
    expect(source.active).toEqual([true, true, false]);
  });

  test('keeps an encoding on until the viewer that left it has its new picture', () => {
    const { yard, source, run } = room(CAMERA);
    yard.join(2, 'viewer');
    yard.attach(2, 1, 'camera');
    run(START_LINGER_MS);
    expect(yard.forwarded.at(-1)?.spatial).toBe(2);
    const before = yard.forwarded.length;
    run(10_000, { 2: 140_000 });
    expect(yard.forwarded.at(-1)?.spatial).toBe(0);
    expect(source.active).toEqual([true, false, false]);
    let gapMs = 0;
    const times = yard.forwarded.slice(before).map(({ timestamp }) => timestamp);
    for (const [index, at] of times.entries())
      if (index > 0) gapMs = Math.max(gapMs, ((at - (times[index - 1] ?? at)) | 0) / 90);
    expect(gapMs).toBeLessThan(300);
  });

  test('in the mode max sends all of them, watched or not', () => {
    const { source, run } = room(CAMERA, 'max');
    run(10_000);
    expect(source.active).toEqual([true, true, true]);
  });

  test('an encoding that does not come although it is wanted is given up for a while', () => {
    const { yard, source, run } = room(CAMERA);
    yard.join(2, 'viewer');
    yard.attach(2, 1, 'camera');
    run(3000);
    expect(yard.forwarded.at(-1)?.spatial).toBe(2);
    source.broken.add(2);
    run(9000);
    expect(yard.forwarded.at(-1)?.spatial).toBe(1);
    expect(yard.told(2, 'local-track-layers').at(-1)).toMatchObject({
      current: { spatial: 1 },
      target: { spatial: 1 },
    });
    source.broken.clear();
    run(12_000);
    expect(yard.forwarded.at(-1)?.spatial).toBe(2);
  });
});
