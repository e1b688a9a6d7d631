import { describe, expect, it, test } from 'vitest';
import { LEAD_MAX_MS, TimestampRewriter } from './timestamp-rewriter.ts';

describe('TimestampRewriter', () => {
  it('goes on by elapsed time across a restart', () => {
    const rewriter = new TimestampRewriter(1000);
    expect(rewriter.forward({ timestamp: 200, captureMs: 200 }, 200)).toBe(200);
    rewriter.restart();
    expect(rewriter.forward({ timestamp: 210, captureMs: 1000 }, 1000)).toBe(1000);
    expect(rewriter.forward({ timestamp: 410, captureMs: 1200 }, 1200)).toBe(1200);
  });

  // [capture, arrival] of the last frame and of the first of the other encoding, milliseconds → ticks between them.
  test.for([
    {
      name: 'by capture time, whatever the network did',
      last: [5000, 5020],
      next: [5100, 5180],
      ticks: 9000,
    },
    { name: 'by arrival, where clocks do not fit', last: [5000, 5020], next: [95_000, 5060], ticks: 3600 },
    {
      name: 'by arrival, where the other clock is behind',
      last: [5000, 5020],
      next: [1000, 5060],
      ticks: 3600,
    },
    {
      name: 'E5: one frame behind, for a frame as old as the last',
      last: [5000, 5020],
      next: [5000, 5040],
      ticks: 2970,
    },
    { name: 'E5: one frame behind, up to 75 ms ahead', last: [5000, 5020], next: [4958, 5040], ticks: 2970 },
    { name: 'E5: one tick behind, beyond 75 ms', last: [5000, 5020], next: [4957, 5040], ticks: 1 },
    { name: 'at least a tick', last: [5000, 5000], next: [5000.001, 5000.001], ticks: 1 },
  ])('goes on $name', ({ last, next, ticks }) => {
    const [lastCapture = 0, lastNow = 0] = last;
    const [capture = 0, now = 0] = next;
    for (const from of [1000, 0xffff_ff00]) {
      const rewriter = new TimestampRewriter(90_000);
      expect(rewriter.forward({ timestamp: from, captureMs: lastCapture }, lastNow)).toBe(from);
      rewriter.restart();
      expect(rewriter.forward({ timestamp: 777_777, captureMs: capture }, now)).toBe((from + ticks) >>> 0);
      expect(rewriter.forward({ timestamp: 777_777 + 3000, captureMs: capture + 33 }, now + 33)).toBe(
        (from + ticks + 3000) >>> 0,
      );
    }
  });

  it('says how far ahead an older frame would bring the stream', () => {
    const rewriter = new TimestampRewriter(90_000);
    expect(rewriter.leadMs(1, 1)).toBe(0);
    rewriter.forward({ timestamp: 0, captureMs: 5000 }, 5000);
    expect(rewriter.leadMs(5033, 5040)).toBe(0);
    expect(rewriter.leadMs(5000, 5040)).toBe(33);
    expect(rewriter.leadMs(4950, 5040)).toBe(83);
    expect(LEAD_MAX_MS).toBe(75);
  });

  it('places late frames of the same stream where they belong', () => {
    const rewriter = new TimestampRewriter(90_000);
    expect(
      [3000, 9000, 6000, 12_000].map((ts, i) =>
        rewriter.forward({ timestamp: ts, captureMs: 5000 + ts / 90 }, 5000 + i),
      ),
    ).toEqual([3000, 9000, 6000, 12_000]);
    rewriter.restart();
    // Behind the newest of them, not behind the one that came last.
    expect(rewriter.forward({ timestamp: 1, captureMs: 5000 + 15_000 / 90 }, 5200)).toBe(15_000);
  });

  it('wraps', () => {
    const rewriter = new TimestampRewriter(90_000);
    expect(rewriter.forward({ timestamp: 0xffff_fff0, captureMs: 1000 }, 1000)).toBe(0xffff_fff0);
    expect(rewriter.forward({ timestamp: 0xb48, captureMs: 1033 }, 1033)).toBe(0xb48);
    rewriter.restart();
    expect(rewriter.forward({ timestamp: 5, captureMs: 1133 }, 1133)).toBe(0xb48 + 9000);
  });
});
