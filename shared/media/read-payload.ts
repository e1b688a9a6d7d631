import { readAv1Payload } from './codec/av1.ts';
import { readH264Payload } from './codec/h264.ts';
import { opusSamples } from './codec/opus.ts';
import { readVp8Payload } from './codec/vp8.ts';
import { readVp9Payload } from './codec/vp9.ts';
import { type MediaPacket, resetCodecFacts } from './media-packet.ts';

/**
 * Reads the codec's facts of `into.payload` into the packet; `codec`, `marker` and `spatial` of a simulcast encoding
 * were set before, everything else a payload may say is set anew. A dependency descriptor is applied afterwards: it
 * knows more.
 * @param simulcast The track has several encodings, numbered by `spatial`: layers inside one do not count as spatial.
 * @returns false when the payload is malformed: drop the packet.
 */
export function readPayload(into: MediaPacket, simulcast: boolean = false): boolean {
  switch (into.codec) {
    case 'opus':
      resetCodecFacts(into);
      into.keyframe = true;
      into.frameStart = true;
      into.frameEnd = true;
      return opusSamples(into.payload) > 0;
    case 'vp8':
      return readVp8Payload(into.payload, into);
    case 'vp9':
      return readVp9Payload(into.payload, into, simulcast);
    case 'h264':
      return readH264Payload(into.payload, into);
    case 'av1':
      return readAv1Payload(into.payload, into, simulcast);
  }
}
