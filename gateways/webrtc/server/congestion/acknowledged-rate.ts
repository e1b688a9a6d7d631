import type { PacketResult } from './packet-result.ts';

/** Arrivals of this much time are looked at: long enough for a clump of a jittery path not to count, milliseconds. */
const WINDOW_MS = 350;
/** And of the last part of it, which tells a rise sooner. */
const RECENT_MS = 150;
const PACKETS_MIN = 8;
const PACKETS_MAX = 1024;
/** Less arrives than this share of what was sent meanwhile: the path is full. */
const SATURATED_SHARE = 0.92;

/**
 * What arrives at the client, bits per second, and how fast the same packets were sent: where both are alike, what
 * arrives tells only what was sent; where less arrives, it is what the path carries. Pure.
 */
export class AcknowledgedRate {
  /** Those that arrived by arrival; the lost ones among them where they were reported. */
  #window: PacketResult[] = [];
  #receivedBps = 0;
  #recentBps = 0;
  #sentBps = 0;

  /** undefined until there was a window's worth of packets. */
  get bitrateBps(): number | undefined {
    return this.#receivedBps > 0 ? Math.max(this.#receivedBps, this.#recentBps) : undefined;
  }

  /** @param inherentLoss Loss of the path that is there whatever is sent, 0…1. */
  isSaturated(inherentLoss: number): boolean {
    return this.#receivedBps < SATURATED_SHARE * (1 - inherentLoss) * this.#sentBps;
  }

  /** @param results Of one feedback, those that arrived by arrival. */
  update(results: readonly PacketResult[]): void {
    const latestMs = results.reduce((latest, { arrivalMs }) => Math.max(latest, arrivalMs), -1);
    if (latestMs < 0) return;
    this.#window.push(...results);
    // A receiver's clock that was set back leaves arrivals in the future: they go as well.
    const drop = Math.max(
      this.#window.length - PACKETS_MAX,
      this.#window.findIndex(({ arrivalMs }) => arrivalMs >= latestMs - WINDOW_MS && arrivalMs <= latestMs),
    );
    if (drop > 0) this.#window = this.#window.slice(drop);
    this.#measure(latestMs);
  }

  #measure(latestMs: number): void {
    if (this.#window.length < PACKETS_MIN) return;
    let sentBytes = 0;
    let firstSentMs = Number.POSITIVE_INFINITY;
    let lastSentMs = 0;
    let lastSentBytes = 0;
    for (const { sentMs, bytes } of this.#window) {
      sentBytes += bytes;
      firstSentMs = Math.min(firstSentMs, sentMs);
      if (sentMs < lastSentMs) continue;
      lastSentMs = sentMs;
      lastSentBytes = bytes;
    }
    const receivedBps = this.#receivedSince(latestMs - WINDOW_MS, latestMs, WINDOW_MS / 4);
    if (receivedBps === 0 || lastSentMs <= firstSentMs) return;
    this.#receivedBps = receivedBps;
    this.#recentBps = this.#receivedSince(latestMs - RECENT_MS, latestMs, RECENT_MS / 2);
    this.#sentBps = ((sentBytes - lastSentBytes) * 8000) / (lastSentMs - firstSentMs);
  }

  /** @returns 0 when the packets span less than `leastMs`. */
  #receivedSince(fromMs: number, latestMs: number, leastMs: number): number {
    let bytes = 0;
    let packets = 0;
    let firstMs = latestMs;
    let firstBytes = 0;
    for (const { arrivalMs, bytes: size } of this.#window) {
      if (arrivalMs < fromMs || arrivalMs > latestMs) continue;
      packets += 1;
      bytes += size;
      if (arrivalMs >= firstMs) continue;
      firstMs = arrivalMs;
      firstBytes = size;
    }
    const spanMs = latestMs - firstMs;
    return packets < PACKETS_MIN || spanMs < leastMs ? 0 : ((bytes - firstBytes) * 8000) / spanMs;
  }
}
