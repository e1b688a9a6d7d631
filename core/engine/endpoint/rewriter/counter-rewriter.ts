/** `forward` of an input that comes too late to be placed, or that was dropped before. */
export const UNPLACED: number = -1;

/** What became of an input, in the two lowest bits of its entry. */
const DROPPED = 1;
const FORWARDED = 2;

/**
 * Renumbers a counter so that a receiver sees one continuous stream: what is dropped on purpose leaves no gap, what was
 * lost does, and a restart (another encoding or source) goes on where the last one ended. Sequence numbers (16 bits)
 * and VP8's PictureID (15 or 7).
 */
export class CounterRewriter {
  readonly #window: number;
  /** For each recent input: drops before it, times four, plus what became of it. Made with the first input. */
  #entries = NOTHING;
  #mask: number;
  #half: number;
  /** Unwrapped input numbers: the first one, the highest one, the highest one that was sent. */
  #anchor = -1;
  #highest = -1;
  #highestSent = -1;
  /** Output = input − drops before it + offset. */
  #offset = 0;
  #drops = 0;
  /** Unwrapped. */
  #lastOut = -1;
  #restarted = false;
  /** The number given last was given for the first time. */
  isNew = false;
  /** The number given last is the highest so far. */
  isNewest = false;

  /** @param window Inputs that may still come late and be placed right, at most half of what `bits` can count. */
  constructor(bits: 15 | 16, window: number) {
    this.#window = window;
    this.#mask = 2 ** bits - 1;
    this.#half = 2 ** (bits - 1);
  }

  /**
   * The next input belongs to another stream: it follows what was sent last.
   * @param skip Numbers to leave out before it.
   * @param bits Width of the other stream's counter.
   */
  restart(skip: number, bits: number): void {
    if (this.#lastOut >= 0 && !this.#restarted) this.#lastOut += skip;
    this.#restarted = true;
    this.#mask = 2 ** bits - 1;
    this.#half = 2 ** (bits - 1);
  }

  /** @returns The number to send, the same for the same input; {@link UNPLACED}. */
  forward(input: number): number {
    this.isNew = false;
    this.isNewest = false;
    const n = this.#place(input);
    if (n < 0) return UNPLACED;
    const entry = this.#entries[n % this.#window] ?? 0;
    if ((entry & DROPPED) !== 0) return UNPLACED;
    return this.#send(n, entry);
  }

  /**
   * `input` will not be sent; idempotent. When later ones were, its number is missing from what the receiver got.
   * @returns That number, to be sent with nothing in it; {@link UNPLACED} in the usual case, that nothing is missing.
   */
  drop(input: number): number {
    this.isNew = false;
    this.isNewest = false;
    const wasHighest = this.#highest;
    const n = this.#place(input);
    if (n < 0) return UNPLACED;
    const at = n % this.#window;
    const entry = this.#entries[at] ?? 0;
    if ((entry & (DROPPED | FORWARDED)) !== 0) return UNPLACED;
    if (n < this.#highestSent) return this.#send(n, entry);
    this.#entries[at] = entry | DROPPED;
    this.#drops += 1;
    // Nothing after it was sent yet: those that came before it move up.
    for (let later = n + 1; later <= wasHighest; later += 1) {
      const slot = later % this.#window;
      this.#entries[slot] = (this.#entries[slot] ?? 0) + 4;
    }
    return UNPLACED;
  }

  #send(n: number, entry: number): number {
    const out = n - (entry >> 2) + this.#offset;
    this.isNew = (entry & FORWARDED) === 0;
    this.#entries[n % this.#window] = entry | FORWARDED;
    if (n > this.#highestSent) this.#highestSent = n;
    if (out > this.#lastOut) {
      this.#lastOut = out;
      this.isNewest = true;
    }
    return out & this.#mask;
  }

  /** @returns The unwrapped input with its entry valid, −1 when it is before the start or the window. */
  #place(input: number): number {
    if (this.#highest < 0 || this.#restarted) this.#start(input);
    let distance = (input - this.#highest) & this.#mask;
    if (distance >= this.#half) distance -= this.#mask + 1;
    const n = this.#highest + distance;
    if (n < this.#anchor || n <= this.#highest - this.#window) return -1;
    if (n > this.#highest) {
      const from = Math.max(this.#highest + 1, n - this.#window + 1);
      for (let i = from; i <= n; i += 1) this.#entries[i % this.#window] = this.#drops * 4;
      this.#highest = n;
    }
    return n;
  }

  #start(input: number): void {
    if (this.#entries.length === 0) this.#entries = new Int32Array(this.#window);
    // Far from zero, so that late inputs before the anchor stay positive.
    const n = input + 0x4_0000;
    const goesOn = this.#lastOut >= 0 || this.#restarted;
    this.#anchor = n;
    this.#highest = n;
    this.#highestSent = -1;
    this.#drops = 0;
    this.#entries[n % this.#window] = 0;
    this.#offset = goesOn ? Math.max(0, this.#lastOut) + 1 - n : 0;
    this.#restarted = false;
  }
}

const NOTHING = new Int32Array(0);
