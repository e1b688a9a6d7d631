import { type G711, PCMA, PCMU } from '@switchyard/shared/media';
import { Downsampler, OpusDecoder, OpusEncoder, Upsampler } from '@switchyard/shared/transcode';
import type { PhoneCodec } from '../sdp-negotiation.ts';
import { FRAME_SAMPLES } from './jitter-buffer.ts';

const PHONE_FACTOR = 6;
const PHONE_FRAME = FRAME_SAMPLES / PHONE_FACTOR;
const BITRATE_BPS = 32_000;

/** Between what a phone speaks and mono PCM at 48 kHz. */
export interface PhoneTranscoder {
  /** RTP clock rate, Hertz. */
  readonly clockRate: number;
  /** @returns PCM at 48 kHz in a buffer of its own; undefined for a payload that is malformed. */
  decode(payload: Uint8Array): Int16Array | undefined;
  /** One frame of 20 ms. @returns The payload, valid until the next call. */
  encode(pcm: Int16Array): Uint8Array;
}

export function createPhoneTranscoder(codec: PhoneCodec): PhoneTranscoder {
  if (codec === 'opus') return new OpusPhone();
  return new G711Phone(codec === 'PCMU' ? PCMU : PCMA);
}

class OpusPhone implements PhoneTranscoder {
  readonly clockRate = 48_000;
  readonly #decoder = new OpusDecoder(1);
  readonly #encoder = new OpusEncoder({ channels: 1, bitrateBps: BITRATE_BPS, application: 'voip' });

  decode(payload: Uint8Array): Int16Array | undefined {
    return this.#decoder.decode(payload);
  }

  encode(pcm: Int16Array): Uint8Array {
    return this.#encoder.encode(pcm);
  }
}

class G711Phone implements PhoneTranscoder {
  readonly clockRate = 8000;
  readonly #codec: G711;
  readonly #up = new Upsampler(PHONE_FACTOR);
  readonly #down = new Downsampler(PHONE_FACTOR);
  readonly #narrow = new Int16Array(PHONE_FRAME);
  readonly #payload = new Uint8Array(PHONE_FRAME);

  constructor(codec: G711) {
    this.#codec = codec;
  }

  decode(payload: Uint8Array): Int16Array | undefined {
    if (payload.length === 0) return undefined;
    const narrow = new Int16Array(payload.length);
    this.#codec.decode(payload, narrow);
    const wide = new Int16Array(payload.length * PHONE_FACTOR);
    this.#up.process(narrow, wide);
    return wide;
  }

  encode(pcm: Int16Array): Uint8Array {
    this.#down.process(pcm, this.#narrow);
    this.#codec.encode(this.#narrow, this.#payload);
    return this.#payload;
  }
}
