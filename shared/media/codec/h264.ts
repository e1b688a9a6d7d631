import { readU16 } from '../bytes.ts';
import type { MediaPacket } from '../media-packet.ts';

/** NAL unit types (ITU-T H.264 table 7-1) and those of the RTP payload (RFC 6184 §5.2). */
export const NAL = { slice: 1, idr: 5, sei: 6, sps: 7, pps: 8, aud: 9, stapA: 24, fuA: 28 } as const;

export const nalType = (nal: Uint8Array): number => (nal[0] ?? 0) & 31;

/** Whether the payload is the first of a keyframe: an SPS or the start of an IDR slice. */
function startsKeyframe(payload: Uint8Array): boolean {
  const type = nalType(payload);
  if (type === NAL.sps || type === NAL.idr) return true;
  if (type === NAL.fuA) {
    const header = payload[1] ?? 0;
    return (header & 0x80) !== 0 && (header & 31) === NAL.idr;
  }
  if (type !== NAL.stapA) return false;
  let at = 1;
  while (at + 3 <= payload.length) {
    const nal = (payload[at + 2] ?? 0) & 31;
    if (nal === NAL.sps || nal === NAL.idr) return true;
    at += 2 + readU16(payload, at);
  }
  return false;
}

/** Whether the payload may begin an access unit, as far as a single packet tells. */
function startsFrame(payload: Uint8Array): boolean {
  const type = nalType(payload);
  if (type === NAL.fuA) return ((payload[1] ?? 0) & 0x80) !== 0;
  return true;
}

/** Reads an H.264 payload (RFC 6184) into the packet's facts. @returns false when it is empty. */
export function readH264Payload(payload: Uint8Array, into: MediaPacket): boolean {
  if (payload.length < 2) return false;
  into.pictureId = -1;
  into.pictureIdBits = 0;
  into.tl0PicIdx = -1;
  into.temporal = 0;
  into.svc = false;
  into.switchingPoint = false;
  into.keyframe = startsKeyframe(payload);
  into.frameStart = startsFrame(payload);
  into.frameEnd = into.marker;
  return true;
}
