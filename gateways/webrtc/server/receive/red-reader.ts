import { readU16 } from '@switchyard/shared/media';
import type { SeqWindow } from './seq-window.ts';

/** More copies than this are not looked at: browsers send one or two. */
const BLOCKS_MAX = 8;
const COPY_HEADER_BYTES = 4;

/** Takes one audio payload that a packet carries: `from` … `end` in its bytes. */
export type RedTaker = (from: number, end: number, seq: number, timestamp: number) => void;

/**
 * Redundant audio of one stream (RFC 2198): gives each payload once, lost ones from the copies of those behind them. The
 * copies of a packet are of the packets right before it, oldest first. Pure.
 */
export class RedReader {
  readonly #seen: SeqWindow;

  /** @param seen What came of the stream, in RED or not. */
  constructor(seen: SeqWindow) {
    this.#seen = seen;
  }

  /**
   * Reads the payload `from` … `end` of packet `seq`.
   * @param payloadType What all blocks have to be of.
   * @returns false when it is malformed: nothing of it was given.
   */
  read(
    bytes: Uint8Array,
    from: number,
    end: number,
    payloadType: number,
    seq: number,
    timestamp: number,
    take: RedTaker,
  ): boolean {
    let at = from;
    const offsets: number[] = [];
    const lengths: number[] = [];
    for (;;) {
      const first = bytes[at];
      if (first === undefined || at >= end || (first & 0x7f) !== payloadType) return false;
      if ((first & 0x80) === 0) break;
      if (at + COPY_HEADER_BYTES > end || offsets.length >= BLOCKS_MAX) return false;
      const last = readU16(bytes, at + 2);
      offsets.push(((bytes[at + 1] ?? 0) << 6) | (last >> 10));
      lengths.push(last & 0x3ff);
      at += COPY_HEADER_BYTES;
    }
    at += 1;
    let copies = 0;
    for (const length of lengths) copies += length;
    if (at + copies > end) return false;
    // Before the first packet of a stream nothing is missed.
    const missesAny = !this.#seen.isEmpty;
    for (let index = 0; index < lengths.length; index += 1) {
      const length = lengths[index] ?? 0;
      const copySeq = (seq - (lengths.length - index)) & 0xffff;
      if (missesAny && length > 0 && this.#seen.isNew(copySeq))
        take(at, at + length, copySeq, (timestamp - (offsets[index] ?? 0)) >>> 0);
      at += length;
    }
    if (at < end && this.#seen.isNew(seq)) take(at, end, seq, timestamp);
    return true;
  }
}
