import { describe, expect, it } from 'vitest';
import { PACER_SLOT_MS, type PacedPacket, Pacer } from './pacer.ts';

interface Packet extends PacedPacket {
  readonly number: number;
}
interface Sent {
  readonly kind: 'media' | 'repair' | 'padding';
  readonly number: number;
  readonly cluster: number;
  readonly atMs: number;
}

/** A pacer that writes down what it lets go. */
function record(estimateBps: number, pacingBps = estimateBps * 2.5, padding = true) {
  const sent: Sent[] = [];
  const givenUp: number[] = [];
  const pacer = new Pacer<Packet>(
    {
      sendMedia: ({ number }, cluster, atMs) => sent.push({ kind: 'media', number, cluster, atMs }),
      sendRepair: ({ number, wireBytes }, cluster, atMs) => {
        sent.push({ kind: 'repair', number, cluster, atMs });
        return wireBytes;
      },
      sendPadding: (bytes, cluster, atMs) => {
        if (!padding) return 0;
        sent.push({ kind: 'padding', number: -1, cluster, atMs });
        expect(Number.isInteger(bytes)).toBe(true);
        return bytes;
      },
      discard: () => {},
      onGivenUp: (stream) => givenUp.push(stream),
    },
    estimateBps,
  );
  pacer.setRates(estimateBps, pacingBps);
  const run = (fromMs: number, untilMs: number): void => {
    for (let ms = fromMs; ms <= untilMs; ms += PACER_SLOT_MS) pacer.process(ms);
  };
  return { pacer, sent, givenUp, run };
}
const packet = (number: number, change: Partial<Packet> = {}): Packet => ({
  number,
  stream: 0,
  wireBytes: 1200,
  startsKeyframe: false,
  ...change,
});
const largestBurst = (sent: readonly Sent[]): number => {
  const counts = new Map<number, number>();
  for (const { atMs } of sent) counts.set(atMs, (counts.get(atMs) ?? 0) + 1);
  return Math.max(...counts.values());
};

