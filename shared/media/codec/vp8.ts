import { readU16 } from '../bytes.ts';
import type { MediaPacket } from '../media-packet.ts';

/** Reads a VP8 payload descriptor (RFC 7741 §4.2) into the packet's facts. @returns false when it is malformed. */
export function readVp8Payload(payload: Uint8Array, into: MediaPacket): boolean {
  const first = payload[0];
  if (first === undefined) return false;
  into.pictureId = -1;
  into.pictureIdBits = 0;
  into.tl0PicIdx = -1;
  into.temporal = 0;
  into.switchingPoint = false;
  into.svc = false;
  let at = 1;
  if ((first & 0x80) !== 0) {
    const flags = payload[at++] ?? 0;
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
  // P bit of the frame header (RFC 7741 §4.3): 0 is a keyframe.
  into.keyframe = into.frameStart && ((payload[at] ?? 1) & 1) === 0;
  return true;
}

/** Shared with VP9, whose PictureID looks the same. @returns Offset after it. */
export function readPictureId(payload: Uint8Array, at: number, into: MediaPacket): number {
  into.pictureIdOffset = at;
  const long = ((payload[at] ?? 0) & 0x80) !== 0;
  into.pictureIdBits = long ? 15 : 7;
  into.pictureId = long ? readU16(payload, at) & 0x7fff : (payload[at] ?? 0) & 0x7f;
  return at + (long ? 2 : 1);
}
