import { timestampDiff } from '@switchyard/shared/media';

/** Samples of one frame: 20 ms at 48 kHz. */
export const FRAME_SAMPLES: number = 960;
/** Frames that are waited for at the start, and the most that may pile up. */
const TARGET_FRAMES = 2;
const MAX_FRAMES = 12;
/** After so many missing frames in a row the line is taken for broken: the next frames start it anew. */
const LOST_FRAMES_MAX = 10;
/** A delay that was not needed for this many frames (5 s) is given back. */
const SHRINK_AFTER_FRAMES = 250;

/**
 * Frames of one stream by RTP timestamp, given out one every 20 ms. Where the sender's clock is slower than ours the
 * buffer runs dry and waits; where it is faster, or a delay is no longer needed, a frame is left out. Pure.
 */
export class JitterBuffer {
  readonly #frames = new Map<number, Int16Array>();
  #next: number | undefined;
  #missing = 0;
  /** Fewest frames that were left behind a pull, and over how many pulls. */
  #spare = MAX_FRAMES;
  #pulls = 0;
  late = 0;

  get depth(): number {
    return this.#frames.size;
  }

  /** @param timestamp 48 kHz, 32 bits. @param pcm {@link FRAME_SAMPLES} mono samples; kept. */
  push(timestamp: number, pcm: Int16Array): void {
    if (this.#next !== undefined) {
      const ahead = timestampDiff(timestamp, this.#next);
      // Less than a frame behind is a source whose frames begin elsewhere, not a late one.
      if (ahead <= -FRAME_SAMPLES) {
        this.late += 1;
        return;
      }
      // Too far ahead is another line: a source that was switched or paused.
      if (ahead > MAX_FRAMES * FRAME_SAMPLES) this.reset();
    }
    this.#frames.set(timestamp, pcm);
    if (this.#frames.size > MAX_FRAMES) while (this.#frames.size > TARGET_FRAMES) this.#skip();
  }

  /** The frame of the next 20 ms; undefined when there is none (silence, or one that was lost). */
  pull(): Int16Array | undefined {
    if (this.#next === undefined && this.#frames.size < TARGET_FRAMES) return undefined;
    const oldest = this.#oldest();
    if (oldest === undefined) return this.#gap();
    this.#next ??= oldest;
    if (timestampDiff(oldest, this.#next) >= FRAME_SAMPLES) {
      // Lost: what comes behind it keeps its time.
      this.#next = (this.#next + FRAME_SAMPLES) >>> 0;
      return this.#gap();
    }
    const frame = this.#frames.get(oldest);
    this.#frames.delete(oldest);
    this.#next = (oldest + FRAME_SAMPLES) >>> 0;
    this.#missing = 0;
    this.#giveDelayBack();
    return frame;
  }

  reset(): void {
    this.#frames.clear();
    this.#next = undefined;
    this.#missing = 0;
    this.#measureAnew();
  }

  #gap(): undefined {
    this.#missing += 1;
    if (this.#missing > LOST_FRAMES_MAX) this.reset();
  }

  #giveDelayBack(): void {
    this.#spare = Math.min(this.#spare, this.#frames.size);
    this.#pulls += 1;
    if (this.#pulls < SHRINK_AFTER_FRAMES) return;
    if (this.#spare >= TARGET_FRAMES) this.#skip();
    this.#measureAnew();
  }

  #measureAnew(): void {
    this.#spare = MAX_FRAMES;
    this.#pulls = 0;
  }

  /** Goes on with the frame behind the oldest. */
  #skip(): void {
    const oldest = this.#oldest();
    if (oldest === undefined) return;
    this.#frames.delete(oldest);
    this.#next = this.#oldest();
  }

  #oldest(): number | undefined {
    let oldest: number | undefined;
    for (const timestamp of this.#frames.keys())
      if (oldest === undefined || timestampDiff(timestamp, oldest) < 0) oldest = timestamp;
    return oldest;
  }
}
