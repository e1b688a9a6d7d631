const BIN_MS = 0.02;
const BINS = 50_000;

/** Counts durations of up to a second in bins of 20 µs. */
export class Histogram {
  readonly #bins = new Uint32Array(BINS);
  #count = 0;
  #max = 0;

  /** Milliseconds. */
  add(valueMs: number): void {
    const bin = Math.min(BINS - 1, Math.max(0, Math.floor(valueMs / BIN_MS)));
    this.#bins[bin] = (this.#bins[bin] ?? 0) + 1;
    this.#count += 1;
    if (valueMs > this.#max) this.#max = valueMs;
  }

  get count(): number {
    return this.#count;
  }

  get max(): number {
    return this.#max;
  }

  /** The value that `share` (0 to 1) of all do not exceed, milliseconds; 0 when there are none. */
  percentile(share: number): number {
    let left = this.#count * share;
    for (let bin = 0; bin < BINS; bin += 1) {
      left -= this.#bins[bin] ?? 0;
      if (left <= 0 && this.#count > 0) return (bin + 1) * BIN_MS;
    }
    return 0;
  }

  reset(): void {
    this.#bins.fill(0);
    this.#count = 0;
    this.#max = 0;
  }
}
