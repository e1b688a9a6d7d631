/** The least delay of this much time is one value; jitter seldom holds all of it back, milliseconds. */
const WINDOW_MS = 100;
/** Values that are compared with: ten seconds. */
const WINDOWS = 100;
/** Fewer say nothing; later on it is enough to look at all of them now and then. */
const FEW = 3;
const REFRESH = 4;
/** What the path is like without a queue: nearly the least of the values. */
const EMPTY_SHARE = 0.05;
/** A queue counts from here, milliseconds, and above this many times the path's own variation. */
const QUEUE_MIN_MS = 10;
const VARIATION_FACTOR = 4.5;
const LIMIT_MAX_MS = 150;
/** Until this many values the path's variation is not known: a queue counts from here. */
const WINDOWS_MIN = 20;
const QUEUE_UNKNOWN_MS = 25;
/** A queue this long that stays for this long is drained, though it does not grow, milliseconds. */
const FULL_MS = 60;
const FULL_AFTER_MS = 400;
/** However much the delay varies, a queue of this length is too long, milliseconds. */
const FULL_MOST_MS = 150;

/**
 * Tells a queue that stands from delay that comes and goes. A radio link delays packets by tens of milliseconds and lets
 * them go again: the trend of the delay rises each time, though nothing is full. Only when even the fastest packets of
 * 100 ms are later than usual is there a queue. Pure.
 */
export class StandingQueue {
  /** The last values, a ring, and from each to the one before it. */
  readonly #values = new Float64Array(WINDOWS);
  readonly #steps = new Float64Array(WINDOWS);
  readonly #sorted = new Float64Array(WINDOWS);
  /** Values ever. */
  #count = 0;
  #windowStartMs = -1;
  #least = Number.POSITIVE_INFINITY;
  #previousLeast = Number.POSITIVE_INFINITY;
  #emptyMs = Number.POSITIVE_INFINITY;
  #limitMs = QUEUE_UNKNOWN_MS;
  #fullSinceMs = -1;
  #variationMs = 0;

  /** @param delayMs Arrival less sending, each on its own clock. */
  add(delayMs: number, arrivalMs: number): void {
    if (this.#windowStartMs < 0) this.#windowStartMs = arrivalMs;
    if (arrivalMs - this.#windowStartMs >= WINDOW_MS) this.#turn(arrivalMs);
    this.#least = Math.min(this.#least, delayMs);
    // Until there is something to compare with, the fastest packet tells.
    if (this.#count < FEW) this.#emptyMs = Math.min(this.#emptyMs, delayMs);
  }

  /** How much later than usual the fastest packets are now, milliseconds. */
  get queueMs(): number {
    const least = Math.min(this.#least, this.#previousLeast);
    return least === Number.POSITIVE_INFINITY ? 0 : Math.max(0, least - this.#emptyMs);
  }

  /** How much the delay varies by itself, milliseconds. */
  get variationMs(): number {
    return this.#variationMs;
  }

  get stands(): boolean {
    return this.queueMs > this.#limitMs;
  }

  /** It is long and stays: whoever fills it sends too much, even if the trend is flat because packets are dropped. */
  get isFull(): boolean {
    return this.#fullSinceMs >= 0 && this.#windowStartMs - this.#fullSinceMs >= FULL_AFTER_MS;
  }

  #turn(arrivalMs: number): void {
    const full = this.queueMs > Math.min(FULL_MOST_MS, Math.max(FULL_MS, 2 * this.#limitMs));
    if (!full) this.#fullSinceMs = -1;
    else if (this.#fullSinceMs < 0) this.#fullSinceMs = this.#windowStartMs;
    const before = this.#values[(this.#count + WINDOWS - 1) % WINDOWS] ?? 0;
    this.#values[this.#count % WINDOWS] = this.#least;
    this.#steps[this.#count % WINDOWS] = this.#count === 0 ? 0 : Math.abs(this.#least - before);
    this.#count += 1;
    // A pause: what was before says nothing of now.
    this.#previousLeast =
      arrivalMs - this.#windowStartMs < 3 * WINDOW_MS ? this.#least : Number.POSITIVE_INFINITY;
    this.#least = Number.POSITIVE_INFINITY;
    this.#windowStartMs = arrivalMs;
    if (this.#count < FEW || (this.#count > WINDOWS_MIN && this.#count % REFRESH !== 0)) return;
    this.#emptyMs = this.#percentile(this.#values, EMPTY_SHARE);
    // From one value to the next: a queue that fills or drains changes the level, which is no variation.
    this.#variationMs = this.#percentile(this.#steps, 0.5);
    const least = this.#count < WINDOWS_MIN ? QUEUE_UNKNOWN_MS : QUEUE_MIN_MS;
    this.#limitMs = Math.min(LIMIT_MAX_MS, Math.max(least, VARIATION_FACTOR * this.#variationMs));
  }

  #percentile(values: Float64Array, share: number): number {
    const count = Math.min(this.#count, WINDOWS);
    const sorted = this.#sorted.subarray(0, count);
    sorted.set(values.subarray(0, count));
    sorted.sort();
    return sorted[Math.floor((count - 1) * share)] ?? 0;
  }
}
