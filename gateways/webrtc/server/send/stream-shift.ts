import type { FanoutTarget } from '@switchyard/shared/protocol';

/** What one packet said when it was sent. */
export interface SentNumbers {
  readonly seq: number;
  readonly timestamp: number;
  /** −1 when the codec has none; likewise `tl0PicIdx` and `frameNumber`. */
  readonly pictureId: number;
  readonly tl0PicIdx: number;
  readonly frameNumber: number;
}

/**
 * Keeps a viewer's stream on one line over a restart of the core. A new core counts from the beginning; the viewer's
 * SRTP would take that for replays until the numbers of before are reached again. Pure.
 */
export class StreamShift {
  readonly #last: SentNumbers;
  readonly #elapsedTicks: number;
  #begun = false;
  #seq = 0;
  #timestamp = 0;
  #pictureId = 0;
  #tl0PicIdx = 0;
  #frameNumber = 0;

  /**
   * @param last What was sent last before the restart.
   * @param elapsedTicks Time between that packet and the next one, in units of its RTP clock.
   */
  constructor(last: SentNumbers, elapsedTicks: number) {
    this.#last = last;
    this.#elapsedTicks = Math.max(1, Math.round(elapsedTicks));
  }

  /** Rewrites `target` in place; the first one decides how far everything is moved. */
  apply(target: FanoutTarget): void {
    if (!this.#begun) this.#begin(target);
    target.seq = (target.seq + this.#seq) & 0xffff;
    target.timestamp = (target.timestamp + this.#timestamp) >>> 0;
    target.pictureId = (target.pictureId + this.#pictureId) & 0x7fff;
    target.tl0PicIdx = (target.tl0PicIdx + this.#tl0PicIdx) & 0xff;
    target.frameNumber = (target.frameNumber + this.#frameNumber) & 0xffff;
  }

  #begin(first: FanoutTarget): void {
    const { seq, timestamp, pictureId, tl0PicIdx, frameNumber } = this.#last;
    this.#begun = true;
    this.#seq = seq + 1 - first.seq;
    this.#timestamp = timestamp + this.#elapsedTicks - first.timestamp;
    if (pictureId >= 0) this.#pictureId = pictureId + 1 - first.pictureId;
    if (tl0PicIdx >= 0) this.#tl0PicIdx = tl0PicIdx + 1 - first.tl0PicIdx;
    if (frameNumber >= 0) this.#frameNumber = frameNumber + 1 - first.frameNumber;
  }
}
