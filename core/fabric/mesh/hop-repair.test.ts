import { describe, expect, it, test } from 'vitest';
import {
  DATAGRAM_TYPES,
  datagramType,
  emptyMediaHeader,
  MESH_VERSION,
  readControlSeq,
  readMediaHeader,
  writeControlHeader,
  writeMediaHeader,
} from './datagram.ts';
import { FeedbackMerge } from './feedback-merge.ts';
import { HOP_RING_PACKETS, HopReceiver, HopSender } from './hop-repair.ts';
import { SeenWindow } from './seen-window.ts';
import { seededRandom } from './testing/synthetic-internet.ts';

describe('datagrams', () => {
  it('keep every field of a media header', () => {
    const bytes = new Uint8Array(40);
    const header = {
      spatial: 5,
      keyframe: true,
      svc: true,
      epoch: 65_535,
      linkSeq: 4_294_967_295,
      label: 3_000_000_000,
      streamSeq: 2_147_483_648,
    };
    writeMediaHeader(bytes, header);
    const read = emptyMediaHeader();
    expect(datagramType(bytes)).toBe(DATAGRAM_TYPES.media);
    expect(readMediaHeader(bytes, read)).toBe(true);
    expect(read).toEqual(header);
  });

  it('keep the number of a control header', () => {
    const bytes = new Uint8Array(40);
    writeControlHeader(bytes, 4_000_000_000);
    expect(datagramType(bytes)).toBe(DATAGRAM_TYPES.control);
    expect(readControlSeq(bytes)).toBe(4_000_000_000);
  });

  test.for([
    ['nothing', []],
    ['a short one', [0x11, 0, 0, 0, 0, 0, 0]],
    ['another version', [((MESH_VERSION + 1) << 4) | 1, 0, 0, 0, 0, 0, 0, 0, 0]],
  ] as const)('%s is no datagram', ([, bytes]) => {
    expect(datagramType(Uint8Array.from(bytes))).toBe(-1);
  });

  it('media without media is refused', () => {
    const bytes = new Uint8Array(24);
    writeMediaHeader(bytes, emptyMediaHeader());
    expect(readMediaHeader(bytes, emptyMediaHeader())).toBe(false);
  });
});

describe('SeenWindow', () => {
  it('takes each number once, in any order, over the wrap', () => {
    const window = new SeenWindow(64);
    const numbers = [4_294_967_290, 4_294_967_293, 4_294_967_291, 2, 0, 4_294_967_295, 1];
    for (const number of numbers) expect(window.add(number)).toBe(true);
    for (const number of numbers) expect(window.add(number)).toBe(false);
    expect(window.has(4_294_967_292)).toBe(false);
    expect(window.has(2)).toBe(true);
    expect(window.highest).toBe(2);
  });

  it('refuses what is too old to tell', () => {
    const window = new SeenWindow(64);
    window.add(0);
    window.add(100);
    expect(window.add(36)).toBe(false);
    expect(window.add(37)).toBe(true);
  });

  it('forgets everything over a jump', () => {
    const window = new SeenWindow(64);
    for (let i = 0; i < 64; i += 1) window.add(i);
    expect(window.add(1000)).toBe(true);
    for (let i = 940; i < 1000; i += 1) expect(window.add(i)).toBe(true);
  });
});

describe('HopSender', () => {
  it('finds what left lately, by its number', () => {
    const sender = new HopSender();
    for (let i = 0; i < HOP_RING_PACKETS + 10; i += 1) sender.take(2, 0).set([i & 255, i >> 8]);
    expect(sender.find(9)).toBeUndefined();
    expect(sender.find(10)).toEqual(Uint8Array.of(10, 0));
    expect(sender.find(HOP_RING_PACKETS + 9)).toBeDefined();
    expect(sender.find(HOP_RING_PACKETS + 10)).toBeUndefined();
  });

  it('knows the length of each, though buffers are used again', () => {
    const sender = new HopSender();
    for (let i = 0; i < 2 * HOP_RING_PACKETS; i += 1) sender.take(1 + (i % 1400), 0)[0] = i & 255;
    for (const seq of [HOP_RING_PACKETS, HOP_RING_PACKETS + 7, 2 * HOP_RING_PACKETS - 1]) {
      expect(sender.find(seq)?.length).toBe(1 + (seq % 1400));
      expect(sender.find(seq)?.[0]).toBe(seq & 255);
    }
  });

  it('says its last number once when it falls silent', () => {
    const sender = new HopSender();
    expect(sender.tail(1000)).toBeUndefined();
    sender.take(1, 1000);
    expect(sender.tail(1019)).toBeUndefined();
    expect(sender.tail(1020)).toBe(0);
    expect(sender.tail(2000)).toBeUndefined();
  });
});

