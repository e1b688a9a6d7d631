import { type MediaPacket, resetCodecFacts } from '../media-packet.ts';
import { readPictureId } from './vp8.ts';

/** Most reference indices of a frame in flexible mode (RFC 9628 §4.2). */
const REFERENCES_MAX = 3;

/**
 * Reads a VP9 payload descriptor (RFC 9628 §4.2) into the packet's facts.
 * ```
 *  0 1 2 3 4 5 6 7
 * |I|P|L|F|B|E|V|Z|
 * |M| PictureID   |  I, one more byte when M
 * | TID |U| SID |D|  L
 * |   TL0PICIDX   |  L and not F
 * | P_DIFF      |N|  P and F, up to three
 * | scalability structure |  V
 * ```
 * @param simulcast The encoding is one of several: `spatial` stays the encoding's number, whatever its SID says.
 * @returns false when it is malformed.
 */
export function readVp9Payload(payload: Uint8Array, into: MediaPacket, simulcast: boolean = false): boolean {
  const first = payload[0];
  if (first === undefined) return false;
  resetCodecFacts(into);
  const interPicture = (first & 0x40) !== 0;
  const hasLayers = (first & 0x20) !== 0;
  const flexible = (first & 0x10) !== 0;
  let spatial = 0;
  let at = 1;
  if ((first & 0x80) !== 0) at = readPictureId(payload, at, into);
  if (hasLayers) {
    const layer = payload[at++] ?? 0;
    into.temporal = layer >> 5;
    into.switchingPoint = (layer & 0x10) !== 0;
    spatial = (layer >> 1) & 7;
    into.interLayer = (layer & 1) !== 0;
    if (!flexible) {
      into.tl0PicIdxOffset = at;
      into.tl0PicIdx = payload[at++] ?? 0;
    }
  }
  if (flexible && interPicture) at = skipReferences(payload, at);
  if ((first & 2) !== 0) at = skipStructure(payload, at);
  if (at < 0 || at >= payload.length) return false;
  into.svc = hasLayers && !simulcast;
  // Without layer indices the encoding's own number (simulcast) stands.
  if (into.svc) into.spatial = spatial;
  into.frameStart = (first & 8) !== 0;
  into.frameEnd = (first & 4) !== 0;
  into.notReference = (first & 1) !== 0;
  // A picture is a keyframe for all its spatial layers: upper ones are predicted from the lower of the same picture.
  into.keyframe = !interPicture && (into.frameStart || spatial > 0);
  return true;
}

/** Bytes of a VP9 payload descriptor: where the frame's own bytes begin. −1 when it is malformed. */
export function vp9DescriptorBytes(payload: Uint8Array): number {
  const first = payload[0] ?? 0;
  const flexible = (first & 0x10) !== 0;
  let at = 1;
  if ((first & 0x80) !== 0) at += ((payload[at] ?? 0) & 0x80) === 0 ? 1 : 2;
  if ((first & 0x20) !== 0) at += flexible ? 1 : 2;
  if (flexible && (first & 0x40) !== 0) at = skipReferences(payload, at);
  if (at > 0 && (first & 2) !== 0) at = skipStructure(payload, at);
  return at < payload.length ? at : -1;
}

/** @returns Offset after the P_DIFFs, −1 when there are too many. */
function skipReferences(payload: Uint8Array, from: number): number {
  for (let i = 0; i < REFERENCES_MAX; i += 1) if (((payload[from + i] ?? 0) & 1) === 0) return from + i + 1;
  return -1;
}

/** The scalability structure (§4.2.1): N_S, Y, G, sizes of the layers, pictures of a group. @returns Offset after it. */
function skipStructure(payload: Uint8Array, from: number): number {
  const head = payload[from] ?? 0;
  let at = from + 1;
  if ((head & 0x10) !== 0) at += ((head >> 5) + 1) * 4;
  if ((head & 8) === 0) return at;
  const pictures = payload[at++] ?? 0;
  for (let i = 0; i < pictures; i += 1) at += 1 + (((payload[at] ?? 0) >> 2) & 3);
  return at;
}
