import { describe, expect, it, test } from 'vitest';
import { ImpairedLink } from './impaired-link.ts';
import { CLEAN_LINK, LINK_PRESETS, type LinkPreset, type LinkProfile } from './link-profile.ts';
import { SeededRandom } from './seeded-random.ts';

interface Arrival {
  readonly item: number;
  readonly atMs: number;
}

/** Sends a packet of `bytes` every `everyMs` until `untilMs`, and drains. */
function run(
  link: ImpairedLink<number>,
  options: { readonly bytes: number; readonly everyMs: number; readonly untilMs: number },
): Arrival[] {
  const arrivals: Arrival[] = [];
  let item = 0;
  for (let nowMs = 0; nowMs < options.untilMs + 10_000; nowMs += 1) {
    if (nowMs < options.untilMs && nowMs % options.everyMs === 0) link.push(item++, options.bytes, nowMs);
    for (let got = link.poll(nowMs); got !== undefined; got = link.poll(nowMs))
      arrivals.push({ item: got, atMs: nowMs });
  }
  return arrivals;
}
const profile = (change: Partial<LinkProfile>): LinkProfile => ({ ...CLEAN_LINK, ...change });

describe('an impaired link', () => {
  it('delivers at its rate and drops what its queue does not hold', () => {
    const link = new ImpairedLink<number>(1, profile({ rateBps: 1_000_000, queueMs: 100 }));
    const arrivals = run(link, { bytes: 1000, everyMs: 4, untilMs: 10_000 });
    const untilTenSeconds = arrivals.filter(({ atMs }) => atMs <= 10_000).length;
    expect(untilTenSeconds * 8000).toBeGreaterThan(0.98 * 10_000_000);
    expect(untilTenSeconds * 8000).toBeLessThan(1.01 * 10_000_000);
    expect(link.counts.overflowed).toBeGreaterThan(1000);
    expect(arrivals.at(-1)?.atMs).toBeLessThan(10_150);
  });

  it('keeps the order of packets under jitter', () => {
    const link = new ImpairedLink<number>(2, profile({ delayMs: 50, jitterMs: 30 }));
    const items = run(link, { bytes: 1000, everyMs: 3, untilMs: 5000 }).map(({ item }) => item);
    expect(items).toEqual([...items].sort((a, b) => a - b));
    expect(items).toHaveLength(1667);
  });

  it('reorders and duplicates the share that the profile says', () => {
    const link = new ImpairedLink<number>(3, profile({ delayMs: 20, reorder: 0.1, duplicate: 0.05 }));
    const items = run(link, { bytes: 500, everyMs: 2, untilMs: 20_000 }).map(({ item }) => item);
    let highest = -1;
    let late = 0;
    const seen = new Set<number>();
    let twice = 0;
    for (const item of items) {
      if (seen.has(item)) twice += 1;
      else if (item < highest) late += 1;
      seen.add(item);
      highest = Math.max(highest, item);
    }
    expect(late / 10_000).toBeCloseTo(0.1, 1);
    expect(twice / 10_000).toBeCloseTo(0.05, 1);
  });

  it('a rate that falls slows down what is queued already', () => {
    const link = new ImpairedLink<number>(4, profile({ rateBps: 8_000_000, queueMs: 1000 }));
    for (let i = 0; i < 100; i += 1) link.push(i, 1000, 0);
    expect(link.queueDelayMs(0)).toBeCloseTo(100);
    link.change(profile({ rateBps: 800_000, queueMs: 1000 }), 50);
    expect(link.queueDelayMs(50)).toBeCloseTo(500);
  });

  it('loses in bursts of the length that the model says', () => {
    const burst = { goodToBad: 0.01, badToGood: 0.2, lossInBad: 1 };
    const link = new ImpairedLink<number>(5, profile({ burst }));
    const items = run(link, { bytes: 100, everyMs: 1, untilMs: 100_000 }).map(({ item }) => item);
    let bursts = 0;
    for (let i = 1; i < items.length; i += 1) if ((items[i] ?? 0) - (items[i - 1] ?? 0) > 1) bursts += 1;
    expect(link.counts.lost / link.counts.sent).toBeCloseTo(0.0476, 2);
    expect(link.counts.lost / bursts).toBeGreaterThan(4.3);
    expect(link.counts.lost / bursts).toBeLessThan(5.7);
  });

  test.for(Object.keys(LINK_PRESETS) as LinkPreset[])('preset %s repeats with its seed', (name) => {
    const once = run(new ImpairedLink(7, LINK_PRESETS[name]), { bytes: 1200, everyMs: 8, untilMs: 5000 });
    const again = run(new ImpairedLink(7, LINK_PRESETS[name]), { bytes: 1200, everyMs: 8, untilMs: 5000 });
    const other = run(new ImpairedLink(8, LINK_PRESETS[name]), { bytes: 1200, everyMs: 8, untilMs: 5000 });
    expect(again).toEqual(once);
    expect(other).not.toEqual(once);
    expect(once.length).toBeGreaterThan(300);
  });
});

describe('a seeded random source', () => {
  it('is uniform, and normal with deviation 1', () => {
    const random = new SeededRandom(11);
    let sum = 0;
    let squares = 0;
    let uniform = 0;
    for (let i = 0; i < 20_000; i += 1) {
      const value = random.normal();
      sum += value;
      squares += value * value;
      uniform += random.next();
    }
    expect(sum / 20_000).toBeCloseTo(0, 1);
    expect(squares / 20_000).toBeCloseTo(1, 1);
    expect(uniform / 20_000).toBeCloseTo(0.5, 1);
  });
});
