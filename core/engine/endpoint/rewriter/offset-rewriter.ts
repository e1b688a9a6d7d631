/**
 * Moves a counter of which nothing is ever left out, or whose distances mean something: TL0PICIDX (8 bits), VP9's
 * PictureID (P_DIFF and the picture group count in it), the dependency descriptor's frame number (16). After a restart
 * it goes on right behind the highest number that was sent.
 */
export class OffsetRewriter {
  #mask: number;
  #half: number;
  #offset = 0;
  #lastOut = -1;
  #restarted = true;

  constructor(bits: number) {
    this.#mask = 2 ** bits - 1;
    this.#half = 2 ** (bits - 1);
  }

  /** The next input belongs to another stream. */
  restart(): void {
    this.#restarted = true;
  }

  forward(input: number): number {
    if (this.#restarted) {
      this.#offset = Math.max(0, this.#lastOut) + 1 - input;
      this.#restarted = false;
    }
    const out = (input + this.#offset) & this.#mask;
    if (this.#lastOut < 0 || ((out - this.#lastOut) & this.#mask) < this.#half) this.#lastOut = out;
    return out;
  }
}
