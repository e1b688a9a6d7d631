import { seqDiff } from '@switchyard/shared/media';

/** Sequence numbers that are remembered; a power of two that divides 65536. */
const WINDOW = 1024;

/**
 * Which packets of one incoming stream came already. Publishers send packets again that were not lost: as probes of their
 * bandwidth (RTX of the last packets), as a repair that crossed the late packet, as copies in redundant audio. Pure.
 */
export class SeqWindow {
  /** One bit a sequence number, of the last {@link WINDOW}. */
  readonly #seen = new Uint32Array(WINDOW / 32);
  #highest = -1;

  get isEmpty(): boolean {
    return this.#highest < 0;
  }

  /** Hot path: a packet came, or what it carries. @returns false when it came before, or is too old to know. */
  isNew(seq: number): boolean {
    const ahead = this.#highest < 0 ? 1 : seqDiff(seq, this.#highest);
    if (ahead <= -WINDOW) return false;
    const word = (seq % WINDOW) >>> 5;
    const bit = 1 << (seq & 31);
    if (ahead > 0) this.#advance(seq, ahead);
    else if (((this.#seen[word] ?? 0) & bit) !== 0) return false;
    this.#seen[word] = (this.#seen[word] ?? 0) | bit;
    return true;
  }

  /** Forgets what is in the places of the numbers up to `seq`. */
  #advance(seq: number, ahead: number): void {
    this.#highest = seq;
    if (ahead >= WINDOW) {
      this.#seen.fill(0);
      return;
    }
    for (let back = 0; back < ahead; back += 1) {
      const at = (seq - back) & (WINDOW - 1);
      this.#seen[at >>> 5] = (this.#seen[at >>> 5] ?? 0) & ~(1 << (at & 31));
    }
  }
}
