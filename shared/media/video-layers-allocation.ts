import { readU16 } from './bytes.ts';

/** What a publisher says of one of its RTP streams. */
export interface AllocatedStream {
  /** False: nothing is sent on it now. */
  readonly active: boolean;
  /** Pixels of its highest spatial layer, 1…65536; 0 when not told. */
  readonly width: number;
  readonly height: number;
  /** Target of the highest spatial layer with all its temporal ones (full SVC: and all below it), bits per second; 0 when not active. */
  readonly bitrateBps: number;
}

export interface VideoLayersAllocation {
  /** Index into `streams` of the stream on which it came. */
  readonly stream: number;
  /** In the client's numbering, which is the order of its `a=simulcast` line; streams above the last one are not active. */
  readonly streams: readonly AllocatedStream[];
}

const SPATIAL_MAX = 4;
const SIZE_BYTES = 5;
/** A target of 35 bits in kbps is beyond everything. */
const LEB128_BYTES_MAX = 5;
const INACTIVE: AllocatedStream = { active: false, width: 0, height: 0, bitrateBps: 0 };
const NOTHING: VideoLayersAllocation = { stream: 0, streams: [] };

/**
 * Reads the header extension `http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00`.
 * ```
 *  0 1 2 3 4 5 6 7
 * |RID| NS| sl_bm |  index of this stream; streams − 1; active spatial layers of every stream, or 0 and
 * |sl0_bm |sl1_bm |  those of each stream, in 1 (NS < 2) or 2 bytes
 * |#tl|#tl|#tl|#tl|  temporal layers − 1 of each active (stream, spatial layer), padded to bytes
 * | target, kbps  |  LEB128, for each (stream, spatial, temporal layer), lower ones included
 * | width − 1 (16), height − 1 (16), frames a second (8) |  of each active (stream, spatial layer); all or none
 * ```
 * A single zero byte says that nothing is sent. Sizes are there with keyframes and when they changed.
 * @returns undefined when it is malformed.
 */
export function readVideoLayersAllocation(bytes: Uint8Array): VideoLayersAllocation | undefined {
  const first = bytes[0];
  if (first === undefined) return undefined;
  if (first === 0 && bytes.length === 1) return NOTHING;
  const stream = first >> 6;
  const count = ((first >> 4) & 3) + 1;
  if (stream >= count) return undefined;
  const shared = first & 15;
  let at = 1;
  const layers: number[] = [];
  for (let i = 0; i < count; i += 1)
    layers.push(countOf(shared === 0 ? ((bytes[at + (i >> 1)] ?? 0) >> (i % 2 === 0 ? 4 : 0)) & 15 : shared));
  if (shared === 0) at += (count + 1) >> 1;
  const total = layers.reduce((sum, each) => sum + each, 0);
  const temporalsAt = at;
  at += (total + 3) >> 2;
  if (total === 0 || at >= bytes.length) return undefined;
  const targets: number[] = [];
  for (let layer = 0; layer < total; layer += 1) {
    const temporals = (((bytes[temporalsAt + (layer >> 2)] ?? 0) >> (6 - 2 * (layer & 3))) & 3) + 1;
    // Each temporal layer's target contains those below: the last one is the whole.
    for (let temporal = 0; temporal < temporals; temporal += 1) {
      const end = endOfLeb128(bytes, at);
      if (end < 0) return undefined;
      targets[layer] = leb128(bytes, at, end) * 1000;
      at = end;
    }
  }
  const hasSizes = at < bytes.length;
  if (hasSizes && at + total * SIZE_BYTES !== bytes.length) return undefined;
  let above = 0;
  const streams = layers.map((each) => {
    if (each === 0) return INACTIVE;
    above += each;
    const size = at + (above - 1) * SIZE_BYTES;
    return {
      active: true,
      width: hasSizes ? readU16(bytes, size) + 1 : 0,
      height: hasSizes ? readU16(bytes, size + 2) + 1 : 0,
      bitrateBps: targets[above - 1] ?? 0,
    };
  });
  return { stream, streams };
}

function countOf(mask: number): number {
  let count = 0;
  for (let bit = 0; bit < SPATIAL_MAX; bit += 1) count += (mask >> bit) & 1;
  return count;
}

/** @returns Offset after the number (AV1 §4.10.5), −1 when it does not end. */
function endOfLeb128(bytes: Uint8Array, from: number): number {
  for (let at = from; at < Math.min(bytes.length, from + LEB128_BYTES_MAX); at += 1)
    if ((bytes[at] ?? 0) < 0x80) return at + 1;
  return -1;
}

function leb128(bytes: Uint8Array, from: number, end: number): number {
  let value = 0;
  for (let at = end - 1; at >= from; at -= 1) value = value * 128 + ((bytes[at] ?? 0) & 0x7f);
  return value;
}
