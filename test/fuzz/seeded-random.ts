import { SeededRandom as Uniform } from '@switchyard/shared/netem';

/** Pseudo-random numbers that a seed repeats: a failure of a fuzz test can be played again. */
export class SeededRandom {
  readonly #uniform: Uniform;

  constructor(seed: number) {
    this.#uniform = new Uniform(seed);
  }

  /** 32 bits. */
  next(): number {
    return this.#uniform.next() * 0x1_0000_0000;
  }

  /** 0 … `below` − 1; 0 for 0. */
  below(below: number): number {
    return below === 0 ? 0 : this.next() % below;
  }

  chance(share: number): boolean {
    return this.next() < share * 0x1_0000_0000;
  }

  pick<Value>(values: readonly [Value, ...Value[]]): Value {
    return values[this.below(values.length)] ?? values[0];
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let i = 0; i < length; i += 1) bytes[i] = this.next() & 255;
    return bytes;
  }
}
