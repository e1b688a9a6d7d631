/** Packets that may still come late and be placed right. */
const WINDOW = 2048;

/**
 * Renumbers a counter of `bits` bits so that a receiver sees one continuous stream: what is dropped on purpose leaves no
 * gap, what was lost does, and a restart (another encoding or source) goes on where the last one ended.
 * Works for sequence numbers (16 bits), VP8/VP9 PictureID (15 or 7) and TL0PICIDX (8).
 */
export class SeqRewriter {
  readonly #mask: number;
  readonly #half: number;
  /** For each recent input: drops before it, times two, plus one when it was itself dropped. */
  readonly #before: Int32Array;
  readonly #window: number;
  /** Unwrapped input numbers. */
  #anchor = -1;
  #highest = -1;
  /** Output = input − drops before it + offset. */
  #offset = 0;
  #drops = 0;
  #lastOut = -1;
  #restarted = false;

  constructor(bits: 7 | 8 | 15 | 16) {
    this.#mask = 2 ** bits - 1;
    this.#half = 2 ** (bits - 1);
    this.#window = Math.min(WINDOW, this.#half);
    this.#before = new Int32Array(this.#window);
  }

  /** The next input belongs to another stream: it follows directly on what went out last. */
  restart(): void {
    this.#restarted = true;
  }

  /** @returns The number to send, −1 when the input came too late to be placed. */
  forward(input: number): number {
    const n = this.#place(input);
    if (n < 0) return -1;
    const before = this.#before[n % this.#window] ?? 0;
    if ((before & 1) === 1) return -1;
    const out = n - (before >> 1) + this.#offset;
    if (out > this.#lastOut) this.#lastOut = out;
    return out & this.#mask;
  }

  /** `input` will not be sent. Idempotent; one that comes late leaves its gap. */
  drop(input: number): void {
    const wasHighest = this.#highest;
    const n = this.#place(input);
    if (n < 0 || n !== this.#highest || n === wasHighest) return;
    const slot = n % this.#window;
    this.#before[slot] = (this.#before[slot] ?? 0) | 1;
    this.#drops += 1;
  }

  /** @returns The unwrapped input with its slot valid, −1 when it is before the start or the window. */
  #place(input: number): number {
    if (this.#highest < 0 || this.#restarted) this.#start(input);
    let distance = (input - this.#highest) & this.#mask;
    if (distance >= this.#half) distance -= this.#mask + 1;
    const n = this.#highest + distance;
    if (n < this.#anchor || n <= this.#highest - this.#window) return -1;
    if (n > this.#highest) {
      const from = Math.max(this.#highest + 1, n - this.#window + 1);
      for (let i = from; i <= n; i += 1) this.#before[i % this.#window] = this.#drops * 2;
      this.#highest = n;
    }
    return n;
  }

  #start(input: number): void {
    // Far from zero, so that late inputs before the anchor stay positive.
    const n = input + (this.#mask + 1) * 4;
    const wasEmpty = this.#highest < 0;
    this.#anchor = n;
    this.#highest = n;
    this.#drops = 0;
    this.#before[n % this.#window] = 0;
    if (wasEmpty && !this.#restarted) this.#offset = 0;
    else this.#offset = (this.#lastOut < 0 ? 0 : this.#lastOut) + 1 - n;
    this.#restarted = false;
  }
}
