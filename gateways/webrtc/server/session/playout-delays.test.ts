import { describe, expect, it, test } from 'vitest';
import { PlayoutDelays } from './playout-delays.ts';

describe('playout delays of rooms', () => {
  it('a room has its own, all others that of *', () => {
    const delays = new PlayoutDelays(['stage=200-400', '*=0-100']);
    expect(delays.of('stage')).toEqual({ minMs: 200, maxMs: 400 });
    expect(delays.of('demo')).toEqual({ minMs: 0, maxMs: 100 });
    expect(new PlayoutDelays([]).of('demo')).toBeUndefined();
  });

  test.for(['stage', 'stage=400-200', 'stage=0-50000', '=0-1', 'stage=a-b'])(
    '%s is refused by name',
    (entry) => {
      expect(() => new PlayoutDelays([entry])).toThrow(`"${entry}"`);
    },
  );
});
