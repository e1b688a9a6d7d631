import { readU32, seqDiff } from '@switchyard/shared/media';
import type { SrtpKeys, SrtpProfile } from './srtp-profile.ts';
import { createSrtpTransform, type SrtpTransform } from './srtp-transform.ts';

/** Roll-over state of one outgoing SSRC; owned by whoever sends on it. */
export class SrtpSendStream {
  #roc = 0;
  #highest = -1;

  /** Roll-over counter of `seq`, which is near the highest one sent (late packets of a rewritten stream too). */
  rocOf(seq: number): number {
    if (this.#highest < 0) {
      this.#highest = seq;
      return 0;
    }
    if (seqDiff(seq, this.#highest) <= 0) return seq > this.#highest ? Math.max(0, this.#roc - 1) : this.#roc;
    if (seq < this.#highest) this.#roc += 1;
    this.#highest = seq;
    return this.#roc;
  }
}

/** Protects what one transport sends (RFC 3711 §3.3). */
export class SrtpSender {
  readonly #transform: SrtpTransform;
  #rtcpIndex = 0;

  constructor(profile: SrtpProfile, keys: SrtpKeys) {
    this.#transform = createSrtpTransform(profile, keys);
  }

  /**
   * Encrypts in place and appends the tag: `bytes` has room for SRTP_OVERHEAD_MAX_BYTES behind `length`.
   * @returns The new length.
   */
  protectRtp(
    stream: SrtpSendStream,
    bytes: Buffer,
    headerLength: number,
    length: number,
    ssrc: number,
    seq: number,
  ): number {
    return this.#transform.protectRtp(bytes, headerLength, length, ssrc, stream.rocOf(seq), seq);
  }

  /** @returns The new length; as {@link protectRtp}. */
  protectRtcp(bytes: Buffer, length: number): number {
    this.#rtcpIndex = (this.#rtcpIndex + 1) & 0x7fff_ffff;
    return this.#transform.protectRtcp(bytes, length, readU32(bytes, 4), this.#rtcpIndex);
  }
}
