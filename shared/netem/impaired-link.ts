import { CLEAN_LINK, type LinkProfile } from './link-profile.ts';
import { LossModel } from './loss-model.ts';
import { SeededRandom } from './seeded-random.ts';

/** A jitter value holds for this time, milliseconds. */
const JITTER_HOLD_MS = 20;
/** Jitter beyond this many deviations does not occur. */
const JITTER_MAX = 2.5;
/** How much later a reordered packet comes, milliseconds. */
const REORDER_DELAY_MS = 15;

interface Queued<Item> {
  readonly item: Item;
  readonly bytes: number;
}

interface Flying<Item> {
  readonly item: Item;
  readonly atMs: number;
}

/** What became of the packets of a link. */
export interface LinkCounts {
  sent: number;
  /** Lost on the way. */
  lost: number;
  /** Lost because the queue was full. */
  overflowed: number;
  delivered: number;
  bytesDelivered: number;
}

/**
 * One direction of a path as a machine without I/O: loss → queue → rate → delay. The same seed and the same packets at
 * the same times give the same deliveries. Drive it with {@link push} and {@link poll}; sleep until {@link nextDeadlineMs}.
 */
export class ImpairedLink<Item> {
  readonly #random: SeededRandom;
  readonly #loss: LossModel;
  readonly #queue: Queued<Item>[] = [];
  /** By arrival, the soonest last. */
  readonly #flying: Flying<Item>[] = [];
  #profile: LinkProfile;
  #queuedBytes = 0;
  /** Bits of the packet at the head that are still to be sent at {@link #servedMs}. */
  #headBits = 0;
  #servedMs = 0;
  #jitterMs = 0;
  #jitterUntilMs = Number.NEGATIVE_INFINITY;
  #lastArrivalMs = Number.NEGATIVE_INFINITY;
  readonly counts: LinkCounts = { sent: 0, lost: 0, overflowed: 0, delivered: 0, bytesDelivered: 0 };

  constructor(seed: number, profile: LinkProfile = CLEAN_LINK) {
    this.#random = new SeededRandom(seed);
    this.#loss = new LossModel(this.#random);
    this.#profile = profile;
  }

  get profile(): LinkProfile {
    return this.#profile;
  }

  /** The path changes from now on; what is queued goes on at the new rate. */
  change(profile: LinkProfile, nowMs: number): void {
    this.#serve(nowMs);
    this.#profile = profile;
  }

  /** How long a packet that came now would wait before it is sent, milliseconds. */
  queueDelayMs(nowMs: number): number {
    this.#serve(nowMs);
    if (this.#queue.length === 0) return 0;
    const head = this.#queue[0]?.bytes ?? 0;
    return (((this.#queuedBytes - head) * 8 + this.#headBits) * 1000) / this.#profile.rateBps;
  }

  /** @param bytes Whole size on the wire. Times must not go back. */
  push(item: Item, bytes: number, nowMs: number): void {
    this.#serve(nowMs);
    const { rateBps, queueMs, loss, burst } = this.#profile;
    this.counts.sent += 1;
    if (this.#loss.loses(loss, burst)) {
      this.counts.lost += 1;
      return;
    }
    if (rateBps === Number.POSITIVE_INFINITY && this.#queue.length === 0) {
      this.#fly(item, bytes, nowMs);
      return;
    }
    // A queue takes at least two packets, however slow the line.
    const limitBytes = Math.max(3000, (rateBps * queueMs) / 8000);
    if (this.#queuedBytes + bytes > limitBytes) {
      this.counts.overflowed += 1;
      return;
    }
    if (this.#queue.length === 0) {
      this.#headBits = bytes * 8;
      this.#servedMs = nowMs;
    }
    this.#queue.push({ item, bytes });
    this.#queuedBytes += bytes;
  }

  /** The next packet that has arrived by now; undefined when there is none. */
  poll(nowMs: number): Item | undefined {
    this.#serve(nowMs);
    const next = this.#flying.at(-1);
    if (next === undefined || next.atMs > nowMs) return undefined;
    this.#flying.pop();
    return next.item;
  }

  /** When {@link poll} may have something; Infinity when nothing is under way. */
  nextDeadlineMs(): number {
    const arrivalMs = this.#flying.at(-1)?.atMs ?? Number.POSITIVE_INFINITY;
    if (this.#queue.length === 0) return arrivalMs;
    return Math.min(arrivalMs, this.#servedMs + (this.#headBits * 1000) / this.#profile.rateBps);
  }

  /** Sends what the rate allows until now. */
  #serve(nowMs: number): void {
    for (;;) {
      const head = this.#queue[0];
      if (head === undefined) return;
      const doneMs = this.#servedMs + (this.#headBits * 1000) / this.#profile.rateBps;
      if (doneMs > nowMs) {
        this.#headBits -= ((nowMs - this.#servedMs) * this.#profile.rateBps) / 1000;
        this.#servedMs = nowMs;
        return;
      }
      this.#queue.shift();
      this.#queuedBytes -= head.bytes;
      this.#servedMs = doneMs;
      this.#headBits = (this.#queue[0]?.bytes ?? 0) * 8;
      this.#fly(head.item, head.bytes, doneMs);
    }
  }

  #fly(item: Item, bytes: number, nowMs: number): void {
    const { delayMs, jitterMs, reorder, duplicate } = this.#profile;
    if (jitterMs > 0 && nowMs >= this.#jitterUntilMs) {
      const deviations = Math.max(-JITTER_MAX, Math.min(JITTER_MAX, this.#random.normal()));
      this.#jitterMs = deviations * jitterMs;
      this.#jitterUntilMs = nowMs + JITTER_HOLD_MS;
    }
    const wantedMs = nowMs + Math.max(0, delayMs + (jitterMs > 0 ? this.#jitterMs : 0));
    const late = this.#random.chance(reorder);
    const atMs = late ? wantedMs + REORDER_DELAY_MS : Math.max(wantedMs, this.#lastArrivalMs);
    if (!late) this.#lastArrivalMs = atMs;
    this.#land(item, bytes, atMs);
    if (this.#random.chance(duplicate)) this.#land(item, 0, atMs);
  }

  #land(item: Item, bytes: number, atMs: number): void {
    this.counts.delivered += 1;
    this.counts.bytesDelivered += bytes;
    let at = this.#flying.length;
    // Behind everything that arrives at the same time or sooner.
    while (at > 0 && (this.#flying[at - 1]?.atMs ?? 0) <= atMs) at -= 1;
    this.#flying.splice(at, 0, { item, atMs });
  }
}
