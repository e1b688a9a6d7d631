/** An upgrade that the link did not carry for this long has failed, milliseconds. */
const TRIAL_MS = 20_000;
/** After a failed upgrade the next waits this long, then twice as long each time, milliseconds. */
const BACKOFF_MS = 20_000;
const BACKOFF_MAX_MS = 80_000;
/** A picture that was taken away comes back after this time at the earliest, milliseconds. */
const RESUME_MS = 6000;
/** After a link got worse by itself nothing goes up for this long, milliseconds. */
const SETTLE_MS = 3000;
/** An estimate of this many times what a failed upgrade relied on is another link: no need to wait. */
const CLEARLY_BETTER = 1.5;
/** Without a downgrade for this long, failures are forgotten, milliseconds. */
const FORGET_MS = 90_000;

/**
 * Keeps a viewer whose link carries almost the next layer from going up and down: an upgrade that failed is not tried
 * again soon, unless the estimate is clearly better than it was then. Pure.
 */
export class UpgradeGuard {
  #upMs = Number.NEGATIVE_INFINITY;
  #upBudgetBps = 0;
  #failedBps = 0;
  #backoffMs = 0;
  #retryMs = Number.NEGATIVE_INFINITY;
  #downMs = Number.NEGATIVE_INFINITY;

  mayGoUp(budgetBps: number, nowMs: number): boolean {
    if (nowMs >= this.#retryMs) return true;
    return this.#failedBps > 0 && budgetBps >= this.#failedBps * CLEARLY_BETTER;
  }

  /** Whether lowest layers may come back: no picture at all is worse than one that comes and goes. */
  mayResume(nowMs: number): boolean {
    return nowMs - this.#downMs >= RESUME_MS;
  }

  wentUp(budgetBps: number, nowMs: number): void {
    this.#upMs = nowMs;
    this.#upBudgetBps = budgetBps;
  }

  /** The link did not carry what was sent. */
  wentDown(nowMs: number): void {
    if (nowMs - this.#downMs > FORGET_MS) this.#backoffMs = 0;
    this.#downMs = nowMs;
    if (nowMs - this.#upMs > TRIAL_MS) {
      this.#retryMs = Math.max(this.#retryMs, nowMs + SETTLE_MS);
      return;
    }
    this.#backoffMs = Math.min(BACKOFF_MAX_MS, Math.max(BACKOFF_MS, this.#backoffMs * 2));
    this.#retryMs = nowMs + this.#backoffMs;
    this.#failedBps = this.#upBudgetBps;
    // One upgrade fails once.
    this.#upMs = Number.NEGATIVE_INFINITY;
  }
}
