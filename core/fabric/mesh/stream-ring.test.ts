import { describe, expect, it } from 'vitest';
import type { StreamPacket } from './stream-message.ts';
import { StreamRing } from './stream-ring.ts';

const packet = (streamSeq: number, keyframe = false, bytes = 100): StreamPacket => ({
  streamSeq,
  epoch: 1,
  spatial: 0,
  keyframe,
  svc: false,
  sealed: new Uint8Array(bytes),
});
const seqs = (packets: readonly StreamPacket[]): number[] => packets.map(({ streamSeq }) => streamSeq);

describe('StreamRing', () => {
  it('keeps a second and a half, and gives what follows a number, over the wrap', () => {
    const ring = new StreamRing(false);
    for (let i = 0; i < 400; i += 1) ring.push(packet((4_294_967_290 + i) >>> 0), 10 * i);
    expect(ring.size).toBe(151);
    expect(seqs(ring.from(390))).toEqual([390, 391, 392, 393]);
    expect(ring.from(-1)).toEqual([]);
  });

  it('keeps no more than 4,096 packets, the last ones', () => {
    const ring = new StreamRing(false);
    for (let i = 0; i < 10_000; i += 1) ring.push(packet(i), 0);
    expect(ring.size).toBe(4096);
    expect(seqs(ring.from(0))).toEqual(Array.from({ length: 4096 }, (_, i) => 5904 + i));
  });

  it('keeps no more than 4 MB', () => {
    const ring = new StreamRing(true);
    for (let i = 0; i < 1000; i += 1) ring.push(packet(i, false, 10_000), 0);
    expect(ring.size).toBe(Math.floor((4 << 20) / 10_000));
  });

  it('of a stream without keyframes on request keeps all since the last keyframe, however old', () => {
    const ring = new StreamRing(true);
    for (let i = 0; i < 50; i += 1) ring.push(packet(i), 100 * i);
    // A keyframe of three packets.
    for (let i = 50; i < 53; i += 1) ring.push(packet(i, true), 5000);
    for (let i = 53; i < 90; i += 1) ring.push(packet(i), 100 * i);
    expect(seqs(ring.from(-1))).toEqual(Array.from({ length: 40 }, (_, i) => 50 + i));
  });
});
