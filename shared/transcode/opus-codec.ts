import { Decoder, Encoder } from '@evan/opus';

/** Samples of one 20 ms frame at 48 kHz, per channel. */
export const OPUS_FRAME_SAMPLES: number = 960;
const RATE = 48_000;

export interface OpusEncoderOptions {
  readonly channels: 1 | 2;
  readonly bitrateBps: number;
  /** Tuned for speech or for anything. */
  readonly application: 'voip' | 'audio';
}

/** PCM at 48 kHz → Opus packets, with in-band FEC. */
export class OpusEncoder {
  readonly #encoder: Encoder;

  constructor({ channels, bitrateBps, application }: OpusEncoderOptions) {
    this.#encoder = new Encoder({ channels, sample_rate: RATE, application });
    this.#encoder.bitrate = bitrateBps;
    this.#encoder.inband_fec = true;
    this.#encoder.packet_loss = 5;
    this.#encoder.complexity = 5;
  }

  /** @param pcm 2.5…60 ms, interleaved when stereo. @returns The packet; a buffer of its own. */
  encode(pcm: Int16Array): Uint8Array {
    return this.#encoder.encode(pcm);
  }
}

/** Opus packets → PCM at 48 kHz, mono or stereo as asked, whatever the packets hold. */
export class OpusDecoder {
  readonly #decoder: Decoder;

  constructor(channels: 1 | 2) {
    this.#decoder = new Decoder({ channels, sample_rate: RATE });
  }

  /** @returns Interleaved samples in a buffer of its own; undefined for a packet that is malformed. */
  decode(packet: Uint8Array): Int16Array | undefined {
    try {
      const bytes = this.#decoder.decode(packet);
      return new Int16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1);
    } catch {
      return undefined;
    }
  }
}
