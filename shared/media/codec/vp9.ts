import type { MediaPacket } from '../media-packet.ts';
import { readPictureId } from './vp8.ts';

/** Reads a VP9 payload descriptor (RFC 9628 §4.2) into the packet's facts. @returns false when it is malformed. */
export function readVp9Payload(payload: Uint8Array, into: MediaPacket): boolean {
  const first = payload[0];
  if (first === undefined) return false;
  const hasPictureId = (first & 0x80) !== 0;
  const interPicture = (first & 0x40) !== 0;
  const hasLayers = (first & 0x20) !== 0;
  const flexible = (first & 0x10) !== 0;
  into.pictureId = -1;
  into.pictureIdBits = 0;
  into.tl0PicIdx = -1;
  into.temporal = 0;
  into.switchingPoint = false;
  into.interLayer = false;
  let spatial = 0;
  let at = 1;
  if (hasPictureId) at = readPictureId(payload, at, into);
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
  if (at > payload.length) return false;
  into.svc = hasLayers;
  // Without layer indices the encoding's own number (simulcast) stands.
  if (hasLayers) into.spatial = spatial;
  into.frameStart = (first & 8) !== 0;
  into.frameEnd = (first & 4) !== 0;
  into.notReference = (first & 1) !== 0;
  // A picture is a keyframe for all its spatial layers: upper ones are predicted from the lower of the same picture.
  into.keyframe = !interPicture && (into.frameStart || spatial > 0);
  return true;
}
