import { describe, expect, test } from 'vitest';
import { allocateEgress, type LayerStep, type TrackDemand } from './egress-allocator.ts';
import { limitSteps, stepAt } from './layer-limits.ts';

const kbps = (value: number): number => value * 1000;

/** Steps of a grid of cumulative costs, kilobits per second. */
const grid = (rows: readonly (readonly number[])[]): LayerStep[] =>
  rows.flatMap((row, spatial) =>
    row.map((cost, temporal) => ({ spatial, temporal, bitrateBps: kbps(cost) })),
  );
const SIMULCAST = grid([
  [100, 150, 200],
  [200, 300, 400],
  [400, 600, 800],
]);

/** A single stream whose encoder follows: any share above the base is used. */
const single = (priority: number): TrackDemand => ({
  priority,
  steps: [{ spatial: 0, temporal: 0, bitrateBps: kbps(500) }],
  floorBps: kbps(80),
  ceilingBps: Number.POSITIVE_INFINITY,
});
const layered = (priority: number, steps: readonly LayerStep[] = SIMULCAST): TrackDemand => ({
  priority,
  steps,
  floorBps: steps[0]?.bitrateBps ?? 0,
  ceilingBps: steps.at(-1)?.bitrateBps ?? 0,
});
const costs = (demands: readonly TrackDemand[], budgetBps: number): number[] =>
  allocateEgress(demands, budgetBps).map(({ step }, index) => demands[index]?.steps[step]?.bitrateBps ?? 0);

describe('allocateEgress', () => {
  test('gives single streams their base and the rest by priority', () => {
    expect(allocateEgress([single(100), single(300)], kbps(3000)).map(({ shareBps }) => shareBps)).toEqual([
      kbps(790),
      kbps(2210),
    ]);
  });

  test('gives a lone simulcast track its top layer when that fits', () => {
    expect(allocateEgress([layered(100)], kbps(3000))).toEqual([{ step: 8, shareBps: kbps(800) }]);
  });

  test.for([
    { name: 'nothing', budget: 50, expected: [0, 0, 0] },
    { name: 'one minimum', budget: 120, expected: [0, 100, 0] },
    { name: 'two minimums', budget: 210, expected: [100, 100, 0] },
    { name: 'three minimums', budget: 300, expected: [100, 100, 100] },
    { name: 'a little more: to the first in priority', budget: 360, expected: [100, 150, 100] },
    { name: 'everything', budget: 2400, expected: [800, 800, 800] },
    { name: 'no limit', budget: Number.POSITIVE_INFINITY, expected: [800, 800, 800] },
  ])('serves minimum layers first, by priority: $name', ({ budget, expected }) => {
    expect(costs([layered(200), layered(300), layered(100)], kbps(budget))).toEqual(expected.map(kbps));
  });

  test('what a track cannot use goes to the others', () => {
    const small = layered(900, grid([[100]]));
    expect(costs([small, layered(100)], kbps(900))).toEqual([kbps(100), kbps(800)]);
  });

  test('what lies between shares and steps is spent', () => {
    // Shares 375 and 375: both take 300, and the 150 that are left lift one of them.
    expect(costs([layered(100), layered(100)], kbps(750)).toSorted()).toEqual([kbps(300), kbps(400)]);
  });

  test('never spends more than the budget, and gives more to more priority', () => {
    for (let budget = 200; budget < 4000; budget += 37) {
      const [a = 0, b = 0, c = 0] = costs([layered(100), layered(200), layered(400)], kbps(budget));
      expect(a + b + c).toBeLessThanOrEqual(kbps(budget));
      if (budget >= 300) expect(Math.min(a, b, c)).toBeGreaterThan(0);
      expect(a).toBeLessThanOrEqual(b);
      expect(b).toBeLessThanOrEqual(c);
    }
  });

  test('a hundred tracks share without a rest that somebody could use', () => {
    const demands = Array.from({ length: 100 }, (_, index) => layered(1 + (index % 10)));
    const spent = costs(demands, kbps(30_000)).reduce((sum, each) => sum + each, 0);
    expect(spent).toBeGreaterThan(kbps(29_900));
    expect(spent).toBeLessThanOrEqual(kbps(30_000));
  });
});

describe('limitSteps', () => {
  const config = { priority: 100, maxSpatial: 2, maxTemporal: 2 };
  const range = (change: object): unknown => {
    const { steps, reason } = limitSteps(SIMULCAST, { ...config, ...change });
    const [first, last] = [steps[0], steps.at(-1)];
    return [first?.spatial, first?.temporal, last?.spatial, last?.temporal, reason];
  };

  test.for([
    { name: 'no limits', change: {}, expected: [0, 0, 2, 2, 'best'] },
    { name: 'a maximum', change: { maxSpatial: 0, maxTemporal: 0 }, expected: [0, 0, 0, 0, 'limit'] },
    { name: 'a minimum', change: { minSpatial: 1, minTemporal: 1 }, expected: [1, 1, 2, 2, 'best'] },
    {
      name: 'both',
      change: { minSpatial: 1, maxSpatial: 1, minTemporal: 1, maxTemporal: 1 },
      expected: [1, 1, 1, 1, 'limit'],
    },
    {
      name: 'a minimum above everything',
      change: { minSpatial: 3, maxSpatial: 3 },
      expected: [2, 2, 2, 2, 'source-has-no-such-layer'],
    },
  ])('$name', ({ change, expected }) => {
    expect(range(change)).toEqual(expected);
  });

  test('a layer that was not measured yet is inside whatever temporal layer is asked for', () => {
    const unknown: LayerStep[] = [{ spatial: 0, temporal: 3, bitrateBps: kbps(100), isWhole: true }];
    expect(limitSteps(unknown, { ...config, maxTemporal: 1 }).steps).toMatchObject([{ temporal: 1 }]);
  });

  test('finds the step that a decision stands for when the steps have changed', () => {
    expect(stepAt(SIMULCAST, 1, 1)).toBe(4);
    expect(stepAt(SIMULCAST.slice(0, 3), 2, 2)).toBe(2);
    expect(stepAt(SIMULCAST.slice(3), 0, 2)).toBe(-1);
  });
});
