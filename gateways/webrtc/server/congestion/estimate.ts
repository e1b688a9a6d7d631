import type { TransportCcFeedback } from '@switchyard/shared/media';
import { AcknowledgedRate } from './acknowledged-rate.ts';
import { Aimd } from './aimd.ts';
import { LossBased } from './loss-based.ts';
import { PacketGroups } from './packet-groups.ts';
import type { PacketResult } from './packet-result.ts';
import { type ProbeCluster, ProbeController, type ProbeFacts } from './probe.ts';
import { ProbeResults } from './probe-result.ts';
import { RembEstimate } from './remb-estimate.ts';
import { SendHistory } from './send-history.ts';
import { SentRate } from './sent-rate.ts';
import { StandingQueue } from './standing-queue.ts';
import { type BandwidthUsage, Trendline } from './trendline.ts';

/** Bounds of an estimate, bits per second. */
export const ESTIMATE_START_BPS: number = 600_000;
export const ESTIMATE_MIN_BPS: number = 30_000;
/** Nothing above what the client wants is of use; but at least this, so that it can be given more at once. */
const MAX_LEAST_BPS = 900_000;
/** The wish has some headroom: from this share on it counts as met. */
const MET_SHARE = 0.88;
const RTT_START_MS = 100;
const RTT_SMOOTHING = 0.8;
/** Transport-wide feedback came within this time: REMB is not needed, milliseconds. */
const FEEDBACK_RECENT_MS = 2000;
/** Media may leave this much faster than the estimate where all that is wanted fits, and where a bottleneck is near. */
const PACING_FREE = 2.5;
const PACING_NEAR = 1.3;
const PACING_CONGESTED = 1.05;
/** What is sent so soon after a probe began waits behind it, milliseconds. */
const PROBE_WAKE_MS = 350;
/** So many probes in a row must show less than this share before less is believed. */
const LOW_PROBES = 2;
const LOW_SHARE = 0.9;
/** And less than this share of the estimate is not believed at once. */
const LOW_MOST = 0.6;
/** No feedback for this long, though this much is under way: this share of the estimate is kept. */
const SILENCE_MS = 1000;
const SILENCE_BYTES = 5000;
const SILENCE_SHARE = 0.7;
/** More wanted by this factor is worth a probe at once. */
const DEMAND_GREW = 1.2;

/**
 * What one client can receive: Google congestion control for everything that is sent to it, audio, RTX, probes and padding
 * included. Delay (trendline, AIMD) and loss (version 2) each give a limit, the lower one holds; probes raise both. Where
 * the client acknowledges nothing by transport-wide feedback, its REMB is taken. Pure.
 */
export class CongestionEstimate {
  readonly #history = new SendHistory();
  #groups = new PacketGroups();
  #trendline = new Trendline();
  #queue = new StandingQueue();
  #acknowledged = new AcknowledgedRate();
  #aimd = new Aimd(ESTIMATE_START_BPS);
  #loss = new LossBased();
  readonly #probes = new ProbeController();
  readonly #probeResults = new ProbeResults();
  readonly #remb = new RembEstimate(ESTIMATE_START_BPS);
  readonly #sent = new SentRate();
  /** By cluster, what the probes of one feedback show. */
  readonly #measures = new Map<number, number>();
  /** By cluster, the probes since the last good one that showed less than the estimate. */
  readonly #low = new Map<number, number>();
  /** Something else than the start says what the path carries. */
  #proven = false;
  #probeMs = Number.NEGATIVE_INFINITY;
  #bps = ESTIMATE_START_BPS;
  #desiredBps = 0;
  #rttMs = RTT_START_MS;
  #rttKnown = false;
  #feedbackMs = Number.NEGATIVE_INFINITY;
  #silenceMs = Number.NEGATIVE_INFINITY;

  /** Bits per second of RTP packets, headers included. */
  get bitrateBps(): number {
    return this.#bps;
  }

  /** Round trip as the feedback shows it, milliseconds; 100 until there was one. */
  get rttMs(): number {
    return this.#rttMs;
  }

  /** What arrives, undefined while unknown. */
  get acknowledgedBps(): number | undefined {
    return this.#acknowledged.bitrateBps;
  }

  /** Early warning: the delay grows, or losses have just lowered the estimate. No upgrade now. */
  get congested(): boolean {
    return this.#usage === 'overuse' || this.#loss.falling;
  }

