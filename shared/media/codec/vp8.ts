import { readU16 } from '../bytes.ts';
import { type MediaPacket, resetCodecFacts } from '../media-packet.ts';

/**
 * Reads a VP8 payload descriptor (RFC 7741 §4.2) into the packet's facts.
 * ```
 *  0 1 2 3 4 5 6 7
 * |X|R|N|S|R| PID |
 * |I|L|T|K| RSV   |  X
 * |M| PictureID   |  I, one more byte when M
 * |   TL0PICIDX   |  L
 * |TID|Y| KEYIDX  |  T or K
 * ```
 * @returns false when it is malformed.
 */
export function readVp8Payload(payload: Uint8Array, into: MediaPacket): boolean {
  const first = payload[0];
  if (first === undefined) return false;
  resetCodecFacts(into);
  let at = 1;
  if ((first & 0x80) !== 0) {
    const flags = payload[at++] ?? 0;
    // A TL0PICIDX without temporal layers has no meaning: L requires T.
    if ((flags & 0x60) === 0x40) return false;
    if ((flags & 0x80) !== 0) at = readPictureId(payload, at, into);
    if ((flags & 0x40) !== 0) {
      into.tl0PicIdxOffset = at;
      into.tl0PicIdx = payload[at++] ?? 0;
    }
    if ((flags & 0x30) !== 0) {
      const layer = payload[at++] ?? 0;
      if ((flags & 0x20) !== 0) {
        into.temporal = layer >> 6;
        into.switchingPoint = (layer & 0x20) !== 0;
      }
    }
  }
  if (at >= payload.length) return false;
  into.frameStart = (first & 0x10) !== 0 && (first & 7) === 0;
  into.frameEnd = into.marker;
  // P bit of the frame header (RFC 7741 §4.3): 0 is a keyframe. Later packets of the frame do not say.
  into.keyframe = into.frameStart && ((payload[at] ?? 1) & 1) === 0;
  return true;
}

/** Bytes of a VP8 payload descriptor: where the frame's own bytes begin. −1 when it is malformed. */
export function vp8DescriptorBytes(payload: Uint8Array): number {
  const first = payload[0] ?? 0;
  let at = 1;
  if ((first & 0x80) !== 0) {
    const flags = payload[at++] ?? 0;
    if ((flags & 0x80) !== 0) at += ((payload[at] ?? 0) & 0x80) === 0 ? 1 : 2;
    if ((flags & 0x40) !== 0) at += 1;
    if ((flags & 0x30) !== 0) at += 1;
  }
  return at < payload.length ? at : -1;
}

/** Shared with VP9, whose PictureID looks the same. @returns Offset after it. */
export function readPictureId(payload: Uint8Array, at: number, into: MediaPacket): number {
  into.pictureIdOffset = at;
  const long = ((payload[at] ?? 0) & 0x80) !== 0;
  into.pictureIdBits = long ? 15 : 7;
  into.pictureId = long ? readU16(payload, at) & 0x7fff : (payload[at] ?? 0) & 0x7f;
  return at + (long ? 2 : 1);
}
