import {
  NO_AUDIO_LEVEL,
  ONE_BYTE_PROFILE,
  RTP_HEADER_BYTES,
  TWO_BYTE_PROFILE,
  writeRtpHeader,
  writeU16,
  writeU24,
} from '@switchyard/shared/media';
import type { NegotiatedMedia } from '../peer-contract.ts';

/** Longest element of a one-byte extension header (RFC 8285 §4.2). */
const SHORT_ELEMENT_MAX_BYTES = 16;

/** Writes the RTP headers of one m-line with the extensions that it negotiated. */
export class HeaderWriter {
  readonly #mid: Uint8Array;
  #midId = 0;
  #sendTimeId = 0;
  #transportCcId = 0;
  #audioLevelId = 0;
  #descriptorId = 0;
  #playoutDelayId = 0;
  /** 12 bits of the least and 12 of the most, in steps of 10 ms; −1: nothing is said. */
  #playoutDelay = -1;
  /** Where the header that was written last has room for the dependency descriptor, and for the transport-wide number. */
  descriptorAt = 0;
  transportSeqAt = 0;

  constructor(media: NegotiatedMedia) {
    this.#mid = Uint8Array.from(media.mid, (letter) => letter.charCodeAt(0) & 127);
    this.apply(media);
  }

  /** A later negotiation of the same m-line. */
  apply({ extensions }: NegotiatedMedia): void {
    this.#midId = extensions.mid ?? 0;
    this.#sendTimeId = extensions['abs-send-time'] ?? 0;
    this.#transportCcId = extensions['transport-cc'] ?? 0;
    this.#audioLevelId = extensions['audio-level'] ?? 0;
    this.#descriptorId = extensions['dependency-descriptor'] ?? 0;
    this.#playoutDelayId = extensions['playout-delay'] ?? 0;
  }

  /** When the client shall show a picture after it came, at least and at most, up to 40,950 ms (playout-delay extension). */
  setPlayoutDelay(minMs: number, maxMs: number): void {
    this.#playoutDelay = (Math.round(minMs / 10) << 12) | Math.round(maxMs / 10);
  }

  get hasDescriptor(): boolean {
    return this.#descriptorId !== 0;
  }

  get hasTransportSeq(): boolean {
    return this.#transportCcId !== 0;
  }

  /**
   * Writes the header at `at`, in one-byte form, or in two-byte form when the dependency descriptor is too long for that.
   * Room for it is left at {@link descriptorAt}. @returns Where the payload begins.
   */
  write(
    bytes: Uint8Array,
    at: number,
    payloadType: number,
    marker: boolean,
    seq: number,
    timestamp: number,
    ssrc: number,
    audioLevel: number,
    descriptorLength: number,
    nowMs: number,
  ): number {
    writeRtpHeader(bytes, at, payloadType, marker, seq, timestamp, ssrc, true);
    const wide = descriptorLength > SHORT_ELEMENT_MAX_BYTES;
    const block = at + RTP_HEADER_BYTES;
    const start = block + 4;
    let to = start;
    if (this.#midId !== 0) {
      const mid = this.#mid;
      to = writeElement(bytes, to, this.#midId, mid.length, wide);
      for (let i = 0; i < mid.length; i += 1) bytes[to + i] = mid[i] ?? 0;
      to += mid.length;
    }
    if (this.#sendTimeId !== 0) {
      to = writeElement(bytes, to, this.#sendTimeId, 3, wide);
      // 24 bits of seconds, 18 of them fraction.
      writeU24(bytes, to, Math.floor((nowMs % 64_000) * 262.144) & 0xff_ffff);
      to += 3;
    }
    if (this.#transportCcId !== 0) {
      to = writeElement(bytes, to, this.#transportCcId, 2, wide);
      this.transportSeqAt = to;
      to += 2;
    }
    if (this.#audioLevelId !== 0 && audioLevel !== NO_AUDIO_LEVEL) {
      to = writeElement(bytes, to, this.#audioLevelId, 1, wide);
      bytes[to] = -audioLevel & 127;
      to += 1;
    }
    if (this.#playoutDelayId !== 0 && this.#playoutDelay >= 0) {
      to = writeElement(bytes, to, this.#playoutDelayId, 3, wide);
      writeU24(bytes, to, this.#playoutDelay);
      to += 3;
    }
    if (descriptorLength > 0) {
      to = writeElement(bytes, to, this.#descriptorId, descriptorLength, wide);
      this.descriptorAt = to;
      to += descriptorLength;
    }
    while (((to - start) & 3) !== 0) bytes[to++] = 0;
    writeU16(bytes, block, wide ? TWO_BYTE_PROFILE : ONE_BYTE_PROFILE);
    writeU16(bytes, block + 2, (to - start) / 4);
    return to;
  }
}

/** Head of one element (RFC 8285 §4.2, or §4.3 when `wide`). @returns Where its data goes. */
function writeElement(bytes: Uint8Array, at: number, id: number, length: number, wide: boolean): number {
  if (!wide) {
    bytes[at] = (id << 4) | (length - 1);
    return at + 1;
  }
  bytes[at] = id;
  bytes[at + 1] = length;
  return at + 2;
}
