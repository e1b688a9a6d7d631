import { writeU16 } from '../bytes.ts';
import { NAL, nalType } from './h264.ts';

/** Longest RTP payload that is made: fits 1,280-byte paths with SRTP, extensions and RTX. */
export const VIDEO_PAYLOAD_MAX_BYTES: number = 1200;

/** Takes one payload; the view is valid during the call only. `last` closes the access unit (RTP marker). */
export type PayloadSink = (payload: Uint8Array, last: boolean) => void;

/**
 * Cuts access units into RTP payloads in packetization mode 1 (RFC 6184 §6.3): small parameter sets together in
 * STAP-A, large NAL units in FU-A, the rest one by one.
 */
export class H264Packetizer {
  readonly #buffer = new Uint8Array(VIDEO_PAYLOAD_MAX_BYTES);

  packetize(nals: readonly Uint8Array[], sink: PayloadSink): void {
    let at = 0;
    while (at < nals.length) {
      const together = this.#aggregate(nals, at, sink);
      if (together > 0) {
        at += together;
        continue;
      }
      const nal = nals[at] ?? this.#buffer.subarray(0, 0);
      at += 1;
      if (nal.length <= VIDEO_PAYLOAD_MAX_BYTES) sink(nal, at === nals.length);
      else this.#fragment(nal, at === nals.length, sink);
    }
  }

  /** @returns How many NAL units from `from` on went out as one STAP-A (§5.7.1); 0 when fewer than two fit. */
  #aggregate(nals: readonly Uint8Array[], from: number, sink: PayloadSink): number {
    let length = 1;
    let count = 0;
    let header: number = NAL.stapA;
    for (let i = from; i < nals.length; i += 1) {
      const nal = nals[i];
      if (nal === undefined || length + 2 + nal.length > VIDEO_PAYLOAD_MAX_BYTES) break;
      // Only parameter sets and SEI are worth it: slices alone keep frames recognisable packet by packet.
      const type = nalType(nal);
      if (type !== NAL.sps && type !== NAL.pps && type !== NAL.sei) break;
      writeU16(this.#buffer, length, nal.length);
      this.#buffer.set(nal, length + 2);
      length += 2 + nal.length;
      // NRI is the highest of those inside.
      header = Math.max(header & 0x60, (nal[0] ?? 0) & 0x60) | NAL.stapA;
      count += 1;
    }
    if (count < 2) return 0;
    this.#buffer[0] = header;
    sink(this.#buffer.subarray(0, length), from + count === nals.length);
    return count;
  }

  /** FU-A (§5.8) in parts of nearly equal size. */
  #fragment(nal: Uint8Array, last: boolean, sink: PayloadSink): void {
    const header = nal[0] ?? 0;
    const body = nal.length - 1;
    const parts = Math.ceil(body / (VIDEO_PAYLOAD_MAX_BYTES - 2));
    const partBytes = Math.ceil(body / parts);
    for (let at = 1; at < nal.length; at += partBytes) {
      const end = Math.min(nal.length, at + partBytes);
      this.#buffer[0] = (header & 0x60) | NAL.fuA;
      this.#buffer[1] = (at === 1 ? 0x80 : 0) | (end === nal.length ? 0x40 : 0) | (header & 31);
      this.#buffer.set(nal.subarray(at, end), 2);
      sink(this.#buffer.subarray(0, end - at + 2), last && end === nal.length);
    }
  }
}
