import { seqDiff } from '@switchyard/shared/media';

/** Most losses that are tracked at a time; a larger hole is answered with a keyframe, not with repairs. */
const MISSING_MAX = 256;
const RETRIES_MAX = 8;
/** Time between two requests for one packet, milliseconds: about a round trip and its jitter. */
const RETRY_MS = 80;
/** First request waits this long for reordering. */
const REORDER_MS = 10;

interface Missing {
  nextMs: number;
  tries: number;
}

/** Notices gaps in one incoming stream and says what to ask for again (RFC 4585 §6.2.1). Pure. */
export class NackGenerator {
  readonly #missing = new Map<number, Missing>();
  #highest = -1;

  /**
   * A packet came, by itself or as a repair.
   * @returns false when the hole before it is too large to repair: ask for a keyframe.
   */
  received(seq: number, nowMs: number): boolean {
    if (this.#highest < 0) {
      this.#highest = seq;
      return true;
    }
    const distance = seqDiff(seq, this.#highest);
    if (distance <= 0) {
      this.#missing.delete(seq);
      return true;
    }
    const from = this.#highest;
    this.#highest = seq;
    if (distance > MISSING_MAX || this.#missing.size + distance - 1 > MISSING_MAX) {
      this.#missing.clear();
      return distance === 1;
    }
    for (let i = 1; i < distance; i += 1)
      this.#missing.set((from + i) & 0xffff, { nextMs: nowMs + REORDER_MS, tries: 0 });
    return true;
  }

  /** Sequence numbers to ask for now, in rising order; empty most of the time. */
  due(nowMs: number): number[] {
    if (this.#missing.size === 0) return [];
    const lost: number[] = [];
    for (const [seq, missing] of this.#missing) {
      if (missing.nextMs > nowMs) continue;
      if (missing.tries >= RETRIES_MAX) {
        this.#missing.delete(seq);
        continue;
      }
      missing.tries += 1;
      missing.nextMs = nowMs + RETRY_MS;
      lost.push(seq);
    }
    return lost.sort((a, b) => seqDiff(a, b));
  }
}
