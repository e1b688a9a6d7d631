/**
 * The largest burst to one viewer, with and without the pacer: what recordings of test/traces brought from the publisher,
 * once as it came and once through the pacer at the rates of the estimate, under virtual time. Probes are part of it.
 */
import { readTraces } from '../traces/recorded-trace.ts';
import { largestBurst, TraceReplay } from '../traces/replay.ts';
import { quantile } from './quantile.ts';
import { ms, printTable, type Row } from './table.ts';

const rows: Row[] = readTraces().map((trace) => {
  const replay = new TraceReplay(trace);
  const before = largestBurst(replay.straight);
  const after = largestBurst(replay.paced);
  const waits = replay.paced.map(({ waitedMs }) => waitedMs);
  return {
    what: trace.name,
    value: `${before.packets} → ${after.packets} packets, ${before.bytes} → ${after.bytes} B`,
    note: `video and audio wait ${ms(quantile(waits, 0.95))} (p95) in the pacer, ${replay.dropped} packets given up`,
  };
});
printTable('Largest burst within 5 ms, as it came → paced', rows);
