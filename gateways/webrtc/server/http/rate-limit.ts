/** Token bucket: `perSecond` on average, `burst` at once. Pure. */
export class RateLimit {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #lastMs: number;

  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#lastMs = nowMs;
  }

  /** @returns Whether one more is within the limit. */
  take(nowMs: number): boolean {
    const earned = (Math.max(0, nowMs - this.#lastMs) * this.#perSecond) / 1000;
    this.#lastMs = nowMs;
    this.#tokens = Math.min(this.#burst, this.#tokens + earned);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
