/** A viewer that reports at least this share of what it is sent is not limited by its network. */
const CONGESTED_SHARE = 0.85;
/** So long the estimate must stay below before it is believed, milliseconds. */
const CONFIRM_MS = 400;
/** Growth while nothing holds back, per second. */
const GROWTH = 1.5;
export const ESTIMATE_START_BPS: number = 2_500_000;
export const ESTIMATE_MIN_BPS: number = 60_000;
export const ESTIMATE_MAX_BPS: number = 20_000_000;

/**
 * What a viewer can receive, from its REMB. A receiver's own estimate grows only with what it gets, so it tells when
 * less is needed but never when more is possible: without congestion the estimate is raised step by step. Pure.
 */
export class RembEstimate {
  #bps = ESTIMATE_START_BPS;
  #belowSinceMs = -1;
  #grownMs = -1;

  get bitrateBps(): number {
    return this.#bps;
  }

  /** @param sentBps What was sent to the viewer in the last second. */
  report(rembBps: number, sentBps: number, nowMs: number): number {
    if (this.#grownMs < 0) this.#grownMs = nowMs;
    if (rembBps < sentBps * CONGESTED_SHARE) {
      if (this.#belowSinceMs < 0) this.#belowSinceMs = nowMs;
      if (nowMs - this.#belowSinceMs >= CONFIRM_MS) this.#bps = rembBps;
      this.#grownMs = nowMs;
    } else {
      this.#belowSinceMs = -1;
      this.#bps = Math.max(rembBps, this.#bps * GROWTH ** ((nowMs - this.#grownMs) / 1000));
      this.#grownMs = nowMs;
    }
    this.#bps = Math.round(Math.min(ESTIMATE_MAX_BPS, Math.max(ESTIMATE_MIN_BPS, this.#bps)));
    return this.#bps;
  }
}
