import { readU32, seqDiff } from '@switchyard/shared/media';
import { KernelKey } from './kernel/kernel-key.ts';
import { KeystreamWindow } from './kernel/keystream-window.ts';
import type { SrtpKernel } from './kernel/srtp-kernel.ts';
import { deriveSessionKeys } from './key-derivation.ts';
import { SRTP_PROFILES, type SrtpKeys, type SrtpProfile } from './srtp-profile.ts';
import { createSrtpTransform, type SrtpTransform } from './srtp-transform.ts';

/** Roll-over state of one outgoing SSRC, and its keystream; owned by whoever sends on it. */
export class SrtpSendStream {
  #window: KeystreamWindow | undefined;
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

  /** Its keystream ahead of time. @returns undefined when the kernel has no room for more streams. */
  window(key: KernelKey, ssrc: number): KeystreamWindow | undefined {
    if (this.#window?.isOf(key) === true) return this.#window;
    this.close();
    const cell = key.kernel.streams.take();
    if (cell >= 0) this.#window = new KeystreamWindow(key, cell, ssrc);
    return this.#window;
  }

  /** Gives its memory back; the stream may go on. */
  close(): void {
    this.#window?.close();
    this.#window = undefined;
  }
}

/** Protects what one transport sends (RFC 3711 §3.3). */
export class SrtpSender {
  readonly #transform: SrtpTransform;
  readonly #kernelKey: KernelKey | undefined;
  #rtcpIndex = 0;

  /** @param kernel Seals this sender's packets in batches, when it knows the profile. */
  constructor(profile: SrtpProfile, keys: SrtpKeys, kernel?: SrtpKernel) {
    const session = deriveSessionKeys(keys);
    this.#transform = createSrtpTransform(profile, session);
    if (kernel === undefined || profile !== SRTP_PROFILES.aes128CmSha1_80) return;
    const key = new KernelKey(kernel, session);
    if (key.hmacState >= 0) this.#kernelKey = key;
  }

  /** Undefined when its packets are sealed one by one. */
  get kernelKey(): KernelKey | undefined {
    return this.#kernelKey;
  }

  /** Gives its memory back; nothing is sent any more. Its streams are closed first. */
  close(): void {
    this.#kernelKey?.close();
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
    return this.protectRtpAt(bytes, headerLength, length, ssrc, stream.rocOf(seq), seq);
  }

  /** As {@link protectRtp}, with a roll-over counter that is known. */
  protectRtpAt(
    bytes: Buffer,
    headerLength: number,
    length: number,
    ssrc: number,
    roc: number,
    seq: number,
  ): number {
    return this.#transform.protectRtp(bytes, headerLength, length, ssrc, roc, seq);
  }

  /** @returns The new length; as {@link protectRtp}. */
  protectRtcp(bytes: Buffer, length: number): number {
    this.#rtcpIndex = (this.#rtcpIndex + 1) & 0x7fff_ffff;
    return this.#transform.protectRtcp(bytes, length, readU32(bytes, 4), this.#rtcpIndex);
  }
}
