/** Requests to one encoding are at least this far apart, milliseconds: a large picture's keyframe costs its viewers more. */
const INTERVAL_LOW_MS = 300;
const INTERVAL_MS = 500;
const INTERVAL_TOP_MS = 1000;

/**
 * Merges the requests of all viewers for keyframes of one encoding: the first one passes, those too soon after it wait
 * together until the next may pass, and a keyframe that comes meanwhile answers them all. Pure.
 */
export class KeyframeThrottle {
  #intervalMs = INTERVAL_MS;
  #askedMs = Number.NEGATIVE_INFINITY;
  #waiting = false;

  /** @param spatial Of `layers` encodings, 0 is lowest. */
  constructor(spatial: number, layers: number) {
    this.place(spatial, layers);
  }

  /** The encoding is another layer now. */
  place(spatial: number, layers: number): void {
    const isTop = layers > 1 && spatial === layers - 1;
    this.#intervalMs = spatial === 0 ? INTERVAL_LOW_MS : isTop ? INTERVAL_TOP_MS : INTERVAL_MS;
  }

  /** Somebody needs a keyframe. @returns Whether to ask for it now. */
  request(nowMs: number): boolean {
    if (nowMs - this.#askedMs < this.#intervalMs) {
      this.#waiting = true;
      return false;
    }
    this.#askedMs = nowMs;
    this.#waiting = false;
    return true;
  }

  /** A keyframe begins: whoever waits has it. */
  arrived(): void {
    this.#waiting = false;
  }

  /** @returns Whether to ask now for those who wait. */
  due(nowMs: number): boolean {
    return this.#waiting && this.request(nowMs);
  }
}
