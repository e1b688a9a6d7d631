/** Bytes of payloads that the process remembers for repairs: seconds of a busy server. */
const RING_BYTES = 32 << 20;

/** The payloads that were sent last, each once however many viewers it had. */
export class PayloadRing {
  readonly #bytes: Uint8Array;
  /** Bytes ever written: positions only grow. */
  #written = 0;

  constructor(size: number = RING_BYTES) {
    this.#bytes = new Uint8Array(size);
  }

  /** @param descriptor Kept right behind the payload. @returns The payload's position. */
  write(payload: Uint8Array, descriptor: Uint8Array): number {
    const size = this.#bytes.length;
    const length = payload.length + descriptor.length;
    let at = this.#written % size;
    if (at + length > size) {
      this.#written += size - at;
      at = 0;
    }
    this.#bytes.set(payload, at);
    if (descriptor.length > 0) this.#bytes.set(descriptor, at + payload.length);
    const position = this.#written;
    this.#written += length;
    return position;
  }

  /** Copies a payload out. @returns false when it has been overwritten. */
  read(position: number, length: number, into: Uint8Array, at: number): boolean {
    if (position < this.#written - this.#bytes.length) return false;
    const from = position % this.#bytes.length;
    into.set(this.#bytes.subarray(from, from + length), at);
    return true;
  }
}
