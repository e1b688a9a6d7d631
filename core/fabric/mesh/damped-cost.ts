/** A change is worth telling beyond this many milliseconds and this share. */
const CHANGE_MIN_MS = 4;
const CHANGE_SHARE = 0.12;
/** Measurements in a row that must say so before a link is called worse. */
const WORSE_SAMPLES = 2;
/** So long a link must have been better before it is called so, milliseconds. */
const BETTER_AFTER_MS = 15_000;
/** A link that has just come up is told as it is for this long: its first probes met a process that was starting. */
const SETTLE_MS = 5000;

/**
 * The cost of a link as other nodes are told it. All nodes compute the same trees from the same numbers, so it is the
 * numbers that are damped, not the routes: worse is told soon, better only when it lasts. Pure.
 */
export class DampedCost {
  #costMs = Number.POSITIVE_INFINITY;
  #worse = 0;
  #betterSinceMs = Number.POSITIVE_INFINITY;
  #settlesUntilMs = Number.NEGATIVE_INFINITY;
  /** Highest cost seen while it was better: what is told in the end. */
  #betterCostMs = 0;

  /** Infinity while the link is down. */
  get costMs(): number {
    return this.#costMs;
  }

  /** @param costMs As measured; Infinity for a link that is down. @returns Whether what is told has changed. */
  measured(costMs: number, nowMs: number): boolean {
    const told = this.#costMs;
    if (costMs === told) {
      this.#settle();
      return false;
    }
    // Up and down are facts, not noise.
    if (!Number.isFinite(told) || !Number.isFinite(costMs)) {
      this.#settlesUntilMs = nowMs + SETTLE_MS;
      return this.#tell(costMs);
    }
    const margin = Math.max(CHANGE_MIN_MS, told * CHANGE_SHARE);
    if (costMs > told + margin) {
      this.#betterSinceMs = Number.POSITIVE_INFINITY;
      this.#worse += 1;
      return this.#worse >= WORSE_SAMPLES && this.#tell(costMs);
    }
    this.#worse = 0;
    if (costMs >= told - margin) {
      this.#betterSinceMs = Number.POSITIVE_INFINITY;
      return false;
    }
    if (nowMs < this.#settlesUntilMs) return this.#tell(costMs);
    if (this.#betterSinceMs > nowMs) {
      this.#betterSinceMs = nowMs;
      this.#betterCostMs = costMs;
    }
    this.#betterCostMs = Math.max(this.#betterCostMs, costMs);
    return nowMs - this.#betterSinceMs >= BETTER_AFTER_MS && this.#tell(this.#betterCostMs);
  }

  #tell(costMs: number): true {
    this.#costMs = costMs;
    this.#settle();
    return true;
  }

  #settle(): void {
    this.#worse = 0;
    this.#betterSinceMs = Number.POSITIVE_INFINITY;
  }
}
