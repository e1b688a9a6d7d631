import { seqDiff } from '@switchyard/shared/media';

/**
 * Makes room for packets of padding in a stream of media: without RTX probes have to take its sequence numbers, between two
 * frames, and everything behind them moves. A packet that comes late is moved as far as its neighbours were, so that no
 * number is used twice. Pure.
 */
export class PaddingShift {
  /** By how much packets are moved that come after {@link #boundary}, between it and the one before, and earlier. */
  #shift = 0;
  #shiftBefore = 0;
  /** The media packets that the last padding came after, and the padding before that. */
  #boundary: number;
  #boundaryBefore: number;
  #highest: number;

  /** @param seq The last packet of media that was sent. */
  constructor(seq: number) {
    this.#highest = seq;
    this.#boundary = seq;
    this.#boundaryBefore = seq;
  }

  /** @returns The number that media packet `seq` goes out with; −1 for one that is too late for that. */
  apply(seq: number): number {
    if (seqDiff(seq, this.#highest) > 0) this.#highest = seq;
    if (seqDiff(seq, this.#boundary) > 0) return (seq + this.#shift) & 0xffff;
    return seqDiff(seq, this.#boundaryBefore) > 0 ? (seq + this.#shiftBefore) & 0xffff : -1;
  }

  /** @returns The number of a packet of padding behind the media that was sent last. */
  pad(): number {
    if (this.#boundary !== this.#highest) {
      this.#boundaryBefore = this.#boundary;
      this.#shiftBefore = this.#shift;
      this.#boundary = this.#highest;
    }
    this.#shift += 1;
    return (this.#highest + this.#shift) & 0xffff;
  }
}
