import { expect, it } from 'vitest';
import { ClientControl } from './client-control.ts';
import type { OutgoingPacket } from './outgoing-packet.ts';
import { SendCounters } from './send-counters.ts';

const REMB_BPS = 500_000;
const PACKET_BYTES = 1200;

it('the core is told less while much waits, and all of it again once that has left', () => {
  const told: number[] = [];
  const control = new ClientControl(
    {
      onEstimate: (bps) => told.push(bps),
      onWaiting: () => {},
      onGivenUp: () => {},
      sendPadding: () => 0,
      canPad: () => false,
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
