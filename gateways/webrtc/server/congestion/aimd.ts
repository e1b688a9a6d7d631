import { LinkCapacity } from './link-capacity.ts';
import type { BandwidthUsage } from './trendline.ts';

/** Kept of what arrives when the queue grows, where that is what the path carries. */
const DECREASE = 0.85;
/** Kept of the estimate in one step where what is sent arrives: the delay may pass. */
const STEP_DOWN = 0.93;
/** Kept of the estimate where a full queue does not drain: what is sent is not all that the estimate knows of. */
const DRAIN_DOWN = 0.9;
const DRAIN_INTERVAL_MS = 300;
/** Growth far from the capacity, per second, and its least step. */
const GROWTH = 1.08;
const STEP_MIN_BPS = 1000;
/** Growth near the capacity: one packet a response time, at least this much a second. */
const ADDITIVE_MIN_BPS = 4000;
const RESPONSE_EXTRA_MS = 100;
const FRAMES_PER_SECOND = 30;
const PACKET_BITS = 1200 * 8;
/** An estimate far above what arrives was never tried out. */
const ACKNOWLEDGED_FACTOR = 1.5;
const ACKNOWLEDGED_EXTRA_BPS = 10_000;
/** Two decreases are a round trip apart, within these bounds, milliseconds. */
const REDUCTION_MIN_MS = 10;
const REDUCTION_MAX_MS = 200;

/**
 * ```
 *              overuse                    overuse
 *   ┌──────── increase ──────▶ decrease ◀──────── hold
 *   │ normal                      │ (at once)       ▲
 *   └──────── hold ◀──────────────┘      underuse ──┘ (from any state)
 * ```
 * Additive increase near the known capacity, multiplicative elsewhere; multiplicative decrease of what arrives. Pure.
 */
export class Aimd {
  readonly #capacity = new LinkCapacity();
  #bps: number;
  #state: 'increase' | 'hold' = 'increase';
  #changedMs = -1;
  #decreasedMs = Number.NEGATIVE_INFINITY;
  #drainedMs = Number.NEGATIVE_INFINITY;

  constructor(startBps: number) {
    this.#bps = startBps;
  }

  get bitrateBps(): number {
    return this.#bps;
  }

  /** When it was lowered last; −Infinity: never. */
  get decreasedMs(): number {
    return this.#decreasedMs;
  }

  /**
   * @param acknowledgedBps What arrives, undefined while unknown.
   * @param sending `limited`: little is sent, so that growth would be a guess. `saturated`: clearly less arrives than is
   * sent, so that what arrives is what the path carries. `full`: the queue is long and stays.
   */
  update(
    usage: BandwidthUsage,
    acknowledgedBps: number | undefined,
    sending: { readonly limited: boolean; readonly saturated: boolean; readonly full: boolean },
    rttMs: number,
    nowMs: number,
  ): void {
    if (usage === 'overuse') {
      if (this.#mayReduce(acknowledgedBps, rttMs, nowMs))
        this.#decrease(acknowledgedBps, sending.saturated, nowMs);
      if (sending.full && nowMs - this.#drainedMs >= DRAIN_INTERVAL_MS) {
        this.#drainedMs = nowMs;
        this.#bps *= DRAIN_DOWN;
      }
      return;
    }
    if (usage === 'underuse') {
      // The queue drains: wait until it is empty.
      this.#state = 'hold';
      return;
    }
    if (this.#state === 'hold' || this.#changedMs < 0) {
      this.#state = 'increase';
      this.#changedMs = nowMs;
      return;
    }
    if (sending.limited) this.#changedMs = nowMs;
    else this.#increase(acknowledgedBps, rttMs, nowMs);
  }

  /** A probe measured the path. */
  probed(bitrateBps: number, nowMs: number): void {
    this.#bps = bitrateBps;
    this.#capacity.probed(bitrateBps);
    this.#changedMs = nowMs;
  }

  /** Another part of the estimate knows that it is less. */
  limit(bitrateBps: number): void {
    this.#bps = Math.min(this.#bps, bitrateBps);
  }

  #mayReduce(acknowledgedBps: number | undefined, rttMs: number, nowMs: number): boolean {
    const intervalMs = Math.max(REDUCTION_MIN_MS, Math.min(REDUCTION_MAX_MS, rttMs));
    if (nowMs - this.#decreasedMs >= intervalMs) return true;
    return acknowledgedBps !== undefined && acknowledgedBps < this.#bps / 2;
  }

  #decrease(acknowledgedBps: number | undefined, saturated: boolean, nowMs: number): void {
    const throughput = acknowledgedBps ?? this.#bps / 2;
    // Step by step while what is sent arrives: a real bottleneck is reached after some round trips, a passing delay is not.
    let decreased = saturated
      ? DECREASE * throughput
      : Math.max(DECREASE * throughput, STEP_DOWN * this.#bps);
    // What arrives is more than what was thought possible: a clump of a path that held packets back.
    if (decreased > this.#bps && this.#capacity.known) decreased = DECREASE * this.#capacity.bitrateBps;
    if (decreased < this.#bps) this.#bps = decreased;
    if (throughput < this.#capacity.lowerBps) this.#capacity.forget();
    this.#capacity.overused(throughput);
    this.#state = 'hold';
    this.#changedMs = nowMs;
    this.#decreasedMs = nowMs;
  }

  #increase(acknowledgedBps: number | undefined, rttMs: number, nowMs: number): void {
    const elapsedMs = Math.min(1000, nowMs - this.#changedMs);
    this.#changedMs = nowMs;
    const throughput = acknowledgedBps ?? this.#bps;
    if (throughput > this.#capacity.upperBps) this.#capacity.forget();
    const limit = ACKNOWLEDGED_FACTOR * throughput + ACKNOWLEDGED_EXTRA_BPS;
    if (this.#bps >= limit) return;
    const step = this.#capacity.known
      ? (additiveBps(this.#bps, rttMs) * elapsedMs) / 1000
      : Math.max(STEP_MIN_BPS, this.#bps * (GROWTH ** (elapsedMs / 1000) - 1));
    this.#bps = Math.min(this.#bps + step, limit);
  }
}

/** Bits per second that are added in one second. */
function additiveBps(bps: number, rttMs: number): number {
  const bitsPerFrame = bps / FRAMES_PER_SECOND;
  const packetsPerFrame = Math.ceil(bitsPerFrame / PACKET_BITS);
  const packetBits = bitsPerFrame / packetsPerFrame;
  return Math.max(ADDITIVE_MIN_BPS, (packetBits * 1000) / (rttMs + RESPONSE_EXTRA_MS));
}
