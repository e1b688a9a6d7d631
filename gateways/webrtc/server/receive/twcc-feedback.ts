import { SeqUnwrapper, writeTransportCc } from '@switchyard/shared/media';

/** Feedback goes out this often, milliseconds, or as soon as this many packets came. */
const INTERVAL_MS = 50;
const PACKETS_MAX = 64;
/** Most statuses in one packet; a longer hole is passed over. */
const STATUSES_MAX = 512;

/** Acknowledges every packet of a transport by arrival time (transport-wide congestion control). Pure. */
export class TwccFeedback {
  readonly #unwrapper = new SeqUnwrapper();
  readonly #arrivals = new Map<number, number>();
  #next = -1;
  #feedbackCount = 0;
  #sentMs = 0;

  received(seq: number, nowMs: number): void {
    const unwrapped = this.#unwrapper.unwrap(seq);
    if (this.#next < 0) this.#next = unwrapped;
    if (unwrapped >= this.#next && this.#arrivals.size < STATUSES_MAX) this.#arrivals.set(unwrapped, nowMs);
  }

  /** @returns The feedback packet that is due, or undefined. */
  due(senderSsrc: number, mediaSsrc: number, nowMs: number): Uint8Array | undefined {
    if (this.#arrivals.size === 0) return undefined;
    if (nowMs - this.#sentMs < INTERVAL_MS && this.#arrivals.size < PACKETS_MAX) return undefined;
    this.#sentMs = nowMs;
    const { highest } = this.#unwrapper;
    if (highest - this.#next >= STATUSES_MAX) this.#next = Math.min(...this.#arrivals.keys());
    const count = Math.min(STATUSES_MAX, highest - this.#next + 1);
    const base = this.#next;
    const arrivals = Array.from({ length: count }, (_, i) => this.#arrivals.get(base + i) ?? -1);
    const written = writeTransportCc(senderSsrc, mediaSsrc, this.#feedbackCount, base & 0xffff, arrivals);
    const statuses = written?.statuses ?? count;
    this.#next = base + Math.max(1, statuses);
    for (const seq of this.#arrivals.keys()) if (seq < this.#next) this.#arrivals.delete(seq);
    if (written === undefined) return undefined;
    this.#feedbackCount = (this.#feedbackCount + 1) & 255;
    return written.packet;
  }
}
