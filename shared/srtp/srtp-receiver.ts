import { readU32 } from '@switchyard/shared/media';
import { deriveSessionKeys } from './key-derivation.ts';
import { ReplayWindow } from './replay-window.ts';
import type { SrtpKeys, SrtpProfile } from './srtp-profile.ts';
import { createSrtpTransform, type SrtpTransform } from './srtp-transform.ts';

/** Most SSRCs of one transport, RTX included: above it packets of new ones are refused. */
export const SRTP_STREAMS_MAX: number = 512;

interface ReceiveStream {
  roc: number;
  /** Highest sequence number in cycle `roc`: s_l of RFC 3711 §3.3.1. */
  highest: number;
  readonly window: ReplayWindow;
}

/** Why packets were refused, counted. */
export interface SrtpRefusals {
  replayed: number;
  unauthentic: number;
  malformed: number;
}

/** Authenticates and decrypts what one transport receives. */
export class SrtpReceiver {
  readonly refusals: SrtpRefusals = { replayed: 0, unauthentic: 0, malformed: 0 };
  readonly #transform: SrtpTransform;
  readonly #streams = new Map<number, ReceiveStream>();
  readonly #rtcpWindows = new Map<number, ReplayWindow>();

  constructor(profile: SrtpProfile, keys: SrtpKeys) {
    this.#transform = createSrtpTransform(profile, deriveSessionKeys(keys));
  }

  /** Decrypts in place. @returns The length of the plain packet, −1 when it is refused. */
  unprotectRtp(bytes: Buffer, headerLength: number, length: number, ssrc: number, seq: number): number {
    const known = this.#streams.get(ssrc);
    const roc = known === undefined ? 0 : estimateRoc(known, seq);
    const index = roc * 0x1_0000 + seq;
    if (roc < 0 || (known !== undefined && !known.window.isFresh(index))) {
      this.refusals.replayed += 1;
      return -1;
    }
    const plain = this.#transform.unprotectRtp(bytes, headerLength, length, ssrc, roc, seq);
    if (plain < 0) {
      this.refusals.unauthentic += 1;
      return -1;
    }
    const stream = known ?? this.#open(ssrc, seq);
    if (stream === undefined) {
      this.refusals.malformed += 1;
      return -1;
    }
    stream.window.accept(index);
    if (roc > stream.roc || (roc === stream.roc && seq > stream.highest)) {
      stream.roc = roc;
      stream.highest = seq;
    }
    return plain;
  }

  /** Decrypts a compound in place. @returns The length of the plain packet, −1 when it is refused. */
  unprotectRtcp(bytes: Buffer, length: number): number {
    const index = this.#transform.rtcpIndex(bytes, length);
    if (index < 0) {
      this.refusals.malformed += 1;
      return -1;
    }
    const ssrc = readU32(bytes, 4);
    const known = this.#rtcpWindows.get(ssrc);
    if (known?.isFresh(index) === false) {
      this.refusals.replayed += 1;
      return -1;
    }
    const plain = this.#transform.unprotectRtcp(bytes, length, ssrc);
    if (plain < 0) {
      this.refusals.unauthentic += 1;
      return -1;
    }
    if (known === undefined && this.#rtcpWindows.size >= SRTP_STREAMS_MAX) {
      this.refusals.malformed += 1;
      return -1;
    }
    const window = known ?? new ReplayWindow();
    window.accept(index);
    this.#rtcpWindows.set(ssrc, window);
    return plain;
  }

  #open(ssrc: number, seq: number): ReceiveStream | undefined {
    if (this.#streams.size >= SRTP_STREAMS_MAX) return undefined;
    const stream: ReceiveStream = { roc: 0, highest: seq, window: new ReplayWindow() };
    this.#streams.set(ssrc, stream);
    return stream;
  }
}

/** Index estimate of RFC 3711 §3.3.1; −1 for a packet from before the first cycle. */
function estimateRoc(stream: ReceiveStream, seq: number): number {
  if (stream.highest < 0x8000) return seq - stream.highest > 0x8000 ? stream.roc - 1 : stream.roc;
  return stream.highest - 0x8000 > seq ? stream.roc + 1 : stream.roc;
}
