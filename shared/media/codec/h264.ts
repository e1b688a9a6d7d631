import { readU16 } from '../bytes.ts';
import { type MediaPacket, resetCodecFacts } from '../media-packet.ts';

/** NAL unit types (ITU-T H.264 table 7-1) and those of the RTP payload (RFC 6184 §5.2). */
export const NAL = {
  slice: 1,
  partitionA: 2,
  idr: 5,
  sei: 6,
  sps: 7,
  pps: 8,
  aud: 9,
  filler: 12,
  stapA: 24,
  fuA: 28,
} as const;

export const nalType = (nal: Uint8Array): number => (nal[0] ?? 0) & 31;

/** Facts of one NAL unit's beginning, as bits. */
const STARTS_FRAME = 1;
const STARTS_KEYFRAME = 2;

/**
 * @param type NAL unit type.
 * @param firstSliceByte Byte after the NAL header: of a slice its first bit is set when first_mb_in_slice is 0 (ue(v)),
 *   that is, when the picture begins here (ITU-T H.264 §7.3.3).
 */
function factsOf(type: number, firstSliceByte: number): number {
  const first = firstSliceByte >= 0x80 ? STARTS_FRAME : 0;
  switch (type) {
    case NAL.slice:
    case NAL.partitionA:
      return first;
    case NAL.idr:
      return first === 0 ? 0 : STARTS_FRAME | STARTS_KEYFRAME;
    // With intra refresh there is no IDR: the parameter sets mark where a decoder may start.
    case NAL.sps:
      return STARTS_FRAME | STARTS_KEYFRAME;
    case NAL.sei:
    case NAL.pps:
    case NAL.aud:
      return STARTS_FRAME;
    default:
      return 0;
  }
}

/** The NAL units of a STAP-A (RFC 6184 §5.7.1), as far as they are whole. */
export function stapNals(payload: Uint8Array): Uint8Array[] {
  const nals: Uint8Array[] = [];
  let at = 1;
  while (at + 2 < payload.length) {
    const length = readU16(payload, at);
    if (length > 0 && at + 2 + length <= payload.length) nals.push(payload.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return nals;
}

/** Of a STAP-A: −1 when no NAL unit fits. */
function stapFacts(payload: Uint8Array): number {
  let facts = -1;
  let at = 1;
  while (at + 3 <= payload.length) {
    const length = readU16(payload, at);
    if (length === 0 || at + 2 + length > payload.length) break;
    const nal = factsOf((payload[at + 2] ?? 0) & 31, length > 1 ? (payload[at + 3] ?? 0) : 0);
    facts = facts < 0 ? nal : facts | nal;
    at += 2 + length;
  }
  return facts;
}

/**
 * Reads an H.264 payload of packetization mode 0 or 1 (RFC 6184 §5) into the packet's facts. `frameStart` and `keyframe`
 * are true for everything that may open a picture: parameter sets, SEI and the first slice each say so.
 * @returns false when it is malformed or of another mode.
 */
export function readH264Payload(payload: Uint8Array, into: MediaPacket): boolean {
  if (payload.length < 2) return false;
  const type = nalType(payload);
  let facts = 0;
  if (type === NAL.stapA) facts = stapFacts(payload);
  else if (type === NAL.fuA) {
    const header = payload[1] ?? 0;
    if (payload.length < 3) return false;
    // S: first fragment. (§5.8)
    if ((header & 0x80) !== 0) facts = factsOf(header & 31, payload[2] ?? 0);
  } else if (type === 0 || type > 23) return false;
  else facts = factsOf(type, payload[1] ?? 0);
  if (facts < 0) return false;
  resetCodecFacts(into);
  into.keyframe = (facts & STARTS_KEYFRAME) !== 0;
  into.frameStart = (facts & STARTS_FRAME) !== 0;
  into.frameEnd = into.marker;
  return true;
}
