import { seqDiff } from '@switchyard/shared/media';
import { describe, expect, it } from 'vitest';
import type { NegotiatedMedia } from '../peer-contract.ts';
import { TrackLayers } from './track-layers.ts';

const media = (offered: string, lowestFirst = offered): NegotiatedMedia => ({
  mid: 'v',
  kind: 'video',
  direction: 'receive',
  codecs: [{ codec: 'vp8', payloadType: 96 }],
  extensions: {},
  rids: lowestFirst === '' ? [] : lowestFirst.split(' '),
  offeredRids: offered === '' ? [] : offered.split(' '),
  ssrcs: [],
});
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
/** Chromium with the rids c, a, b of 960×540, 480×270 and 240×135, on b. */
const ALL_THREE = bytesOf('a1a8649501f9018c01d201de024365a80103bf021b3c01df010d3c00ef00863c');
/** The same before it knew its link, and later with c switched off. */
const ONLY_B = bytesOf('a00010805a8701e10100ef00863c');
const WITHOUT_C = bytesOf('a00110a0b4018e02c2034365a80101df010d1400ef008614');

describe('layers of a simulcast track', () => {
  it('one packet with an allocation puts all encodings in order, before the others come', () => {
    const layers = new TrackLayers(media('c a b'));
    expect(layers.tell(0).map(({ rid }) => rid)).toEqual(['c', 'a', 'b']);
    layers.allocated(2, ONLY_B, 10);
    expect(layers.takeNews(10)).toBeUndefined();
    layers.allocated(2, ALL_THREE, 80);
    expect(layers.takeNews(80)).toEqual([
      { rid: 'b', width: 240, height: 135 },
      { rid: 'a', width: 480, height: 270 },
      { rid: 'c', width: 960, height: 540 },
    ]);
    expect([0, 1, 2].map((encoding) => layers.layerOf(encoding))).toEqual([2, 1, 0]);
    expect(layers.encodingAt(2)).toBe(0);
    expect(layers.takeNews(5000)).toBeUndefined();
  });

  it('what the client switches off is told at once, and keeps its place', () => {
    const layers = new TrackLayers(media('c a b'));
    layers.allocated(2, ALL_THREE, 0);
    layers.tell(0);
    layers.allocated(2, WITHOUT_C, 3000);
    expect(layers.takeNews(3000)).toEqual([
      { rid: 'b', width: 240, height: 135 },
      { rid: 'a', width: 480, height: 270 },
      { rid: 'c', width: 960, height: 540, active: false },
    ]);
    layers.allocated(2, ALL_THREE, 3100);
    expect(layers.takeNews(3100)).toBeUndefined();
    expect(layers.takeNews(4000)?.some(({ active }) => active === false)).toBe(false);
    layers.allocated(2, WITHOUT_C, 4100);
    layers.allocated(2, ALL_THREE, 4200);
    expect(layers.takeNews(9000)).toBeUndefined();
  });

  it('streams are numbered as they were offered, whatever order was guessed', () => {
    const layers = new TrackLayers(media('c a b', 'a b c'));
    layers.allocated(1, ALL_THREE, 0);
    expect(layers.tell(0).map(({ rid, width }) => `${rid} ${width}`)).toEqual(['b 240', 'a 480', 'c 960']);
  });

  it('a client that numbers its streams otherwise is not believed', () => {
    const layers = new TrackLayers(media('c a b'));
    layers.allocated(0, ALL_THREE, 0);
    expect(layers.takeNews(5000)).toBeUndefined();
  });

  it('nonsense and sizes beyond what a layer may name are ignored', () => {
    const layers = new TrackLayers(media(''));
    layers.allocated(0, bytesOf('0100'), 0);
    layers.allocated(0, bytesOf('010001ffff010d3c'), 0);
    expect(layers.takeNews(5000)).toBeUndefined();
    layers.allocated(0, bytesOf('01000101df010d3c'), 0);
    expect(layers.takeNews(5000)).toEqual([{ width: 480, height: 270 }]);
  });

  it('a single stream that stops is told by nobody', () => {
    const layers = new TrackLayers(media(''));
    layers.allocated(0, bytesOf('01000101df010d3c'), 0);
    layers.tell(0);
    layers.allocated(0, bytesOf('00'), 2000);
    expect(layers.takeNews(5000)).toBeUndefined();
  });

  it('sizes are told once a second at most', () => {
    const layers = new TrackLayers(media(''));
    layers.tell(0);
    let told = 0;
    for (let nowMs = 0; nowMs < 10_000; nowMs += 10) {
      layers.sized(0, { width: 100 + nowMs, height: 100 }, nowMs);
      if (layers.takeNews(nowMs) !== undefined) told += 1;
    }
    expect(told).toBe(9);
  });

  it('sequence numbers of a layer jump when another encoding becomes it, and only then', () => {
    const layers = new TrackLayers(media('x a'));
    expect(layers.packet(1, 65_534, 100, 0)).toBe(65_534);
    expect(layers.packet(1, 1, 100, 0)).toBe(1);
    expect(layers.packet(0, 200, 100, 0)).toBe(200);
    layers.sized(0, { width: 1280, height: 720 }, 10);
    layers.sized(1, { width: 640, height: 360 }, 10);
    expect(layers.layerOf(0)).toBe(1);
    // Layer 1 was at 1, layer 0 at 200.
    const first = layers.packet(0, 203, 100, 20);
    expect(seqDiff(first, 1)).toBe(16_384);
    expect(layers.packet(0, 202, 100, 20)).toBe(first - 1);
    expect(layers.packet(0, 204, 100, 20)).toBe(first + 1);
    expect(seqDiff(layers.packet(1, 2, 100, 20), 200)).toBe(16_384);
    expect(layers.packet(1, 3, 100, 20)).toBe(200 + 16_385);
  });

  it('a layer that nothing was sent of begins where its encoding is', () => {
    const layers = new TrackLayers(media('x a'));
    layers.packet(0, 500, 100, 0);
    layers.sized(0, { width: 1280, height: 720 }, 0);
    layers.sized(1, { width: 640, height: 360 }, 0);
    expect(layers.packet(0, 501, 100, 10)).toBe(501);
    expect(seqDiff(layers.packet(1, 7, 100, 10), 500)).toBe(16_384);
  });
});
