import { describe, expect, it, test } from 'vitest';
import {
  packEvents,
  type RecordedTrace,
  readTraces,
  type TraceEvent,
  unpackEvents,
} from './recorded-trace.ts';
import { largestBurst, switchesPerMinute, TraceReplay } from './replay.ts';

const TRACES = readTraces();
const named = (name: string): RecordedTrace => {
  const trace = TRACES.find((each) => each.name === name);
  if (trace === undefined) throw new Error(`no recording ${name}`);
  return trace;
};
/** Of paths that stay as they are. */
const CONSTANT = TRACES.filter(({ path }) => path.length === 1);
/** The first seconds find out what the path is. */
const SETTLED_MS = 15_000;
const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
const capacityOf = ({ path: [step] }: RecordedTrace): number => step?.down.rateBps ?? 0;
const topOf = ({ publishedBps }: RecordedTrace): number => publishedBps.at(-1) ?? 0;

describe('recordings', () => {
  it('say how they were made, and are of half a minute and more of one viewer', () => {
    expect(TRACES.length).toBeGreaterThanOrEqual(6);
    for (const { about, recordedWith, durationMs, path, packets, events } of TRACES) {
      expect(about).toContain('Chromium');
      expect(recordedWith['browser']).toMatch(/^Chrome\//);
      expect(durationMs).toBeGreaterThanOrEqual(30_000);
      expect(path.length).toBeGreaterThan(0);
      expect(packets).toBeGreaterThan(1000);
      expect(events.at(-1)?.atMs).toBeGreaterThan(durationMs - 1000);
    }
  });

  it('are read as they were written', () => {
    const events: TraceEvent[] = [
      { atMs: 0, kind: 'demand', bps: 3_000_000 },
      { atMs: 0, kind: 'video', bytes: 1234, stream: 2, startsKeyframe: true },
      { atMs: 0.1, kind: 'sent', bytes: 1234, cluster: -1 },
      { atMs: 20, kind: 'tick', cluster: 7 },
      { atMs: 20, kind: 'audio', bytes: 100 },
      { atMs: 20.3, kind: 'repair', bytes: 1180 },
      feedback(90, 65_530, 64_000, [0.25, 12, -1, 11.75, 3000]),
      { atMs: 90, kind: 'told', bps: 4_000_000_001, congested: true },
      feedback(190, 3, 63_936, [-1, 0]),
      { atMs: 200_000, kind: 'told', bps: 30_000, congested: false },
    ];
    expect(unpackEvents(packEvents(events))).toEqual(events);
  });
});

const feedback = (atMs: number, baseSeq: number, referenceMs: number, arrivalsMs: number[]): TraceEvent => ({
  atMs,
  kind: 'feedback',
  feedback: { baseSeq, referenceMs, feedbackCount: 255, arrivalsMs },
});

describe('the estimate on recordings of real Chromium', () => {
  test.for(CONSTANT)('$name: the estimate stays near what the path carries, and seldom warns', (trace) => {
    const replay = new TraceReplay(trace);
    const settled = replay.sorted(SETTLED_MS, trace.durationMs);
    const capacityBps = capacityOf(trace);
    // Above what the publisher sends nothing can be found out.
    const usefulBps = Math.min(capacityBps, topOf(trace));
    expect(quantile(settled, 0.1)).toBeGreaterThan(0.65 * usefulBps);
    expect(quantile(settled, 0.5)).toBeGreaterThan(0.75 * usefulBps);
    expect(quantile(settled, 0.5)).toBeLessThan(1.05 * capacityBps);
    expect(quantile(settled, 0.95)).toBeLessThan(1.25 * capacityBps);
    expect(replay.warnedShare(SETTLED_MS, trace.durationMs)).toBeLessThan(0.15);
  });

  test.for(['wifi', 'cellular', 'satellite'])(
    '%s carries the top encoding, and the estimate says so',
    (name) => {
      const trace = named(name);
      const settled = new TraceReplay(trace).sorted(SETTLED_MS, trace.durationMs);
      expect(capacityOf(trace)).toBeGreaterThan(1.3 * topOf(trace));
      expect(quantile(settled, 0.5)).toBeGreaterThan(topOf(trace));
    },
  );

  it('a limit that comes is warned of and followed at once, and one that goes is noticed within 15 seconds', () => {
    const trace = named('limit-that-comes-and-goes');
    const [, limited, cleared] = trace.path;
    const [limitedMs = 0, clearedMs = 0] = [limited?.atMs, cleared?.atMs];
    const limitBps = limited?.down.rateBps ?? 0;
    const replay = new TraceReplay(trace);
    expect(replay.at(limitedMs)).toBeGreaterThan(topOf(trace));
    const warned = replay.estimates.find(({ atMs, congested }) => atMs > limitedMs && congested);
    expect(warned?.atMs).toBeLessThan(limitedMs + 1000);
    const within = replay.sorted(limitedMs + 3000, clearedMs);
    expect(quantile(within, 0.9)).toBeLessThan(1.1 * limitBps);
    expect(quantile(within, 0.1)).toBeGreaterThan(0.6 * limitBps);
    const back = replay.estimates.find(({ atMs, bps }) => atMs > clearedMs && bps > topOf(trace));
    expect(back?.atMs).toBeLessThan(clearedMs + 15_000);
  });
});

describe('the pacer on recordings of real Chromium', () => {
  test.for(TRACES)('$name: bursts are spread, and nothing waits for long', (trace) => {
    const replay = new TraceReplay(trace);
    const before = largestBurst(replay.straight);
    const after = largestBurst(replay.paced);
    expect(after.bytes).toBeLessThan(before.bytes / 2);
    expect(after.packets).toBeLessThan(before.packets);
    const waits = replay.paced.map(({ waitedMs }) => waitedMs).sort((a, b) => a - b);
    expect(quantile(waits, 0.5)).toBeLessThan(20);
    expect(quantile(waits, 0.95)).toBeLessThan(200);
    expect(replay.dropped / replay.straight.length).toBeLessThan(0.05);
  });
});

describe('the allocator on recorded estimates', () => {
  test.for(CONSTANT)('$name: at most 4 spatial switches a minute', (trace) => {
    expect(switchesPerMinute(trace, trace.publishedBps, SETTLED_MS, 5)).toBeLessThanOrEqual(4);
  });

  // The hard case: whether the path carries the highest encoding, if only a quarter of its pictures, changes with the
  // estimate.
  test.for(CONSTANT.flatMap((trace) => [0.8, 0.9, 1].map((share) => ({ name: trace.name, share, trace }))))(
    '$name, an encoding that begins at $share of the estimate: at most 4 a minute',
    ({ share, trace }) => {
      const told = trace.events.flatMap((event) =>
        event.kind === 'told' && event.atMs > SETTLED_MS ? [event.bps] : [],
      );
      const medianBps = quantile(
        told.sort((a, b) => a - b),
        0.5,
      );
      expect(medianBps).toBeGreaterThan(0);
      const ladder = [0.1, 0.3, 4 * share].map((part) => part * medianBps);
      expect(switchesPerMinute(trace, ladder, SETTLED_MS, 5)).toBeLessThanOrEqual(4);
    },
  );
});
