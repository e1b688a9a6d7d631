import { ImpairedLink } from '@switchyard/shared/netem';
import { describe, expect, it } from 'vitest';
import { NackGenerator } from './nack-generator.ts';

/** A stream of a packet every 5 ms whose path loses `loss` and takes `oneWayMs`; repairs are lost as well. */
function run(loss: number, oneWayMs: number, untilMs: number) {
  const down = { rateBps: Number.POSITIVE_INFINITY, queueMs: 100, jitterMs: 0, reorder: 0, duplicate: 0 };
  const link = new ImpairedLink<number>(9, { ...down, loss, delayMs: oneWayMs });
  const back = new ImpairedLink<number>(10, { ...down, loss: 0, delayMs: oneWayMs });
  const nacks = new NackGenerator();
  const received = new Set<number>();
  let requests = 0;
  for (let ms = 0; ms < untilMs + 3000; ms += 1) {
    if (ms % 5 === 0 && ms < untilMs) link.push((ms / 5 + 65_000) & 0xffff, 1000, ms);
    for (let seq = back.poll(ms); seq !== undefined; seq = back.poll(ms)) link.push(seq, 1000, ms);
    for (let seq = link.poll(ms); seq !== undefined; seq = link.poll(ms)) {
      nacks.received(seq, ms);
      received.add(seq);
    }
    if (ms % 20 === 0)
      for (const seq of nacks.due(ms)) {
        requests += 1;
        back.push(seq, 50, ms);
      }
  }
  return { nacks, received: received.size, requests, lost: link.counts.lost };
}

describe('a NACK generator', () => {
  it('asks for every loss, once a round trip, over a wrap', () => {
    for (const oneWayMs of [5, 40, 150]) {
      const { nacks, received, requests, lost } = run(0.1, oneWayMs, 20_000);
      expect(received).toBeGreaterThanOrEqual(3999);
      // One request a loss, and again only for repairs that were lost.
      expect(requests).toBeLessThan(lost * 1.25 + 30);
      expect(nacks.rttMs).toBeGreaterThan(2 * oneWayMs - 1);
      expect(nacks.rttMs).toBeLessThan(2 * oneWayMs * 1.3 + 25);
    }
  });

  it('does not ask for what comes late by itself', () => {
    const nacks = new NackGenerator();
    nacks.received(1, 0);
    nacks.received(3, 5);
    nacks.received(2, 9);
    expect(nacks.due(100)).toEqual([]);
  });

  it('gives up after some tries, and on holes that are too large', () => {
    const nacks = new NackGenerator();
    nacks.received(1, 0);
    nacks.received(3, 0);
    let asked = 0;
    for (let ms = 0; ms < 10_000; ms += 20) asked += nacks.due(ms).length;
    expect(asked).toBe(8);
    expect(nacks.received(400, 10_000)).toBe(false);
    expect(nacks.due(10_100)).toEqual([]);
  });
});
