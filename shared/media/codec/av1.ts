import type { MediaPacket } from '../media-packet.ts';

/**
 * Reads an AV1 aggregation header (AV1 RTP payload §4.4). Layers come from the dependency descriptor, which the
 * caller read before, when there is one. @returns false when it is empty.
 */
export function readAv1Payload(payload: Uint8Array, into: MediaPacket): boolean {
  const header = payload[0];
  if (header === undefined || payload.length < 2) return false;
  into.pictureId = -1;
  into.pictureIdBits = 0;
  into.tl0PicIdx = -1;
  // N: first packet of a coded video sequence.
  if ((header & 0x08) !== 0) into.keyframe = true;
  return true;
}
