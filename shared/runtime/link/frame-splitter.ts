import { FRAME_LENGTH_BYTES, FRAME_MAX_BYTES } from '@switchyard/shared/protocol';

/** Called with each frame; `body` is what follows the type byte, a view that is valid during the call only. */
export type FrameHandler = (type: number, body: Uint8Array) => void;

const INITIAL_BYTES = 4096;

/**
 * Cuts a byte stream into frames. A frame that arrives whole is handed on without a copy; one that spans chunks is
 * gathered in one reused buffer of at most {@link FrameSplitter.maxBytes}.
 */
export class FrameSplitter {
  readonly #onFrame: FrameHandler;
  /** Longest frame that is taken in; small while the other side has not said who it is. */
  maxBytes: number = FRAME_MAX_BYTES;
  #gathered: Buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  #gatheredBytes = 0;
  #broken = false;

  constructor(onFrame: FrameHandler) {
    this.#onFrame = onFrame;
  }

  /** @returns false when the stream is not ours (a length of 0 or above the limit): cut the connection. */
  push(chunk: Buffer): boolean {
    let at = 0;
    while (!this.#broken && at < chunk.length) {
      at = this.#gatheredBytes > 0 ? this.#gather(chunk, at) : this.#whole(chunk, at);
    }
    return !this.#broken;
  }

  #whole(chunk: Buffer, at: number): number {
    if (chunk.length - at < FRAME_LENGTH_BYTES) return this.#keep(chunk, at, chunk.length);
    const length = chunk.readUInt32BE(at);
    if (!this.#accepts(length)) return chunk.length;
    const end = at + FRAME_LENGTH_BYTES + length;
    if (end > chunk.length) return this.#keep(chunk, at, chunk.length);
    this.#emit(chunk, at, end);
    return end;
  }

  #gather(chunk: Buffer, at: number): number {
    if (this.#gatheredBytes < FRAME_LENGTH_BYTES) {
      const next = this.#keep(
        chunk,
        at,
        Math.min(chunk.length, at + FRAME_LENGTH_BYTES - this.#gatheredBytes),
      );
      if (this.#gatheredBytes === FRAME_LENGTH_BYTES) this.#accepts(this.#gathered.readUInt32BE(0));
      return next;
    }
    const frameBytes = FRAME_LENGTH_BYTES + this.#gathered.readUInt32BE(0);
    const next = this.#keep(chunk, at, Math.min(chunk.length, at + frameBytes - this.#gatheredBytes));
    if (this.#gatheredBytes === frameBytes) {
      this.#gatheredBytes = 0;
      this.#emit(this.#gathered, 0, frameBytes);
    }
    return next;
  }

  #accepts(length: number): boolean {
    this.#broken = length < 1 || length > this.maxBytes;
    return !this.#broken;
  }

  #keep(chunk: Buffer, from: number, to: number): number {
    const bytes = this.#gatheredBytes + to - from;
    if (bytes > this.#gathered.length) {
      const larger = Buffer.allocUnsafe(Math.max(bytes, this.#gathered.length * 2));
      this.#gathered.copy(larger, 0, 0, this.#gatheredBytes);
      this.#gathered = larger;
    }
    chunk.copy(this.#gathered, this.#gatheredBytes, from, to);
    this.#gatheredBytes = bytes;
    return to;
  }

  #emit(bytes: Buffer, start: number, end: number): void {
    const typeAt = start + FRAME_LENGTH_BYTES;
    // No Buffer: its slice() does not copy, and whoever keeps a packet must be able to rely on that.
    const body = new Uint8Array(bytes.buffer, bytes.byteOffset + typeAt + 1, end - typeAt - 1);
    this.#onFrame(bytes[typeAt] ?? 0, body);
  }
}