describe('HopReceiver', () => {
  const due = (receiver: HopReceiver, nowMs: number, rttMs = 50): number[] => {
    const numbers: number[] = [];
    receiver.due(rttMs, nowMs, numbers);
    return numbers;
  };

  it('asks for a gap at once, and again after a round trip', () => {
    const receiver = new HopReceiver();
    receiver.received(10, 0);
    receiver.received(13, 5);
    expect(due(receiver, 5)).toEqual([11, 12]);
    expect(due(receiver, 40)).toEqual([]);
    receiver.received(12, 50);
    expect(due(receiver, 60)).toEqual([11]);
    expect(receiver.repaired).toBe(1);
  });

  it('gives up after 300 ms', () => {
    const receiver = new HopReceiver();
    receiver.received(0, 0);
    receiver.received(2, 0);
    for (let nowMs = 0; nowMs < 400; nowMs += 5) due(receiver, nowMs, 20);
    expect(receiver.missingCount).toBe(0);
    expect(receiver.lost).toBe(1);
  });

  it('learns of a lost last packet from the tail', () => {
    const receiver = new HopReceiver();
    receiver.received(0, 0);
    receiver.tail(2, 30);
    expect(due(receiver, 30)).toEqual([1, 2]);
    receiver.tail(2, 40);
    expect(due(receiver, 40)).toEqual([]);
  });

  it('takes a jump for another line, not for thousands of losses to repair', () => {
    const receiver = new HopReceiver();
    receiver.received(0, 0);
    receiver.received(100_000, 0);
    expect(due(receiver, 0)).toEqual([]);
    receiver.received(100_002, 0);
    expect(due(receiver, 0)).toEqual([100_001]);
  });

  it('never remembers more than its bound', () => {
    const receiver = new HopReceiver();
    for (let i = 0; i < 5000; i += 1) receiver.received(i * 2, 0);
    expect(receiver.missingCount).toBeLessThanOrEqual(1024);
  });

  it('delivers at least 99.9 % over a hop of 50 ms with 1 % loss each way, p99 in 85 ms', () => {
    const random = seededRandom(42);
    const sender = new HopSender();
    const receiver = new HopReceiver();
    const sentMs: number[] = [];
    const delays: number[] = [];
    const window = new SeenWindow(HOP_RING_PACKETS);
    const wire: { atMs: number; run: (nowMs: number) => void }[] = [];
    // The hop is 50 ms there and back.
    const transmit = (nowMs: number, run: (nowMs: number) => void): void => {
      if (random() >= 0.01) wire.push({ atMs: nowMs + 25, run });
    };
    const arrive = (seq: number) => (nowMs: number) => {
      receiver.received(seq, nowMs);
      if (window.add(seq)) delays.push(nowMs - (sentMs[seq] ?? 0));
    };
    const numbers: number[] = [];
    const total = 20_000;
    for (let nowMs = 0; nowMs < total + 1000; nowMs += 1) {
      for (const item of wire.splice(0)) {
        if (item.atMs <= nowMs) item.run(nowMs);
        else wire.push(item);
      }
      if (nowMs < total) {
        const seq = sender.nextSeq;
        sentMs[seq] = nowMs;
        sender.take(1, nowMs);
        transmit(nowMs, arrive(seq));
      }
      const tail = sender.tail(nowMs);
      if (tail !== undefined) transmit(nowMs, (atMs) => receiver.tail(tail, atMs));
      receiver.due(50, nowMs, numbers);
      const asked = [...numbers];
      if (asked.length > 0)
        transmit(nowMs, (atMs) => {
          for (const seq of asked) if (sender.find(seq) !== undefined) transmit(atMs, arrive(seq));
        });
    }
    delays.sort((a, b) => a - b);
    expect(delays.length / total).toBeGreaterThanOrEqual(0.999);
    expect(delays[Math.floor(delays.length * 0.5)]).toBe(25);
    expect(delays[Math.floor(delays.length * 0.99)]).toBeLessThanOrEqual(85);
  });
});

describe('FeedbackMerge', () => {
  it('adds consumers up, and forgets who says nothing for two seconds', () => {
    const merge = new FeedbackMerge();
    const one = (bps: number): { count: number; minBps: number; maxBps: number; sumBps: number } => ({
      count: 1,
      minBps: bps,
      maxBps: bps,
      sumBps: bps,
    });
    merge.bitrate('a', one(1000), 0);
    merge.bitrate('b', one(2000), 100);
    expect(merge.merged(100)).toEqual({ count: 2, minBps: 1000, maxBps: 2000, sumBps: 3000 });
    merge.bitrate('c', { count: 2, minBps: 500, maxBps: 900, sumBps: 1400 }, 1500);
    expect(merge.merged(2000)).toEqual({ count: 3, minBps: 500, maxBps: 2000, sumBps: 3400 });
    merge.forget('c');
    expect(merge.merged(2100)).toBeUndefined();
  });

  it('passes one keyframe request a second and layer', () => {
    const merge = new FeedbackMerge();
    expect([0, 500, 999, 1000].map((nowMs) => merge.keyframe(0, nowMs))).toEqual([true, false, false, true]);
    expect(merge.keyframe(1, 1001)).toBe(true);
  });
});
