/** Estimates are kept in slices of this length, milliseconds. */
const SLICE_MS = 100;
const SLICES = 16;

/** The last {@link SLICES} × {@link SLICE_MS} of a link's estimate: its least and its most over a time. Pure. */
export class EstimateWindow {
  readonly #least = new Float64Array(SLICES);
  readonly #most = new Float64Array(SLICES);
  #slice = Number.NEGATIVE_INFINITY;
  #firstSlice = Number.POSITIVE_INFINITY;
  #latestBps = 0;

  /** Bits per second. */
  get latestBps(): number {
    return this.#latestBps;
  }

  add(bitrateBps: number, nowMs: number): void {
    this.#advance(nowMs);
    const at = this.#index(this.#slice);
    this.#least[at] = Math.min(this.#least[at] ?? bitrateBps, bitrateBps);
    this.#most[at] = Math.max(this.#most[at] ?? bitrateBps, bitrateBps);
    if (this.#latestBps === 0) {
      this.#least[at] = bitrateBps;
      this.#most[at] = bitrateBps;
    }
    this.#latestBps = bitrateBps;
  }

  least(overMs: number, nowMs: number): number {
    this.#advance(nowMs);
    let bps = this.#latestBps;
    for (let slice = this.#from(overMs); slice <= this.#slice; slice += 1)
      bps = Math.min(bps, this.#least[this.#index(slice)] ?? bps);
    return bps;
  }

  most(overMs: number, nowMs: number): number {
    this.#advance(nowMs);
    let bps = this.#latestBps;
    for (let slice = this.#from(overMs); slice <= this.#slice; slice += 1)
      bps = Math.max(bps, this.#most[this.#index(slice)] ?? bps);
    return bps;
  }

  /** An estimate holds until the next one. */
  #advance(nowMs: number): void {
    const now = Math.floor(nowMs / SLICE_MS);
    if (this.#slice === Number.NEGATIVE_INFINITY) {
      this.#slice = now - 1;
      this.#firstSlice = now;
    }
    for (let slice = Math.max(this.#slice + 1, now - SLICES + 1); slice <= now; slice += 1) {
      this.#least[this.#index(slice)] = this.#latestBps;
      this.#most[this.#index(slice)] = this.#latestBps;
    }
    this.#slice = Math.max(this.#slice, now);
  }

  #from(overMs: number): number {
    const count = Math.min(SLICES, Math.ceil(overMs / SLICE_MS));
    return Math.max(this.#firstSlice, this.#slice - count + 1);
  }

  #index(slice: number): number {
    return slice % SLICES;
  }
}