describe('a pacer', () => {
  it('spreads a keyframe of 60 packets over slots, in its order', () => {
    const { pacer, sent, run } = record(4_800_000, 6_250_000);
    pacer.media(packet(-1), 0);
    for (let i = 0; i < 60; i += 1) pacer.media(packet(i), 20);
    run(20, 400);
    expect(sent.map(({ number }) => number)).toEqual([-1, ...Array.from({ length: 60 }, (_, i) => i)]);
    expect(largestBurst(sent)).toBeLessThanOrEqual(5);
    // 72 kB at 6.25 Mbps take 92 ms.
    expect(sent.at(-1)?.atMs).toBeGreaterThan(80);
    expect(sent.at(-1)?.atMs).toBeLessThan(140);
    expect(pacer.busy).toBe(false);
  });

  it.each([
    { name: '150 kB', packets: 125, tookMs: [70, 110] },
    { name: '360 kB, no faster than eight times the estimate', packets: 300, tookMs: [130, 200] },
  ])(
    'where the path carries more, a keyframe leaves soon: $name',
    ({ packets, tookMs: [least = 0, most = 0] }) => {
      const { sent, run, pacer } = record(3_300_000);
      pacer.media(packet(-1), 0);
      // Long after the stream began.
      for (let i = 0; i < packets; i += 1) pacer.media(packet(i), 5000);
      run(5000, 8000);
      expect(sent.length).toBe(packets + 1);
      expect((sent.at(-1)?.atMs ?? 0) - 5000).toBeGreaterThan(least);
      expect((sent.at(-1)?.atMs ?? 0) - 5000).toBeLessThan(most);
    },
  );

  it('a packet that has room does not wait', () => {
    const { pacer, sent } = record(1_000_000);
    for (let i = 0; i < 50; i += 1) pacer.media(packet(i, { wireBytes: 400 }), i * 20);
    expect(sent.map(({ atMs }) => atMs)).toEqual(Array.from({ length: 50 }, (_, i) => i * 20));
  });

  it('drains within about a second, whatever the estimate', () => {
    const { pacer, sent, run } = record(20_000);
    for (let i = 0; i < 50; i += 1) pacer.media(packet(i), 0);
    run(0, 5000);
    expect(sent).toHaveLength(50);
    // The rate falls with the queue: nearly all leave soon, the rest follows at its own rate.
    expect(sent.filter(({ atMs }) => atMs <= 2400).length).toBeGreaterThan(42);
  });

  it('a keyframe takes the place of what waits of its stream, when that would hold it up', () => {
    const { pacer, sent, run } = record(400_000, 420_000);
    for (let i = 0; i < 20; i += 1) pacer.media(packet(i), 0);
    pacer.media(packet(50, { stream: 1 }), 0);
    pacer.media(packet(100, { startsKeyframe: true }), 5);
    pacer.media(packet(101), 5);
    run(5, 500);
    expect(sent.map(({ number }) => number)).toEqual([0, 50, 100, 101]);
    expect(pacer.dropped).toBe(19);
  });

  it('a keyframe behind little leaves what waits as it is', () => {
    const { pacer, sent, run } = record(1_000_000, 1_300_000);
    for (let i = 0; i < 6; i += 1) pacer.media(packet(i), 0);
    pacer.media(packet(100, { startsKeyframe: true }), 0);
    run(5, 200);
    expect(sent.map(({ number }) => number)).toEqual([0, 1, 2, 3, 4, 5, 100]);
  });

  it('repairs go before media, and stop at their share', () => {
    const { pacer, sent, run } = record(1_000_000);
    for (let i = 0; i < 4; i += 1) pacer.media(packet(i), 0);
    let taken = 0;
    for (let i = 0; i < 100; i += 1) if (pacer.repair(packet(100 + i), 1)) taken += 1;
    expect(taken).toBeLessThanOrEqual(19);
    expect(taken).toBeGreaterThan(8);
    expect(pacer.refusedRepairs).toBe(100 - taken);
    run(5, 500);
    const order = sent.map(({ kind }) => kind).join(' ');
    expect(order.indexOf('repair')).toBeLessThan(order.lastIndexOf('media'));
    expect(pacer.repair(packet(200), 1500)).toBe(true);
  });

  it('gives up what waits too long, down to the newest keyframe, and says so', () => {
    const { pacer, sent, givenUp, run } = record(100_000);
    for (let i = 0; i < 140; i += 1) pacer.media(packet(i), 0);
    expect(givenUp).toEqual([0]);
    pacer.media(packet(500), 1);
    run(5, 100);
    expect(sent.map(({ number }) => number)).not.toContain(500);
    pacer.media(packet(501, { startsKeyframe: true }), 200);
    pacer.media(packet(502), 200);
    run(200, 1000);
    expect(sent.slice(-2).map(({ number }) => number)).toEqual([501, 502]);
    expect(pacer.dropped).toBeGreaterThan(100);
  });

  it('asks again for the keyframe of a stream that was given up, as long as none comes', () => {
    const { pacer, givenUp } = record(100_000);
    for (let i = 0; i < 140; i += 1) pacer.media(packet(i), 0);
    for (let ms = 10; ms <= 1600; ms += 10) pacer.media(packet(200 + ms), ms);
    expect(givenUp).toEqual([0, 0, 0, 0]);
    pacer.media(packet(900, { startsKeyframe: true }), 1610);
    for (let ms = 1620; ms <= 3000; ms += 100) pacer.media(packet(ms), ms);
    expect(givenUp.length).toBe(4);
  });

  it('lets the pictures since the last keyframe through where a stream begins or goes on, once in five seconds', () => {
    const { pacer, sent, givenUp, run } = record(2_500_000);
    const numbers = Array.from({ length: 2000 }, (_, i) => i);
    const replay = (nowMs: number): void => {
      for (const i of numbers) pacer.media(packet(i, { startsKeyframe: i === 0 }), nowMs);
    };
    replay(0);
    run(0, 3000);
    expect(givenUp).toEqual([]);
    expect(sent.map(({ number }) => number)).toEqual(numbers);

    for (const i of numbers) pacer.media(packet(i), 3000);
    expect(givenUp).toEqual([0]);
    replay(3100);
    expect(givenUp.length).toBe(2);
    run(3100, 6000);

    const before = sent.length;
    replay(6000);
    run(6000, 9000);
    expect(givenUp.length).toBe(2);
    expect(sent.slice(before).map(({ number }) => number)).toEqual(numbers);
  });

  it("keyframes that follow each other do not take each other's place", () => {
    const { pacer, sent, run } = record(400_000, 420_000);
    for (let ms = 0; ms < 6000; ms += 300) {
      for (let i = 0; i < 10; i += 1) pacer.media(packet(ms + i, { startsKeyframe: i === 0 }), ms);
      run(ms, ms + 295);
    }
    const whole = sent.filter(({ number }) => number % 300 === 9);
    expect(whole.length).toBeGreaterThan(8);
  });

  it('keeps a keyframe that waits already, and the other streams', () => {
    const { pacer, sent, givenUp, run } = record(100_000);
    for (let i = 0; i < 60; i += 1) pacer.media(packet(i), 0);
    pacer.media(packet(60, { startsKeyframe: true }), 0);
    for (let i = 61; i < 140; i += 1) pacer.media(packet(i), 0);
    expect(givenUp).toEqual([]);
    run(5, 3000);
    const numbers = sent.map(({ number }) => number);
    expect(numbers).toContain(60);
    expect(numbers).toContain(139);
    expect(numbers).not.toContain(30);
  });

  it('a probe is as fast as asked, made of media first', () => {
    const { pacer, sent, run } = record(500_000);
    pacer.media(packet(0), 0);
    pacer.media(packet(1), 0);
    pacer.media(packet(2), 0);
    pacer.probe({ id: 9, bitrateBps: 3_000_000, packetsMin: 8, bytesMin: 9375 }, 10);
    run(15, 100);
    const probe = sent.filter(({ cluster }) => cluster === 9);
    expect(probe.length).toBeGreaterThanOrEqual(8);
    expect(probe[0]?.kind).toBe('media');
    expect(probe.some(({ kind }) => kind === 'padding')).toBe(true);
    const spanMs = (probe.at(-1)?.atMs ?? 0) - (probe[0]?.atMs ?? 0);
    expect(spanMs).toBeGreaterThanOrEqual(15);
    expect(spanMs).toBeLessThanOrEqual(30);
    expect(pacer.busy).toBe(false);
  });

  it('a probe that finds nothing to send ends', () => {
    const { pacer, run } = record(500_000, 1_000_000, false);
    pacer.probe({ id: 9, bitrateBps: 3_000_000, packetsMin: 8, bytesMin: 9375 }, 10);
    expect(pacer.busy).toBe(true);
    run(15, 400);
    expect(pacer.busy).toBe(false);
  });

  it('audio leaves at once and is counted', () => {
    const { pacer, sent } = record(200_000, 200_000);
    pacer.media(packet(0, { wireBytes: 100 }), 0);
    expect(pacer.audio(1000, 0)).toBe(-1);
    pacer.media(packet(1), 0);
    expect(sent.map(({ number }) => number)).toEqual([0]);
  });

  it('what waits of a slot that is gone goes nowhere', () => {
    const { pacer, sent, run } = record(500_000);
    for (let i = 0; i < 20; i += 1) pacer.media(packet(i, { stream: i % 2 }), 0);
    const before = sent.length;
    pacer.forget(1);
    run(5, 1000);
    expect(sent.slice(before).every(({ number }) => number % 2 === 0)).toBe(true);
  });
});
