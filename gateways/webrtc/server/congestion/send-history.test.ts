import { readTransportCc, type TransportCcFeedback, writeTransportCc } from '@switchyard/shared/media';
import { describe, expect, it } from 'vitest';
import { SendHistory } from './send-history.ts';

const feedback = (baseSeq: number, arrivalsMs: readonly number[]): TransportCcFeedback => {
  const written = writeTransportCc(1, 2, 0, baseSeq, arrivalsMs);
  if (written === undefined) throw new Error('nothing arrived');
  const padding = ((written.packet[0] ?? 0) & 0x20) === 0 ? 0 : (written.packet.at(-1) ?? 0);
  const read = readTransportCc(written.packet.subarray(0, written.packet.length - padding));
  if (read === undefined) throw new Error('does not parse');
  return read;
};

describe('a history of what was sent', () => {
  it('tells when each packet was sent and arrived, and counts what is under way', () => {
    const history = new SendHistory();
    for (let i = 0; i < 5; i += 1) history.sent(100 + i, i === 3 ? 7 : -1, 10 * i);
    expect(history.bytesInFlight).toBe(510);
    const results = history.report(feedback(1, [1000, -1, 1020, 1030.25]));
    expect(results.map(({ sentMs, bytes, cluster }) => [sentMs, bytes, cluster])).toEqual([
      [0, 100, -1],
      [10, 101, -1],
      [20, 102, -1],
      [30, 103, 7],
    ]);
    expect(results[1]?.arrivalMs).toBe(-1);
    expect((results[3]?.arrivalMs ?? 0) - (results[0]?.arrivalMs ?? 0)).toBeCloseTo(30.25);
    expect(history.bytesInFlight).toBe(104);
  });

  it('takes each packet once, and passes over those whose feedback was lost', () => {
    const history = new SendHistory();
    for (let i = 0; i < 10; i += 1) history.sent(100, -1, i);
    expect(history.report(feedback(1, [10, 11, 12]))).toHaveLength(3);
    expect(history.report(feedback(2, [11, 12, 13]))).toHaveLength(1);
    expect(history.report(feedback(8, [20, 21])).map(({ seq }) => seq)).toEqual([8, 9]);
    expect(history.bytesInFlight).toBe(100);
  });

  it('goes on over the wrap of the sequence numbers', () => {
    const history = new SendHistory();
    let results = 0;
    for (let batch = 0; batch < 700; batch += 1) {
      let base = -1;
      for (let i = 0; i < 100; i += 1) {
        const seq = history.sent(100, -1, batch * 100 + i);
        if (base < 0) base = seq;
      }
      const arrivals = Array.from({ length: 100 }, (_, i) => batch * 100 + i + 50);
      results += history.report(feedback(base, arrivals)).length;
    }
    expect(results).toBe(70_000);
    expect(history.bytesInFlight).toBe(0);
  });

  it('goes on over the wrap of the reference time', () => {
    const history = new SendHistory();
    const wrapMs = 2 ** 24 * 64;
    history.sent(100, -1, 0);
    history.sent(100, -1, 200);
    const [first] = history.report(feedback(1, [wrapMs - 100]));
    const [second] = history.report(feedback(2, [wrapMs + 100]));
    expect((second?.arrivalMs ?? 0) - (first?.arrivalMs ?? 0)).toBeCloseTo(200);
  });

  it('stays bounded when nothing is acknowledged', () => {
    const history = new SendHistory();
    for (let i = 0; i < 100_000; i += 1) history.sent(100, -1, i);
    expect(history.bytesInFlight).toBeLessThanOrEqual(8192 * 100);
    // What is told of packets that were forgotten is no news.
    expect(history.report(feedback(1, [5]))).toEqual([]);
  });

  it('feedback on packets that were never sent is ignored', () => {
    const history = new SendHistory();
    history.sent(100, -1, 0);
    expect(history.report(feedback(500, [5, 6, 7]))).toEqual([]);
    expect(history.report(feedback(30_000, [5, 6, 7]))).toEqual([]);
    expect(history.bytesInFlight).toBe(0);
  });
});
