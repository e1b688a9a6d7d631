/** Packets that may arrive late; RFC 3711 §3.3.2 asks for at least 64. */
const WINDOW = 256;

/** Remembers the newest {@link WINDOW} packet indices: each is accepted once, older ones never. */
export class ReplayWindow {
  readonly #seen = new Float64Array(WINDOW).fill(-1);
  #highest = -1;

  isFresh(index: number): boolean {
    return index > this.#highest - WINDOW && this.#seen[index % WINDOW] !== index;
  }

  /** Only after the packet was authenticated. */
  accept(index: number): void {
    this.#seen[index % WINDOW] = index;
    if (index > this.#highest) this.#highest = index;
  }
}
