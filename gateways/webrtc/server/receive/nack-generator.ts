import { seqDiff } from '@switchyard/shared/media';

/** Most losses that are tracked at a time; a larger hole is answered with a keyframe, not with repairs. */
const MISSING_MAX = 256;
const RETRIES_MAX = 8;
/** First request waits this long for reordering. */
const REORDER_MS = 10;
/** Round trip that is assumed until a repair came, milliseconds. */
const RTT_START_MS = 80;
/** Weight of a repair that was asked for once, and of one of which nobody knows which request it answers. */
const RTT_SURE_WEIGHT = 0.3;
const RTT_UNSURE_WEIGHT = 0.1;
/** A request is repeated after the round trip, its jitter and the publisher's own delay, within these bounds. */
const RETRY_FACTOR = 1.25;
const RETRY_EXTRA_MS = 10;
const RETRY_MIN_MS = 30;
const RETRY_MAX_MS = 400;

interface Missing {
  nextMs: number;
  askedMs: number;
  tries: number;
}

/**
 * Notices gaps in one incoming stream and says what to ask for again (RFC 4585 §6.2.1), once a round trip: that is
 * measured from the first request of a packet to its repair. Pure.
 */
export class NackGenerator {
  readonly #missing = new Map<number, Missing>();
  #highest = -1;
  #rttMs = RTT_START_MS;
  #measured = false;

  /** Time from a request to its repair, milliseconds. */
  get rttMs(): number {
    return this.#rttMs;
  }

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
      this.#found(seq, nowMs);
      return true;
    }
    const from = this.#highest;
    this.#highest = seq;
    if (distance > MISSING_MAX || this.#missing.size + distance - 1 > MISSING_MAX) {
      this.#missing.clear();
      return distance === 1;
    }
    for (let i = 1; i < distance; i += 1)
      this.#missing.set((from + i) & 0xffff, { nextMs: nowMs + REORDER_MS, askedMs: 0, tries: 0 });
    return true;
  }

  /** Sequence numbers to ask for now, in rising order; empty most of the time. */
  due(nowMs: number): number[] {
    if (this.#missing.size === 0) return [];
    const lost: number[] = [];
    const retryMs = Math.min(
      RETRY_MAX_MS,
      Math.max(RETRY_MIN_MS, this.#rttMs * RETRY_FACTOR + RETRY_EXTRA_MS),
    );
    for (const [seq, missing] of this.#missing) {
      if (missing.nextMs > nowMs) continue;
      if (missing.tries >= RETRIES_MAX) {
        this.#missing.delete(seq);
        continue;
      }
      missing.tries += 1;
      if (missing.tries === 1) missing.askedMs = nowMs;
      missing.nextMs = nowMs + retryMs;
      lost.push(seq);
    }
    return lost.sort((a, b) => seqDiff(a, b));
  }

  #found(seq: number, nowMs: number): void {
    const missing = this.#missing.get(seq);
    if (missing === undefined) return;
    this.#missing.delete(seq);
    // One that was not asked for yet is a late packet.
    if (missing.tries === 0) return;
    const rttMs = nowMs - missing.askedMs;
    const weight = missing.tries === 1 ? RTT_SURE_WEIGHT : RTT_UNSURE_WEIGHT;
    this.#rttMs = this.#measured ? (1 - weight) * this.#rttMs + weight * rttMs : rttMs;
    this.#measured = true;
  }
}
