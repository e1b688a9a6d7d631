import { timestampDiff } from '@switchyard/shared/media';

/** Samples of one frame: 20 ms at 48 kHz. */
export const FRAME_SAMPLES: number = 960;
/** Frames that are waited for at the start, and the most that may pile up. */
const TARGET_FRAMES = 2;
const MAX_FRAMES = 12;
/** After so many missing frames in a row the line is taken for broken: the next frame starts it anew. */
const LOST_FRAMES_MAX = 10;

/** Frames of one stream by RTP timestamp, given out one every 20 ms. Pure. */
export class JitterBuffer {
  readonly #frames = new Map<number, Int16Array>();
  #next: number | undefined;
  #missing = 0;
  late = 0;

  get depth(): number {
    return this.#frames.size;
  }

  /** @param timestamp 48 kHz, 32 bits. @param pcm {@link FRAME_SAMPLES} mono samples; kept. */
  push(timestamp: number, pcm: Int16Array): void {
    if (this.#next !== undefined) {
      const ahead = timestampDiff(timestamp, this.#next);
      if (ahead < 0) {
        this.late += 1;
        return;
      }
      // Too far ahead is another line: a source that was switched or paused.
      if (ahead > MAX_FRAMES * FRAME_SAMPLES) this.reset();
    }
    this.#frames.set(timestamp, pcm);
    if (this.#frames.size > MAX_FRAMES) this.#skip();
  }

  /** The frame of the next 20 ms; undefined when there is none (silence, or one that was lost). */
  pull(): Int16Array | undefined {
    if (this.#next === undefined) {
      if (this.#frames.size < TARGET_FRAMES) return undefined;
      this.#next = this.#oldest();
    }
    const frame = this.#frames.get(this.#next);
    this.#frames.delete(this.#next);
    this.#next = (this.#next + FRAME_SAMPLES) >>> 0;
    this.#missing = frame === undefined ? this.#missing + 1 : 0;
    if (this.#missing > LOST_FRAMES_MAX) this.reset();
    return frame;
  }

  reset(): void {
    this.#frames.clear();
    this.#next = undefined;
    this.#missing = 0;
  }

  /** More came than goes out: go on with what is newer. */
  #skip(): void {
    while (this.#frames.size > TARGET_FRAMES) this.#frames.delete(this.#oldest());
    if (this.#next !== undefined) this.#next = this.#oldest();
  }

  #oldest(): number {
    let oldest: number | undefined;
    for (const timestamp of this.#frames.keys())
      if (oldest === undefined || timestampDiff(timestamp, oldest) < 0) oldest = timestamp;
    return oldest ?? 0;
  }
}
