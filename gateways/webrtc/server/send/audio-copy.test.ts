import { emptyMediaPacket } from '@switchyard/shared/media';
import { SrtpMemory } from '@switchyard/shared/srtp';
import { describe, expect, it } from 'vitest';
import { RedReader } from '../receive/red-reader.ts';
import { SeqWindow } from '../receive/seq-window.ts';
import { AudioCopy } from './audio-copy.ts';
import { type OutgoingPacket, OutgoingPackets } from './outgoing-packet.ts';
import { PayloadRing } from './payload-ring.ts';
import type { Slot } from './slot.ts';

const RING_BYTES = 4096;

describe('a copy of the audio packet before', () => {
  const memory = new SrtpMemory(Buffer.alloc(1 << 16));
  const ring = new PayloadRing(memory, RING_BYTES);
  const packets = new OutgoingPackets();
  // The packet only carries its slot along.
  const slot = {} as Slot;

  function packet(seq: number, payloadBytes: number): OutgoingPacket {
    const media = emptyMediaPacket('opus');
    media.payload = new Uint8Array(payloadBytes).fill(seq);
    const payload = ring.write(media);
    if (payload === undefined) throw new Error('does not fit');
    return Object.assign(packets.take(slot, payload), { seq, timestamp: seq * 960, payloadType: 111 });
  }

  it('goes with the next packet, and a receiver finds both in it', () => {
    const copy = new AudioCopy(ring);
    const first = packet(1, 80);
    expect(copy.fits(first)).toBe(false);
    copy.sent(first);
    const second = packet(2, 90);
    expect(copy.fits(second)).toBe(true);
    const { bytes } = memory;
    const at = bytes.length - 1000;
    const own = copy.write(bytes, at, second);
    bytes.fill(2, own, own + 90);
    const seen = new SeqWindow();
    const reader = new RedReader(seen);
    seen.isNew(0);
    const found: [number, number, number][] = [];
    expect(
      reader.read(bytes, at, own + 90, 111, 2, 2 * 960, (from, end, seq, timestamp) => {
        expect([...new Set(bytes.subarray(from, end))]).toEqual([seq]);
        found.push([seq, end - from, timestamp]);
      }),
    ).toBe(true);
    expect(found).toEqual([
      [1, 80, 960],
      [2, 90, 2 * 960],
    ]);
  });

  it('does not when its payload was overwritten, or both are too long', () => {
    const copy = new AudioCopy(ring);
    copy.sent(packet(1, 80));
    for (let i = 0; i < 10; i += 1) packet(100 + i, 1000);
    expect(copy.fits(packet(2, 80))).toBe(false);
    copy.sent(packet(3, 380));
    expect(copy.fits(packet(4, 900))).toBe(false);
  });
});
