/** Distance of two 32-bit counters that wrap, −2^31 … 2^31 − 1 (RFC 1982). */
export const counterDiff = (a: number, b: number): number => (a - b) | 0;

const NONE = new Uint8Array(0);

/** Which of the last numbers of a 32-bit counter have been seen: for replays and for what comes twice. Pure. */
export class SeenWindow {
  readonly #size: number;
  /** Made with the first number: most links of a large cluster never carry any. */
  #seen: Uint8Array = NONE;
  #highest = -1;

  /**
   * @param size A power of two.
   * @param highest This number and all before it have been seen; −1 for none.
   */
  constructor(size: number, highest: number = -1) {
    this.#size = size;
    this.#highest = highest;
    if (highest >= 0) this.#seen = new Uint8Array(size).fill(1);
  }

  /** Highest number so far, −1 before the first. */
  get highest(): number {
    return this.#highest;
  }

  /** @returns false for a number that was seen or is too old to tell. */
  add(number: number): boolean {
    const mask = this.#size - 1;
    if (this.#highest < 0) {
      if (this.#seen.length === 0) this.#seen = new Uint8Array(this.#size);
      this.#highest = number;
      this.#seen[number & mask] = 1;
      return true;
    }
    const ahead = counterDiff(number, this.#highest);
    if (ahead > 0) {
      if (ahead >= this.#size) this.#seen.fill(0);
      else for (let i = 1; i < ahead; i += 1) this.#seen[(this.#highest + i) & mask] = 0;
      this.#highest = number;
    } else if (ahead <= -this.#size || this.#seen[number & mask] === 1) return false;
    this.#seen[number & mask] = 1;
    return true;
  }

  /** Whether `number` was seen; false when it is too old to tell. */
  has(number: number): boolean {
    const behind = counterDiff(this.#highest, number);
    return (
      this.#highest >= 0 && behind >= 0 && behind < this.#size && this.#seen[number & (this.#size - 1)] === 1
    );
  }

  reset(): void {
    this.#highest = -1;
    this.#seen.fill(0);
  }
}
