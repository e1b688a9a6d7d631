import type { SrtpMemory } from '../srtp-memory.ts';

/** Parts of one size, lent and given back. */
export class CellPool {
  readonly #start: number;
  readonly #cellBytes: number;
  readonly #count: number;
  readonly #free: number[] = [];
  #used = 0;

  constructor(memory: SrtpMemory, cellBytes: number, count: number) {
    this.#start = memory.reserve(cellBytes * count);
    this.#cellBytes = cellBytes;
    this.#count = count;
  }

  /** @returns Offset of a cell, −1 when all are lent. */
  take(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#used === this.#count) return -1;
    this.#used += 1;
    return this.#start + (this.#used - 1) * this.#cellBytes;
  }

  giveBack(cell: number): void {
    this.#free.push(cell);
  }
}
