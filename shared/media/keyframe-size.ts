import { BitReader } from './bit-reader.ts';
import { NAL, nalType, stapNals } from './codec/h264.ts';
import { readH264Sps } from './codec/h264-sps.ts';
import { vp8DescriptorBytes } from './codec/vp8.ts';
import { vp9DescriptorBytes } from './codec/vp9.ts';
import type { MediaPacket } from './media-packet.ts';

export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/**
 * Size of the picture, in pixels, that a keyframe's packet tells: VP8 (RFC 6386 §9.1) and VP9 (its uncompressed header)
 * in the first one, H.264 in the one with the SPS. Undefined for others, and for AV1: its dependency descriptor tells.
 * @param packet Its codec facts were read.
 */
export function keyframeSize({ codec, keyframe, frameStart, payload }: MediaPacket): PictureSize | undefined {
  if (!keyframe || !frameStart) return undefined;
  switch (codec) {
    case 'vp8':
      return vp8Size(payload, vp8DescriptorBytes(payload));
    case 'vp9':
      return vp9Size(payload, vp9DescriptorBytes(payload));
    case 'h264':
      return h264Size(payload);
    case 'av1':
    case 'opus':
      return undefined;
  }
}

const sizeOf = (width: number, height: number): PictureSize | undefined =>
  width > 0 && height > 0 ? { width, height } : undefined;

/** Frame tag, start code 9d 01 2a, then 14 bits each, little endian; the rest of those bytes scales at the player. */
function vp8Size(payload: Uint8Array, at: number): PictureSize | undefined {
  if (at < 0 || at + 10 > payload.length) return undefined;
  const byte = (offset: number): number => payload[at + offset] ?? 0;
  if (byte(3) !== 0x9d || byte(4) !== 0x01 || byte(5) !== 0x2a) return undefined;
  return sizeOf(((byte(7) & 0x3f) << 8) | byte(6), ((byte(9) & 0x3f) << 8) | byte(8));
}

const VP9_SYNC_CODE = 0x49_83_42;
const COLOR_SPACE_RGB = 7;

/** Profile 0: marker, profile, show existing, frame type, two flags, sync code, color space and range, 16 bits each. */
function vp9Size(payload: Uint8Array, at: number): PictureSize | undefined {
  if (at < 0) return undefined;
  const reader = new BitReader(payload.subarray(at));
  const isProfile0Keyframe = (reader.bits(8) & 0xfc) === 0x80;
  if (!isProfile0Keyframe || reader.bits(24) !== VP9_SYNC_CODE || reader.bits(3) === COLOR_SPACE_RGB)
    return undefined;
  reader.bits(1);
  const size = sizeOf(reader.bits(16) + 1, reader.bits(16) + 1);
  return reader.overrun ? undefined : size;
}

function h264Size(payload: Uint8Array): PictureSize | undefined {
  const nals = nalType(payload) === NAL.stapA ? stapNals(payload) : [payload];
  const sps = nals.find((nal) => nalType(nal) === NAL.sps);
  const read = sps && readH264Sps(sps);
  return read && sizeOf(read.width, read.height);
}