  /**
   * How fast media may leave. A keyframe at 2.5 × the estimate fills the bottleneck's queue, where audio waits behind it:
   * near the bottleneck the video waits in the pacer instead, and audio overtakes it.
   */
  get pacingBps(): number {
    if (this.#usage === 'overuse') return this.#bps * PACING_CONGESTED;
    return this.#bps * (this.#bps < MET_SHARE * this.#desiredBps ? PACING_NEAR : PACING_FREE);
  }

  /** Loss of the last seconds, 0…1. */
  get lossShare(): number {
    return this.#loss.averageLoss;
  }

  sentBps(nowMs: number): number {
    return this.#sent.bitrateBps(nowMs);
  }

  /** The client tells nothing of its path: what it is taken to carry, until losses or REMB say otherwise. */
  assume(bitrateBps: number): void {
    this.#bps = bitrateBps;
    this.#remb.assume(bitrateBps);
  }

  /**
   * Much is under way and nothing comes back: the path carries nothing, so that less and less is sent.
   * @returns Whether the estimate was lowered.
   */
  checkSilence(nowMs: number): boolean {
    if (this.#feedbackMs < 0 || this.#history.bytesInFlight < SILENCE_BYTES) return false;
    if (nowMs - Math.max(this.#feedbackMs, this.#silenceMs) < SILENCE_MS) return false;
    this.#silenceMs = nowMs;
    this.#settle(this.#bps * SILENCE_SHARE, nowMs);
    this.#aimd.limit(this.#bps);
    return true;
  }

  /** What the client wants: all that it watches at its best, with some headroom, bits per second. */
  setDemand(desiredBps: number): void {
    if (desiredBps > this.#desiredBps * DEMAND_GREW) this.#probes.retrySoon();
    this.#desiredBps = desiredBps;
  }

  /**
   * The client goes by another path now: what was learned of delay, loss and capacity says nothing any more. The estimate
   * falls to the start value at most, and the new path is tried out at once.
   */
  pathChanged(nowMs: number): void {
    this.#groups = new PacketGroups();
    this.#trendline = new Trendline();
    this.#queue = new StandingQueue();
    this.#acknowledged = new AcknowledgedRate();
    this.#aimd = new Aimd(Math.min(this.#bps, ESTIMATE_START_BPS));
    this.#loss = new LossBased();
    this.#low.clear();
    this.#proven = false;
    this.#rttKnown = false;
    this.#probes.retrySoon();
    this.#settle(this.#aimd.bitrateBps, nowMs);
  }

  /**
   * Hot path: a packet leaves.
   * @param cluster Number of the probe it is part of, −1 for none.
   * @returns The transport-wide sequence number to write into it, 16 bits.
   */
  sent(bytes: number, cluster: number, nowMs: number): number {
    if (cluster < 0) this.#sent.add(bytes, nowMs);
    return this.#history.sent(bytes, cluster, nowMs);
  }

  onFeedback(feedback: TransportCcFeedback, nowMs: number): void {
    const results = this.#history.report(feedback);
    if (results.length === 0) return;
    this.#feedbackMs = nowMs;
    const limited = this.#sent.isApplicationLimited(this.#bps, nowMs);
    this.#readArrivals(results, nowMs);
    const measuredBps = this.#measure();
    this.#acknowledged.update(results);
    const usage = this.#usage;
    const acknowledged = this.#acknowledged.bitrateBps;
    if (measuredBps > 0 && usage !== 'overuse') {
      this.#probes.measured(measuredBps, this.#facts(nowMs), nowMs);
      this.#aimd.probed(measuredBps, nowMs);
      this.#loss.probed(measuredBps);
    } else {
      const saturated = this.#acknowledged.isSaturated(this.#loss.inherentLoss);
      this.#aimd.update(
        usage,
        acknowledged,
        { limited, saturated, full: this.#queue.isFull },
        this.#rttMs,
        nowMs,
      );
    }
    this.#loss.update(results, this.#aimd.bitrateBps, acknowledged, limited, nowMs);
    this.#settle(Math.min(this.#aimd.bitrateBps, this.#loss.bitrateBps ?? Number.POSITIVE_INFINITY), nowMs);
  }

  /** The client's own estimate; counts only where it acknowledges nothing. @param sentBps What it was sent lately. */
  onRemb(bitrateBps: number, sentBps: number, nowMs: number): void {
    if (nowMs - this.#feedbackMs < FEEDBACK_RECENT_MS) return;
    this.#remb.report(bitrateBps, sentBps, this.#maxBps, nowMs);
    this.#settle(this.#remb.bitrateBps, nowMs);
  }

  /** Of a receiver report. @param loss 0…1. */
  onLossReport(loss: number, nowMs: number): void {
    if (nowMs - this.#feedbackMs < FEEDBACK_RECENT_MS) return;
    this.#remb.lost(loss, this.#maxBps, nowMs);
    // Where transport-wide feedback came before, its last word holds until it comes again.
    const limitBps = this.#feedbackMs < 0 ? Number.POSITIVE_INFINITY : this.#bps;
    this.#settle(Math.min(limitBps, this.#remb.bitrateBps), nowMs);
  }

  /** @returns A probe that is to be sent now. */
  nextProbe(nowMs: number): ProbeCluster | undefined {
    this.#probes.tick(this.#facts(nowMs), nowMs);
    const cluster = this.#probes.next();
    if (cluster !== undefined) this.#probeResults.started(cluster.id, cluster.packetsMin, cluster.bytesMin);
    return cluster;
  }

  /** A rising trend without a queue is jitter; a full queue is too much without a trend. */
  get #usage(): BandwidthUsage {
    const { usage } = this.#trendline;
    if (usage !== 'underuse' && this.#queue.isFull) return 'overuse';
    return usage === 'overuse' && !this.#queue.stands ? 'normal' : usage;
  }

  get #maxBps(): number {
    return Math.max(MAX_LEAST_BPS, this.#desiredBps);
  }

  #facts(nowMs: number): ProbeFacts {
    return {
      estimateBps: this.#bps,
      maxBps: this.#desiredBps <= 0 ? 0 : this.#maxBps,
      unmet: this.#bps < MET_SHARE * this.#desiredBps,
      applicationLimited: this.#sent.isApplicationLimited(this.#bps, nowMs),
      congested: this.#usage === 'overuse' || this.#loss.limited,
      variationMs: this.#queue.variationMs,
    };
  }

  #readArrivals(results: readonly PacketResult[], nowMs: number): void {
    const arrived = results
      .filter(({ arrivalMs }) => arrivalMs >= 0)
      .sort((a, b) => a.arrivalMs - b.arrivalMs);
    let rttMs = Number.POSITIVE_INFINITY;
    this.#measures.clear();
    for (const result of arrived) {
      rttMs = Math.min(rttMs, nowMs - result.sentMs);
      const measure = this.#probeResults.add(result);
      if (measure !== undefined) this.#measures.set(measure.cluster, measure.bitrateBps);
      // A probe fills the queue for a moment, by intention.
      if (result.sentMs >= this.#probeMs && result.sentMs < this.#probeMs + PROBE_WAKE_MS) continue;
      const delta = this.#groups.add(result.sentMs, result.arrivalMs);
      if (delta === undefined) continue;
      this.#trendline.update(delta);
      this.#queue.add(delta.delayMs, delta.arrivalMs);
    }
    if (arrived.length === 0) return;
    this.#rttMs = this.#rttKnown ? RTT_SMOOTHING * this.#rttMs + (1 - RTT_SMOOTHING) * rttMs : rttMs;
    this.#rttKnown = true;
  }

  /** @returns What the probes of this feedback show, when it is news; 0 otherwise. */
  #measure(): number {
    let bps = 0;
    if (this.#measures.size > 0) this.#probes.answered();
    for (const [cluster, measuredBps] of this.#measures) {
      if (measuredBps > LOW_SHARE * this.#bps) {
        if (measuredBps > this.#bps) bps = Math.max(bps, measuredBps);
        this.#low.clear();
        this.#proven = true;
        continue;
      }
      this.#low.set(cluster, measuredBps);
      // A slow probe may have met jitter; two in a row met the bottleneck. The first estimate was a guess anyway.
      if (this.#proven && this.#low.size < LOW_PROBES) continue;
      bps = Math.max(bps, LOW_MOST * this.#bps, this.#acknowledged.bitrateBps ?? 0, ...this.#low.values());
      this.#low.clear();
    }
    return bps;
  }

  #settle(bps: number, nowMs: number): void {
    const settled = Math.round(Math.max(ESTIMATE_MIN_BPS, Math.min(this.#maxBps, bps)));
    if (settled < this.#bps) this.#probes.dropped(this.#bps, settled, nowMs);
    this.#bps = settled;
  }
}
