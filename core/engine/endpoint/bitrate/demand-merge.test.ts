import { describe, expect, test } from 'vitest';
import type { ChannelDemand } from '../../io.ts';
import { DemandMerge } from './demand-merge.ts';
import { allocateIngress, INGRESS_FLOOR_BPS } from './ingress-allocator.ts';

const one = (bps: number, layers = 1): ChannelDemand => ({
  count: 1,
  minBps: bps,
  maxBps: bps,
  sumBps: bps,
  layers,
});

describe('DemandMerge', () => {
  test('sums, and forgets what is not repeated', () => {
    const merge = new DemandMerge();
    merge.set('a', one(1000), 0);
    merge.set('b', one(2000), 100);
    expect(merge.merged(100)).toEqual({ count: 2, minBps: 1000, maxBps: 2000, sumBps: 3000, layers: 1 });
    merge.set('b', one(3000, 4), 2000);
    expect(merge.merged(2000)).toEqual({ count: 1, minBps: 3000, maxBps: 3000, sumBps: 3000, layers: 4 });
  });

  test('a node whose last viewer left is forgotten at once', () => {
    const merge = new DemandMerge();
    merge.set('a', one(1000), 0);
    merge.set('a', { count: 0, minBps: 0, maxBps: 0, sumBps: 0, layers: 0 }, 1);
    expect(merge.merged(1).count).toBe(0);
  });

  test('layers that anybody wants are wanted', () => {
    const merge = new DemandMerge();
    merge.set('a', one(1000, 0b001), 0);
    merge.set('b', one(1000, 0b100), 0);
    expect(merge.merged(0).layers).toBe(0b101);
  });
});

describe('allocateIngress', () => {
  test.for([
    { name: 'one track has the cap', tracks: [[100, 1e9]], expected: [2_000_000] },
    { name: 'what viewers use is the limit', tracks: [[100, 700_000]], expected: [700_000] },
    { name: 'a floor', tracks: [[100, 0]], expected: [INGRESS_FLOOR_BPS] },
    {
      name: 'shares by priority',
      tracks: [
        [100, 1e9],
        [300, 1e9],
      ],
      expected: [500_000, 1_500_000],
    },
    {
      name: 'what one does not need goes to the other',
      tracks: [
        [100, 1e9],
        [300, 300_000],
      ],
      expected: [1_700_000, 300_000],
    },
  ] as const)('$name', ({ tracks, expected }) => {
    expect(
      allocateIngress(
        tracks.map(([priority, wantedBps]) => ({ priority, wantedBps })),
        2_000_000,
      ),
    ).toEqual(expected);
  });
});
