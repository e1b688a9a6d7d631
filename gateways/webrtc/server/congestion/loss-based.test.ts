import { SeededRandom } from '@switchyard/shared/netem';
import { describe, expect, it, test } from 'vitest';
import { LossBased } from './loss-based.ts';
import type { PacketResult } from './packet-result.ts';

/** Feedback every 100 ms on a stream of `bps` of which `lossOf` is lost. */
function run(
  loss: LossBased,
  options: { readonly fromMs: number; readonly ms: number; readonly delayBps: number },
  bpsOf: (estimateBps: number) => number,
  lossOf: (sentBps: number) => number,
): void {
  const random = new SeededRandom(3);
  for (let nowMs = options.fromMs; nowMs < options.fromMs + options.ms; nowMs += 100) {
    const bps = bpsOf(loss.bitrateBps ?? options.delayBps);
    const packets = Math.max(1, Math.round((bps * 0.1) / 8 / 1000));
    const results: PacketResult[] = [];
    for (let i = 0; i < packets; i += 1) {
      const sentMs = nowMs + (i * 100) / packets;
      const arrivalMs = random.chance(lossOf(bps)) ? -1 : sentMs + 50;
      results.push({ seq: i, sentMs, arrivalMs, bytes: 1000, cluster: -1 });
    }
    const arrived = results.filter(({ arrivalMs }) => arrivalMs >= 0).length;
    loss.update(results, options.delayBps, arrived * 80_000, false, nowMs + 150);
  }
}

describe('a loss-based estimate', () => {
  test.for([
    { share: 0, least: 2_900_000 },
    { share: 0.02, least: 2_800_000 },
    { share: 0.04, least: 2_500_000 },
  ])('leaves what the delay allows at $share of random loss', ({ share, least }) => {
    const loss = new LossBased();
    run(
      loss,
      { fromMs: 0, ms: 20_000, delayBps: 3_000_000 },
      () => 2_800_000,
      () => share,
    );
    expect(loss.bitrateBps).toBeGreaterThan(least);
  });

  it('finds a bottleneck that drops what does not fit', () => {
    const loss = new LossBased();
    const capacity = 1_000_000;
    const estimates: number[] = [];
    run(
      loss,
      { fromMs: 0, ms: 30_000, delayBps: 3_000_000 },
      (estimate) => {
        estimates.push(estimate);
        return estimate;
      },
      (sent) => Math.max(0, (sent - capacity) / sent),
    );
    // It tries a little more now and then.
    const settled = estimates.slice(100).sort((a, b) => a - b);
    expect(settled[Math.floor(settled.length / 2)]).toBeGreaterThan(750_000);
    expect(settled[Math.floor(settled.length / 2)]).toBeLessThan(1_150_000);
    expect(settled.at(-1)).toBeLessThan(1_500_000);
    expect(loss.limited).toBe(true);
  });

  it('warns at once when a bottleneck begins to drop, and not for ever on a path that loses at random', () => {
    const options = { fromMs: 0, ms: 5000, delayBps: 3_000_000 };
    const dropping = new LossBased();
    run(
      dropping,
      options,
      (estimate) => estimate,
      () => 0,
    );
    expect(dropping.falling).toBe(false);
    run(
      dropping,
      { ...options, fromMs: 5000, ms: 1000 },
      (estimate) => estimate,
      () => 0.3,
    );
    expect(dropping.falling).toBe(true);
    const random = new LossBased();
    let warnings = 0;
    run(
      random,
      { ...options, ms: 60_000 },
      (estimate) => {
        if (random.falling) warnings += 1;
        return Math.min(1_000_000, estimate);
      },
      () => 0.08,
    );
    expect(random.limited).toBe(true);
    expect(warnings / 600).toBeLessThan(0.2);
  });

  it('comes back when the losses end', () => {
    const loss = new LossBased();
    const options = { fromMs: 0, ms: 8000, delayBps: 3_000_000 };
    run(
      loss,
      options,
      (estimate) => estimate,
      (sent) => Math.max(0, (sent - 500_000) / sent),
    );
    expect(loss.bitrateBps).toBeLessThan(800_000);
    run(
      loss,
      { ...options, fromMs: 8000, ms: 30_000 },
      (estimate) => estimate,
      () => 0,
    );
    expect(loss.bitrateBps).toBeGreaterThan(2_500_000);
    expect(loss.limited).toBe(false);
  });

  it('a probe that came through ends the limit', () => {
    const loss = new LossBased();
    const options = { fromMs: 0, ms: 8000, delayBps: 3_000_000 };
    run(
      loss,
      options,
      (estimate) => estimate,
      (sent) => Math.max(0, (sent - 500_000) / sent),
    );
    loss.probed(2_000_000);
    expect(loss.limited).toBe(false);
  });
});
