import type { PacketResult } from './packet-result.ts';

/** A cluster counts when this share of its packets and bytes arrived. */
const ARRIVED_MIN = 0.8;
/** Rates are taken over intervals between packets, so one packet is none. */
const INTERVAL_MAX_MS = 1000;
/** The receive rate of a path that holds packets back in clumps is nonsense. */
const CLUMP_FACTOR = 2;
/** Received clearly slower than sent: the bottleneck was met, and this much of it is asked for. */
const SATURATED = 0.9;
const SATURATED_SHARE = 0.95;
const CLUSTERS_MAX = 8;

interface Cluster {
  readonly id: number;
  readonly packetsMin: number;
  readonly bytesMin: number;
  packets: number;
  bytes: number;
  firstSentMs: number;
  lastSentMs: number;
  lastSentBytes: number;
  firstArrivalMs: number;
  firstArrivalBytes: number;
  lastArrivalMs: number;
}

/** What a cluster of probe packets measured. */
export interface ProbeMeasure {
  readonly cluster: number;
  readonly bitrateBps: number;
}

/** Follows probe clusters over the feedback, and tells what rate each one shows. Pure. */
export class ProbeResults {
  readonly #clusters: Cluster[] = [];

  /** A cluster is about to be sent. */
  started(id: number, packetsMin: number, bytesMin: number): void {
    if (this.#clusters.length >= CLUSTERS_MAX) this.#clusters.shift();
    this.#clusters.push({
      id,
      packetsMin,
      bytesMin,
      packets: 0,
      bytes: 0,
      firstSentMs: Number.POSITIVE_INFINITY,
      lastSentMs: Number.NEGATIVE_INFINITY,
      lastSentBytes: 0,
      firstArrivalMs: Number.POSITIVE_INFINITY,
      firstArrivalBytes: 0,
      lastArrivalMs: Number.NEGATIVE_INFINITY,
    });
  }

  /** @returns The cluster's rate so far, when enough of it arrived to tell. */
  add({ cluster: id, sentMs, arrivalMs, bytes }: PacketResult): ProbeMeasure | undefined {
    const cluster = this.#clusters.find((each) => each.id === id);
    if (cluster === undefined || arrivalMs < 0) return undefined;
    cluster.packets += 1;
    cluster.bytes += bytes;
    cluster.firstSentMs = Math.min(cluster.firstSentMs, sentMs);
    if (sentMs >= cluster.lastSentMs) {
      cluster.lastSentMs = sentMs;
      cluster.lastSentBytes = bytes;
    }
    if (arrivalMs < cluster.firstArrivalMs) {
      cluster.firstArrivalMs = arrivalMs;
      cluster.firstArrivalBytes = bytes;
    }
    cluster.lastArrivalMs = Math.max(cluster.lastArrivalMs, arrivalMs);
    if (cluster.packets < ARRIVED_MIN * cluster.packetsMin || cluster.bytes < ARRIVED_MIN * cluster.bytesMin)
      return undefined;
    const bitrateBps = rateOf(cluster);
    return bitrateBps === undefined ? undefined : { cluster: id, bitrateBps };
  }
}

function rateOf(cluster: Cluster): number | undefined {
  const sendMs = cluster.lastSentMs - cluster.firstSentMs;
  const receiveMs = cluster.lastArrivalMs - cluster.firstArrivalMs;
  if (sendMs <= 0 || receiveMs <= 0 || sendMs > INTERVAL_MAX_MS || receiveMs > INTERVAL_MAX_MS)
    return undefined;
  // The time of the last packet sent, and of the first one received, is outside of the interval.
  const sendBps = ((cluster.bytes - cluster.lastSentBytes) * 8000) / sendMs;
  const receiveBps = ((cluster.bytes - cluster.firstArrivalBytes) * 8000) / receiveMs;
  if (receiveBps / sendBps > CLUMP_FACTOR) return undefined;
  if (receiveBps < SATURATED * sendBps) return SATURATED_SHARE * receiveBps;
  return Math.min(sendBps, receiveBps);
}
