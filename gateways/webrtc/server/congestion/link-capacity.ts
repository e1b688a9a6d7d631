/** Weight of a new sample: of an overuse, and of a probe, which is the surer of the two. */
const OVERUSE_WEIGHT = 0.05;
const PROBE_WEIGHT = 0.5;
const DEVIATION_START = 0.4;
const DEVIATION_MIN = 0.4;
const DEVIATION_MAX = 2.5;

/** What the bottleneck was seen to carry when it was full: mean and spread in kbps. Pure. */
export class LinkCapacity {
  #kbps = -1;
  /** Variance relative to the mean, kbps. */
  #deviation = DEVIATION_START;

  get known(): boolean {
    return this.#kbps >= 0;
  }

  get bitrateBps(): number {
    return this.#kbps * 1000;
  }

  /** Three deviations above the mean; Infinity while unknown. */
  get upperBps(): number {
    return this.known ? (this.#kbps + 3 * this.#spread()) * 1000 : Number.POSITIVE_INFINITY;
  }

  get lowerBps(): number {
    return this.known ? Math.max(0, this.#kbps - 3 * this.#spread()) * 1000 : 0;
  }

  overused(throughputBps: number): void {
    this.#update(throughputBps / 1000, OVERUSE_WEIGHT);
  }

  probed(bitrateBps: number): void {
    this.#update(bitrateBps / 1000, PROBE_WEIGHT);
  }

  forget(): void {
    this.#kbps = -1;
  }

  #spread(): number {
    return Math.sqrt(this.#deviation * this.#kbps);
  }

  #update(kbps: number, weight: number): void {
    this.#kbps = this.known ? (1 - weight) * this.#kbps + weight * kbps : kbps;
    const error = this.#kbps - kbps;
    const relative = (1 - weight) * this.#deviation + (weight * error * error) / Math.max(1, this.#kbps);
    this.#deviation = Math.max(DEVIATION_MIN, Math.min(DEVIATION_MAX, relative));
  }
}
