/** A cluster is at least so long and has at least so many packets. */
const CLUSTER_MS = 25;
const CLUSTER_PACKETS = 8;
/** On a path whose delay varies it is longer, so that the variation is small beside it. */
const CLUSTER_VARIATIONS = 10;
const CLUSTER_MAX_MS = 40;
/** At the start, in multiples of the first estimate. One after the other: a slow path would be filled for long. */
const START_FACTOR = 3;
/** Further, while a probe shows this share of what it tried. */
const FURTHER_FACTOR = 2;
const FURTHER_SHARE = 0.7;
/** How long a result is waited for, milliseconds; a probe that was lost is repeated so often. */
const RESULT_MS = 1000;
const REPEATS_MAX = 2;
/** While the client is sent less than it may be. */
const LIMITED_FACTOR = 2;
const LIMITED_INTERVAL_MS = 5000;
/** While more is wanted than the estimate allows: soon at first, then, as long as nothing comes of it, more rarely. */
const DEMAND_FACTOR = 2;
const DEMAND_FACTOR_AGAIN = 1.9;
const DEMAND_INTERVAL_MS = 3500;
const DEMAND_INTERVAL_MAX_MS = 5000;
/** After a probe that showed more, milliseconds. */
const DEMAND_INTERVAL_GROWING_MS = 700;
const DEMAND_BACKOFF = 1.5;
/** After a fall below this share, once the queue is empty: was it a dip? */
const DROP_SHARE = 0.66;
const DROP_FACTOR = 0.85;
const DROP_RECENT_MS = 5000;
/** A result counts as growth from here, times the estimate. */
const GROWTH_SHARE = 1.1;

/** Packets to be sent at `bitrateBps`, made of RTX or padding where media does not fill it. */
export interface ProbeCluster {
  readonly id: number;
  readonly bitrateBps: number;
  readonly packetsMin: number;
  readonly bytesMin: number;
}

/** What the probing goes by. All bits per second. */
export interface ProbeFacts {
  readonly estimateBps: number;
  /** Nothing above this is of use: what the client wants, and some headroom. */
  readonly maxBps: number;
  /** More is wanted than the estimate allows. */
  readonly unmet: boolean;
  readonly applicationLimited: boolean;
  /** The delay or the losses tell to send less. */
  readonly congested: boolean;
  /** How much the path's delay varies by itself, milliseconds. */
  readonly variationMs: number;
}

/** Decides when the path is tried out with more than it carries now, and by how much. Pure. */
export class ProbeController {
  #waiting: ProbeCluster | undefined;
  #nextId = 1;
  #started = false;
  #furtherFromBps = Number.POSITIVE_INFINITY;
  #furtherUntilMs = Number.NEGATIVE_INFINITY;
  /** What the last probe tried, until it is answered. */
  #unansweredBps = 0;
  #repeats = 0;
  #lastMs = Number.NEGATIVE_INFINITY;
  #demandIntervalMs = DEMAND_INTERVAL_MS;
  #beforeDropBps = 0;
  #droppedMs = Number.NEGATIVE_INFINITY;

  /** The next cluster to send; each is given out once. */
  next(): ProbeCluster | undefined {
    const cluster = this.#waiting;
    this.#waiting = undefined;
    return cluster;
  }

  /** Looks whether a probe is due. */
  tick(facts: ProbeFacts, nowMs: number): void {
    const { estimateBps, maxBps } = facts;
    if (!this.#started) {
      if (maxBps <= 0) return;
      this.#started = true;
      this.#probe(START_FACTOR * estimateBps, facts, nowMs);
      return;
    }
    if (facts.congested || this.#waiting !== undefined || nowMs < this.#furtherUntilMs) return;
    if (this.#unansweredBps > 0) {
      const again = this.#unansweredBps;
      this.#unansweredBps = 0;
      if (this.#repeats < REPEATS_MAX && again > estimateBps) {
        this.#repeats += 1;
        this.#probe(again, facts, nowMs);
        return;
      }
    }
    this.#repeats = 0;
    if (this.#beforeDropBps > 0 && this.#probeAfterDrop(facts, nowMs)) return;
    if (estimateBps >= maxBps) return;
    const { unmet } = facts;
    if (unmet && nowMs - this.#lastMs >= this.#demandIntervalMs) {
      const again = this.#demandIntervalMs > DEMAND_INTERVAL_MS;
      this.#demandIntervalMs = Math.min(DEMAND_INTERVAL_MAX_MS, this.#demandIntervalMs * DEMAND_BACKOFF);
      this.#probe((again ? DEMAND_FACTOR_AGAIN : DEMAND_FACTOR) * estimateBps, facts, nowMs);
    } else if (!unmet && facts.applicationLimited && nowMs - this.#lastMs >= LIMITED_INTERVAL_MS)
      this.#probe(LIMITED_FACTOR * estimateBps, facts, nowMs);
  }

  /** Enough of a cluster arrived to tell something, whatever it is. */
  answered(): void {
    this.#unansweredBps = 0;
  }

  /** A cluster showed `measuredBps` while the estimate was `facts.estimateBps`. */
  measured(measuredBps: number, facts: ProbeFacts, nowMs: number): void {
    if (measuredBps > GROWTH_SHARE * facts.estimateBps) {
      this.#demandIntervalMs = DEMAND_INTERVAL_MS;
      this.#lastMs = nowMs - DEMAND_INTERVAL_MS + DEMAND_INTERVAL_GROWING_MS;
    }
    if (nowMs > this.#furtherUntilMs || measuredBps < this.#furtherFromBps) return;
    this.#probe(FURTHER_FACTOR * measuredBps, facts, nowMs);
  }

  /** The estimate fell. */
  dropped(fromBps: number, toBps: number, nowMs: number): void {
    if (toBps >= DROP_SHARE * fromBps) return;
    this.#beforeDropBps = Math.max(fromBps, this.#recentDropBps(nowMs));
    this.#droppedMs = nowMs;
  }

  /** More is wanted than before: try at once. */
  retrySoon(): void {
    this.#demandIntervalMs = DEMAND_INTERVAL_MS;
    this.#lastMs = Number.NEGATIVE_INFINITY;
  }

  #recentDropBps(nowMs: number): number {
    return nowMs - this.#droppedMs < DROP_RECENT_MS ? this.#beforeDropBps : 0;
  }

  #probeAfterDrop(facts: ProbeFacts, nowMs: number): boolean {
    const before = this.#recentDropBps(nowMs);
    this.#beforeDropBps = 0;
    if (before * DROP_FACTOR <= facts.estimateBps) return false;
    this.#probe(before * DROP_FACTOR, facts, nowMs);
    return true;
  }

  #probe(wantedBps: number, { maxBps, variationMs }: ProbeFacts, nowMs: number): void {
    const durationMs = Math.max(CLUSTER_MS, Math.min(CLUSTER_MAX_MS, CLUSTER_VARIATIONS * variationMs));
    const bitrateBps = Math.min(wantedBps, maxBps);
    this.#waiting = {
      id: this.#nextId++,
      bitrateBps,
      packetsMin: CLUSTER_PACKETS,
      bytesMin: Math.ceil((bitrateBps * durationMs) / 8000),
    };
    // Above the maximum there is nothing to find out.
    this.#furtherFromBps = bitrateBps >= maxBps ? Number.POSITIVE_INFINITY : FURTHER_SHARE * bitrateBps;
    this.#unansweredBps = bitrateBps;
    this.#lastMs = nowMs;
    this.#furtherUntilMs = nowMs + RESULT_MS;
  }
}
