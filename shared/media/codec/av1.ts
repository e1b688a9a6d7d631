import { type MediaPacket, resetCodecFacts } from '../media-packet.ts';

/** OBU types (AV1 specification §6.2.2) that may open a temporal unit. */
const OBU = { sequenceHeader: 1, temporalDelimiter: 2, frameHeader: 3, metadata: 5, frame: 6 } as const;

/**
 * Reads an AV1 aggregation header (AV1 RTP payload §4.4) into the packet's facts.
 * ```
 *  0 1 2 3 4 5 6 7
 * |Z|Y| W |N|-|-|-|
 * ```
 * Layers and frame borders come from the dependency descriptor, which the caller reads afterwards, when the packet has
 * one; without it the first OBU header says what it can.
 * @param simulcast The encoding is one of several: `spatial` stays the encoding's number.
 * @returns false when it is malformed.
 */
export function readAv1Payload(payload: Uint8Array, into: MediaPacket, simulcast: boolean = false): boolean {
  const header = payload[0];
  if (header === undefined || payload.length < 2) return false;
  const continued = (header & 0x80) !== 0;
  const startsSequence = (header & 0x08) !== 0;
  // A coded video sequence cannot start in the middle of an OBU.
  if (continued && startsSequence) return false;
  resetCodecFacts(into);
  into.frameEnd = into.marker;
  into.keyframe = startsSequence;
  into.frameStart = startsSequence;
  return continued || readFirstObu(payload, ((header >> 4) & 3) === 1, into, simulcast);
}

/** @param alone The element has no length field before it (W is 1). */
function readFirstObu(payload: Uint8Array, alone: boolean, into: MediaPacket, simulcast: boolean): boolean {
  let at = 1;
  // The element's length, LEB128: seven bits a byte.
  if (!alone) while (at < payload.length && (payload[at++] ?? 0) >= 0x80);
  const obu = payload[at];
  // The first bit is forbidden (§5.3.2).
  if (obu === undefined || obu >= 0x80) return false;
  const type = (obu >> 3) & 15;
  let spatial = 0;
  if ((obu & 4) !== 0) {
    const extension = payload[at + 1] ?? 0;
    into.temporal = extension >> 5;
    spatial = (extension >> 3) & 3;
    into.svc = spatial > 0 && !simulcast;
    if (into.svc) into.spatial = spatial;
  }
  if (spatial === 0)
    into.frameStart ||=
      type === OBU.sequenceHeader ||
      type === OBU.temporalDelimiter ||
      type === OBU.frameHeader ||
      type === OBU.metadata ||
      type === OBU.frame;
  return true;
}
