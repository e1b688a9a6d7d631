import { DATAGRAM_MAX_BYTES } from './datagram.ts';
import { counterDiff } from './seen-window.ts';

/** Datagrams that a link can send again: a second of 4,000 packets a second. */
export const HOP_RING_PACKETS: number = 4096;
/** A datagram that is missing is asked for so often, and given up after this time. */
const TRIES_MAX = 6;
const DEADLINE_MS = 300;
/** Beyond the round trip before it is asked for again, milliseconds. */
const RETRY_MARGIN_MS = 5;
/** A link that falls silent says its last number after this time, so that a lost last packet is noticed. */
const TAIL_AFTER_MS = 20;
/** Most numbers in one request, and most that may be missing at a time: beyond it the line is broken, not lossy. */
export const NACK_MAX: number = 200;
const MISSING_MAX = 1024;

/** The sending end of a link: what was sent last, by link sequence number, in buffers that are used again. Pure. */
export class HopSender {
  /** Filled up as packets are sent: a link without streams has none. */
  readonly #buffers: Uint8Array[] = [];
  readonly #lengths = new Uint16Array(HOP_RING_PACKETS);
  #next: number;
  #sentMs = Number.NEGATIVE_INFINITY;
  #tailSaid = true;

  /** @param next The number of the first datagram. */
  constructor(next: number = 0) {
    this.#next = next;
  }

  /** The number of the next datagram. */
  get nextSeq(): number {
    return this.#next;
  }

  /**
   * Makes room for the next datagram, which is to be written and sent at once.
   * @returns A view of `length` bytes, at most {@link DATAGRAM_MAX_BYTES}, with whatever was there before. It holds until
   *   4,096 more have been made room for.
   */
  take(length: number, nowMs: number): Uint8Array {
    const at = this.#next & (HOP_RING_PACKETS - 1);
    const buffer = this.#buffers[at] ?? new Uint8Array(DATAGRAM_MAX_BYTES);
    this.#buffers[at] = buffer;
    this.#lengths[at] = length;
    this.#next = (this.#next + 1) >>> 0;
    this.#sentMs = nowMs;
    this.#tailSaid = false;
    return buffer.subarray(0, length);
  }

  /** @returns The datagram with that number; undefined when it is too old. */
  find(seq: number): Uint8Array | undefined {
    const behind = counterDiff(this.#next, seq);
    if (behind < 1 || behind > HOP_RING_PACKETS) return undefined;
    const at = seq & (HOP_RING_PACKETS - 1);
    return this.#buffers[at]?.subarray(0, this.#lengths[at]);
  }

  /** @returns The last number, once, when the link has been silent for a moment. */
  tail(nowMs: number): number | undefined {
    if (this.#tailSaid || nowMs - this.#sentMs < TAIL_AFTER_MS) return undefined;
    this.#tailSaid = true;
    return (this.#next - 1) >>> 0;
  }
}

interface Missing {
  readonly sinceMs: number;
  tries: number;
  nextMs: number;
}

/** The receiving end of a link: which numbers are missing and when to ask for them. Pure. */
export class HopReceiver {
  readonly #missing = new Map<number, Missing>();
  #highest = -1;
  /** Datagrams that came after they were asked for, and that never came. */
  repaired = 0;
  lost = 0;

  get missingCount(): number {
    return this.#missing.size;
  }

  /** A datagram came. */
  received(seq: number, nowMs: number): void {
    if (this.#missing.delete(seq)) this.repaired += 1;
    if (this.#highest >= 0 && counterDiff(seq, this.#highest) <= 0) return;
    if (this.#highest >= 0) this.#expect(seq, nowMs);
    this.#highest = seq;
  }

  /** The other end says that `seq` was its last. */
  tail(seq: number, nowMs: number): void {
    if (this.#highest < 0 || counterDiff(seq, this.#highest) <= 0) return;
    this.#expect((seq + 1) >>> 0, nowMs);
    this.#highest = seq;
  }

  /**
   * Fills `into` with numbers to ask for now.
   * @returns How many, at most {@link NACK_MAX}.
   */
  due(rttMs: number, nowMs: number, into: number[]): number {
    into.length = 0;
    for (const [seq, missing] of this.#missing) {
      if (nowMs - missing.sinceMs > DEADLINE_MS || (missing.tries >= TRIES_MAX && nowMs >= missing.nextMs)) {
        this.#missing.delete(seq);
        this.lost += 1;
        continue;
      }
      if (nowMs < missing.nextMs || into.length >= NACK_MAX) continue;
      missing.tries += 1;
      missing.nextMs = nowMs + rttMs + RETRY_MARGIN_MS;
      into.push(seq);
    }
    return into.length;
  }

  /** The other end began anew. */
  reset(): void {
    this.#missing.clear();
    this.#highest = -1;
  }

  #expect(seq: number, nowMs: number): void {
    const gap = counterDiff(seq, this.#highest) - 1;
    if (gap > MISSING_MAX) {
      this.lost += gap + this.#missing.size;
      this.#missing.clear();
      return;
    }
    for (let i = 1; i <= gap; i += 1)
      this.#missing.set((this.#highest + i) >>> 0, { sinceMs: nowMs, tries: 0, nextMs: nowMs });
    for (const oldest of this.#missing.keys()) {
      if (this.#missing.size <= MISSING_MAX) break;
      this.#missing.delete(oldest);
      this.lost += 1;
    }
  }
}
