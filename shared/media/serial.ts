/** Signed distance from `b` to `a` on the 16-bit circle of RTP sequence numbers: −32768 … 32767 (RFC 1982). */
export const seqDiff = (a: number, b: number): number => ((a - b) << 16) >> 16;

/** Whether sequence number `a` comes after `b`. */
export const seqNewer = (a: number, b: number): boolean => seqDiff(a, b) > 0;

/** Signed distance from `b` to `a` on the 32-bit circle of RTP timestamps. */
export const timestampDiff = (a: number, b: number): number => (a - b) | 0;

/** Follows a 16-bit counter over its wraps: numbers that only grow, nearest to the highest one so far. */
export class SeqUnwrapper {
  #highest = -1;

  /** @returns `seq` + 65,536 × its cycle; negative only for numbers before the first wrap's start. */
  unwrap(seq: number): number {
    if (this.#highest < 0) {
      this.#highest = seq;
      return seq;
    }
    const unwrapped = this.#highest + seqDiff(seq, this.#highest & 0xffff);
    if (unwrapped > this.#highest) this.#highest = unwrapped;
    return unwrapped;
  }

  get highest(): number {
    return this.#highest;
  }
}

/** Follows a 32-bit timestamp over its wraps. */
export class TimestampUnwrapper {
  #last: number | undefined;

  unwrap(timestamp: number): number {
    this.#last =
      this.#last === undefined
        ? timestamp
        : this.#last + timestampDiff(timestamp, this.#last % 0x1_0000_0000);
    return this.#last;
  }
}
