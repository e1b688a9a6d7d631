/** A viewer that reports at least this share of what it is sent is not limited by its network. */
const CONGESTED_SHARE = 0.85;
/** So long the estimate must stay below before it is believed, milliseconds. */
const CONFIRM_MS = 400;
/** Growth while nothing holds back, per second. */
const GROWTH = 1.5;
/** Growth where nothing but the loss is known, per second, and the longest time between two reports that counts. */
const LOSS_ONLY_GROWTH = 1.2;
const LOSS_ONLY_STEP_MS = 2000;
/** Without REMB for this long (a viewer sends none while it gets no video, or never does) the loss alone decides, milliseconds. */
const REMB_RECENT_MS = 2000;
/** Loss (of a receiver report) up to which the estimate grows, and above which it falls by half of the loss. */
const LOSS_LOW = 0.02;
const LOSS_HIGH = 0.1;
const LOSS_INTERVAL_MS = 300;

/**
 * What a viewer can receive where it sends REMB and no transport-wide feedback. A receiver's own estimate grows only with
 * what it gets, so it tells when less is needed but never when more is possible: without congestion the estimate is
 * raised step by step. Losses correct it, since REMB knows the delay only; a viewer that sends receiver reports and nothing
 * else is judged by them alone. Pure.
 */
export class RembEstimate {
  #bps: number;
  #belowSinceMs = -1;
  #grownMs = -1;
  #loss = 0;
  #lossMs = Number.NEGATIVE_INFINITY;
  #reportMs = Number.NEGATIVE_INFINITY;

  constructor(startBps: number) {
    this.#bps = startBps;
  }

  get bitrateBps(): number {
    return this.#bps;
  }

  /** Nothing is known of the path yet: what it is taken to carry until a report says otherwise. */
  assume(bitrateBps: number): void {
    this.#bps = bitrateBps;
  }

  /** @param sentBps What was sent to the viewer lately. @param maxBps Nothing above is of use. */
  report(rembBps: number, sentBps: number, maxBps: number, nowMs: number): void {
    if (this.#grownMs < 0) this.#grownMs = nowMs;
    if (rembBps < sentBps * CONGESTED_SHARE) {
      if (this.#belowSinceMs < 0) this.#belowSinceMs = nowMs;
      if (nowMs - this.#belowSinceMs >= CONFIRM_MS) this.#bps = Math.min(this.#bps, rembBps);
    } else {
      this.#belowSinceMs = -1;
      const growth = GROWTH ** ((nowMs - this.#grownMs) / 1000);
      if (this.#loss <= LOSS_LOW) this.#bps = Math.min(maxBps, Math.max(rembBps, this.#bps * growth));
    }
    this.#grownMs = nowMs;
  }

  /** @param loss Share lost since the last receiver report, 0…1. @param maxBps Nothing above is of use. */
  lost(loss: number, maxBps: number, nowMs: number): void {
    const elapsedMs = Math.min(LOSS_ONLY_STEP_MS, nowMs - this.#reportMs);
    this.#reportMs = nowMs;
    this.#loss = loss;
    const rembIsRecent = this.#grownMs >= 0 && nowMs - this.#grownMs < REMB_RECENT_MS;
    if (!rembIsRecent && loss <= LOSS_LOW && this.#bps < maxBps)
      this.#bps = Math.min(maxBps, this.#bps * LOSS_ONLY_GROWTH ** (elapsedMs / 1000));
    if (loss <= LOSS_HIGH || nowMs - this.#lossMs < LOSS_INTERVAL_MS) return;
    this.#lossMs = nowMs;
    this.#bps *= 1 - loss / 2;
  }
}
