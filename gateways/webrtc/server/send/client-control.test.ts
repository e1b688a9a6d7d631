import { expect, it } from 'vitest';
import { ClientControl } from './client-control.ts';
import type { OutgoingPacket } from './outgoing-packet.ts';
import { SendCounters } from './send-counters.ts';

const REMB_BPS = 500_000;
const PACKET_BYTES = 1200;

const SILENT_LISTENER = {
  onWaiting: () => {},
  onGivenUp: () => {},
  sendPadding: () => 0,
  canPad: () => false,
};

it('a client that sends receiver reports only (aiortc, GStreamer) is not held at the start value: its losses decide', () => {
  const told: number[] = [];
  const control = new ClientControl(
    { ...SILENT_LISTENER, onEstimate: (bps) => told.push(bps) },
    new SendCounters(),
  );
  control.setDemand(2_000_000);
  const slot = { isVideo: true, transmit: () => 0, discard: () => {} };
  const packet = { slot, stream: 0, wireBytes: PACKET_BYTES, startsKeyframe: false, isRepair: false };
  const reports = (fromMs: number, seconds: number, loss: number): void => {
    for (let nowMs = fromMs; nowMs < fromMs + seconds * 1000; nowMs += 10) {
      control.enqueue(packet as unknown as OutgoingPacket, nowMs);
      control.process(nowMs);
      control.tick(nowMs);
      if (nowMs % 1000 === 0) control.onLossReport(loss, nowMs);
    }
  };
  reports(0, 5, 0);
  expect(told).toEqual([]);
  reports(5000, 10, 0);
  expect(Math.min(...told)).toBeGreaterThanOrEqual(2_000_000);
  // Loss that goes by: less, then as much as before.
  reports(15_000, 10, 0.3);
  expect(told.at(-1)).toBeLessThan(1_100_000);
  reports(25_000, 15, 0);
  expect(told.at(-1)).toBe(2_000_000);
});

it('the core is told less while much waits, and all of it again once that has left', () => {
  const told: number[] = [];
  const control = new ClientControl(
    {
      ...SILENT_LISTENER,
      onEstimate: (bps) => told.push(bps),
    },
    new SendCounters(),
  );
  const slot = { isVideo: true, transmit: () => 0, discard: () => {} };
  const packet = { slot, stream: 0, wireBytes: PACKET_BYTES, startsKeyframe: false, isRepair: false };
  const waits = (nowMs: number): number => {
    control.onRemb(REMB_BPS, REMB_BPS, nowMs);
    return control.pacer.queuedBytes;
  };
  // Media flows at the estimate.
  for (let nowMs = 0; nowMs < 1000; nowMs += 20) {
    control.enqueue(packet as unknown as OutgoingPacket, nowMs);
    control.process(nowMs);
  }
  expect(waits(1000)).toBeLessThan((REMB_BPS / 8) * 0.3);
  expect(told.at(-1)).toBe(control.estimate.bitrateBps);
  // A burst of a second's worth of media.
  for (let i = 0; i < 50; i += 1) control.enqueue(packet as unknown as OutgoingPacket, 1000);
  const queued = waits(1000);
  expect(queued).toBeGreaterThan((REMB_BPS / 8) * 0.7);
  expect(told.at(-1)).toBeCloseTo(control.estimate.bitrateBps - queued * 4);
  for (let nowMs = 1000; nowMs < 4000; nowMs += 5) control.process(nowMs);
  expect(waits(4000)).toBe(0);
  expect(told.at(-1)).toBe(control.estimate.bitrateBps);
});

it('a delay that grows is told at once as a warning, and that it has ended', () => {
  const told: { readonly congested: boolean; readonly atMs: number }[] = [];
  let nowMs = 0;
  const control = new ClientControl(
    {
      onEstimate: (_, congested) => told.push({ congested, atMs: nowMs }),
      onWaiting: () => {},
      onGivenUp: () => {},
      sendPadding: () => 0,
      canPad: () => false,
    },
    new SendCounters(),
  );
  control.negotiated(true);
  /** Feedback every 100 ms on ten packets, which come as late as is said. */
  const run = (untilMs: number, delayMs: (sentMs: number) => number): void => {
    for (; nowMs < untilMs; nowMs += 100) {
      const arrivalsMs: number[] = [];
      let baseSeq = -1;
      for (let i = 0; i < 10; i += 1) {
        const sentMs = nowMs + i * 10;
        const seq = control.transportSeq(PACKET_BYTES, -1, sentMs);
        if (baseSeq < 0) baseSeq = seq;
        arrivalsMs.push(sentMs + delayMs(sentMs));
      }
      control.onFeedback({ baseSeq, arrivalsMs, referenceMs: 0, feedbackCount: nowMs / 100 }, nowMs + 200);
    }
  };
  run(3000, () => 20);
  expect(told.some(({ congested }) => congested)).toBe(false);
  // A queue that grows by a fifth of the time.
  run(4000, (sentMs) => 20 + (sentMs - 3000) / 5);
  expect(told.find(({ congested }) => congested)?.atMs).toBeLessThan(3500);
  run(8000, () => 20);
  expect(told.at(-1)?.congested).toBe(false);
});

it('nothing is told while more waits than the estimate carries: no bitrate is below zero', () => {
  const told: number[] = [];
  const control = new ClientControl(
    { ...SILENT_LISTENER, onEstimate: (bps) => told.push(bps) },
    new SendCounters(),
  );
  const slot = { isVideo: true, transmit: () => 0, discard: () => {} };
  const packet = { slot, stream: 0, wireBytes: PACKET_BYTES, startsKeyframe: true, isRepair: false };
  control.onRemb(REMB_BPS, REMB_BPS, 0);
  const before = [...told];
  // A late viewer's stream begins with all pictures since the last keyframe.
  control.enqueue(packet as unknown as OutgoingPacket, 0);
  for (let i = 0; i < 400; i += 1)
    control.enqueue({ ...packet, startsKeyframe: false } as unknown as OutgoingPacket, 0);
  expect(control.pacer.queuedBytes * 4).toBeGreaterThan(control.estimate.bitrateBps);
  control.onRemb(REMB_BPS, REMB_BPS, 0);
  expect(told).toEqual(before);
  for (let nowMs = 0; nowMs < 4000; nowMs += 5) control.process(nowMs);
  control.onRemb(REMB_BPS, REMB_BPS, 4000);
  expect(Math.min(...told)).toBeGreaterThan(0);
});
