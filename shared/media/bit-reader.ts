/** Reads bits from the most significant on; past the end it gives zeros and says so in `overrun`. */
export class BitReader {
  #bytes: Uint8Array;
  #bit = 0;

  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.#bytes = bytes;
  }

  /** Reads other bytes from their beginning: for readers that are kept. */
  reset(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#bit = 0;
  }

  /** Bits read so far: where the next one lies. */
  get position(): number {
    return this.#bit;
  }

  get overrun(): boolean {
    return this.#bit > this.#bytes.length * 8;
  }

  /** @param count 0…32 */
  bits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i += 1) {
      const byte = this.#bytes[this.#bit >> 3] ?? 0;
      value = value * 2 + ((byte >> (7 - (this.#bit & 7))) & 1);
      this.#bit += 1;
    }
    return value;
  }

  flag(): boolean {
    return this.bits(1) === 1;
  }

  /** Exp-Golomb ue(v) (ITU-T H.264 §9.1). */
  unsigned(): number {
    let zeros = 0;
    while (zeros < 32 && !this.overrun && this.bits(1) === 0) zeros += 1;
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /** Exp-Golomb se(v). */
  signed(): number {
    const code = this.unsigned();
    return (code & 1) === 1 ? (code + 1) / 2 : -code / 2;
  }

  /** ns(n): a value below `n` in as few bits as possible (AV1 §4.10.7). */
  nonSymmetric(n: number): number {
    let width = 0;
    for (let x = n; x > 0; x >>= 1) width += 1;
    const short = 2 ** width - n;
    const value = this.bits(width - 1);
    return value < short ? value : value * 2 - short + this.bits(1);
  }
}
