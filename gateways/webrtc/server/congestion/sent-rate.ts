/** The rate is taken over the last cells, milliseconds each. */
const CELL_MS = 50;
const CELLS = 10;
/** Less than this share of the estimate: limited by what there is to send, until it is more than the other one. */
const LIMITED_BELOW = 0.65;
const LIMITED_UNTIL = 0.8;

/** What is sent to a client, and whether that is all it could be sent. Probes are not counted. Pure. */
export class SentRate {
  readonly #cells = new Float64Array(CELLS);
  #cell = -1;
  #limited = true;

  /** Hot path. */
  add(bytes: number, nowMs: number): void {
    this.#advance(nowMs);
    const index = this.#cell % CELLS;
    this.#cells[index] = (this.#cells[index] ?? 0) + bytes;
  }

  bitrateBps(nowMs: number): number {
    this.#advance(nowMs);
    let bytes = 0;
    for (const each of this.#cells) bytes += each;
    return (bytes * 8000) / (CELL_MS * CELLS);
  }

  /** Less is sent than `estimateBps` would allow: what arrives does not tell what could. */
  isApplicationLimited(estimateBps: number, nowMs: number): boolean {
    const share = this.bitrateBps(nowMs) / estimateBps;
    if (share < LIMITED_BELOW) this.#limited = true;
    else if (share > LIMITED_UNTIL) this.#limited = false;
    return this.#limited;
  }

  #advance(nowMs: number): void {
    const cell = Math.floor(nowMs / CELL_MS);
    if (cell <= this.#cell) return;
    if (cell - this.#cell >= CELLS) this.#cells.fill(0);
    else for (let each = this.#cell + 1; each <= cell; each += 1) this.#cells[each % CELLS] = 0;
    this.#cell = cell;
  }
}
