import { audioLevelDbov } from './audio-level.ts';
import { OPUS_FRAME_SAMPLES } from './opus-codec.ts';

const CHANNELS = 2;
/** A source whose time stamps jump more than this begins a new line, in samples. */
const RESYNC_SAMPLES = 3840;

/** Takes a 20 ms frame: samples (valid during the call), time of the first one in samples, and loudness. */
export type FrameSink = (pcm: Int16Array, ptsSamples: number, levelDbov: number) => void;

/** Cuts stereo PCM at 48 kHz into frames of 20 ms on a line without gaps. */
export class OpusFramer {
  readonly #sink: FrameSink;
  #buffer = new Int16Array(OPUS_FRAME_SAMPLES * CHANNELS * 8);
  #filled = 0;
  #nextPts: number | undefined;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  push(pcm: Int16Array, ptsMs: number): void {
    const expected = Math.round(ptsMs * 48);
    const reached = this.#nextPts === undefined ? undefined : this.#nextPts + this.#filled / CHANNELS;
    if (reached === undefined || Math.abs(reached - expected) > RESYNC_SAMPLES) {
      this.#nextPts = expected;
      this.#filled = 0;
    }
    this.#append(pcm);
    const frame = OPUS_FRAME_SAMPLES * CHANNELS;
    let at = 0;
    while (this.#filled - at >= frame) {
      const samples = this.#buffer.subarray(at, at + frame);
      this.#sink(samples, this.#nextPts ?? expected, audioLevelDbov(samples));
      this.#nextPts = (this.#nextPts ?? expected) + OPUS_FRAME_SAMPLES;
      at += frame;
    }
    this.#buffer.copyWithin(0, at, this.#filled);
    this.#filled -= at;
  }

  #append(pcm: Int16Array): void {
    if (this.#filled + pcm.length > this.#buffer.length) {
      const larger = new Int16Array((this.#filled + pcm.length) * 2);
      larger.set(this.#buffer.subarray(0, this.#filled));
      this.#buffer = larger;
    }
    this.#buffer.set(pcm, this.#filled);
    this.#filled += pcm.length;
  }
}
