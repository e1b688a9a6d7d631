/** Alignment of what is reserved: one cache line. */
const ALIGNMENT = 64;

/** One block of memory in which packets are kept, made and sealed without being copied; parts are never given back. */
export class SrtpMemory {
  readonly bytes: Buffer;
  #reserved: number;

  /** @param from Where free memory begins. */
  constructor(bytes: Buffer, from = 0) {
    this.bytes = bytes;
    this.#reserved = from;
  }

  /** @returns Offset of the part. @throws RangeError when there is not so much left. */
  reserve(length: number): number {
    const at = Math.ceil(this.#reserved / ALIGNMENT) * ALIGNMENT;
    if (at + length > this.bytes.length)
      throw new RangeError(`${length} bytes at ${at} of ${this.bytes.length}`);
    this.#reserved = at + length;
    return at;
  }
}
