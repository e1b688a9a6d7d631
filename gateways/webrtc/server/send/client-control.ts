import type { TransportCcFeedback } from '@switchyard/shared/media';
import { CongestionEstimate } from '../congestion/estimate.ts';
import type { OutgoingPacket } from './outgoing-packet.ts';
import { Pacer } from './pacer.ts';
import type { SendCounters } from './send-counters.ts';

/** A change of the estimate by this share is told at once; any other one with the next. */
const NEWS_SHARE = 0.02;
/**
 * More than this much media waits, at the estimate, milliseconds: the core is told less for a while, so that what waits
 * leaves within about the other time, instead of being late for ever.
 */
const BACKLOG_MS = 300;
const BACKLOG_DRAIN_MS = 2000;
/** A fall below this share is counted. */
const FALL_SHARE = 0.66;
/** A path whose client tells nothing at all is taken to carry this much, after this time of sending, milliseconds. */
const UNKNOWN_BPS = 5_000_000;
const UNKNOWN_AFTER_MS = 5000;
/** Media of a client of which nothing is known leaves this fast. */
const UNKNOWN_PACING_BPS = 20_000_000;

export interface ClientControlListener {
  /** Bits per second that the client can be sent, and whether it should not be sent more than it is now. */
  onEstimate(bitrateBps: number, congested: boolean): void;
  /** The pacer has something that waits: {@link ClientControl.process} is to be called every slot. */
  onWaiting(): void;
  /** Packets of the slot with this number were given up: its viewer needs a keyframe. */
  onGivenUp(stream: number): void;
  /**
   * Sends a packet for nothing but measuring, of about `bytes`. @returns Its size, 0 when nothing can be sent for that yet.
   */
  sendPadding(bytes: number, cluster: number, nowMs: number): number;
  /** Whether {@link sendPadding} would send. */
  canPad(): boolean;
}

/** What decides when a client's packets leave, and how much it gets: estimate, probes and pacer tied together. */
export class ClientControl {
  readonly #listener: ClientControlListener;
  readonly #counters: SendCounters;
  readonly #estimate = new CongestionEstimate();
  readonly #pacer: Pacer<OutgoingPacket>;
  /** The client acknowledges by transport-wide numbers, as far as was negotiated. */
  #acknowledges = false;
  #toldBps = 0;
  #toldCongested = false;
  #firstSentMs = -1;
  #heard = false;

  constructor(listener: ClientControlListener, counters: SendCounters) {
    this.#listener = listener;
    this.#counters = counters;
    this.#pacer = new Pacer<OutgoingPacket>(
      {
        sendMedia: (packet, cluster, nowMs) => {
          packet.slot?.transmit(packet, cluster, nowMs);
        },
        sendRepair: (packet, cluster, nowMs) => {
          counters.repairs += 1;
          return packet.slot?.transmit(packet, cluster, nowMs) ?? 0;
        },
        sendPadding: (bytes, cluster, nowMs) => {
          const sent = listener.sendPadding(bytes, cluster, nowMs);
          counters.probeBytes += sent;
          return sent;
        },
        discard: (packet) => {
          if (packet.isRepair) counters.refusedRepairs += 1;
          else counters.droppedPackets += 1;
          packet.slot?.discard(packet);
        },
        onGivenUp: (stream) => listener.onGivenUp(stream),
      },
      this.#estimate.bitrateBps,
    );
    this.#pacer.setRates(UNKNOWN_PACING_BPS, UNKNOWN_PACING_BPS);
  }

  get estimate(): CongestionEstimate {
    return this.#estimate;
  }

  get pacer(): Pacer<OutgoingPacket> {
    return this.#pacer;
  }

  /** What was negotiated: whether packets carry transport-wide numbers. */
  negotiated(acknowledges: boolean): void {
    if (acknowledges === this.#acknowledges) return;
    this.#acknowledges = acknowledges;
    this.#settle();
  }

  /** Something of the slots was closed. */
  forget(stream: number): void {
    this.#pacer.forget(stream);
  }

  setDemand(desiredBps: number): void {
    this.#estimate.setDemand(desiredBps);
  }

  /** The client is reached by another path now. */
  pathChanged(nowMs: number): void {
    if (!this.#heard) return;
    this.#estimate.pathChanged(nowMs);
    this.#settle();
  }

  /** Hot path. @returns false when a repair was refused; the packet is used up either way. */
  enqueue(packet: OutgoingPacket, nowMs: number): boolean {
    if (this.#firstSentMs < 0) this.#firstSentMs = nowMs;
    const wasBusy = this.#pacer.busy;
    if (packet.isRepair) {
      if (!this.#pacer.repair(packet, nowMs)) return false;
    } else if (packet.slot?.isVideo === true) this.#pacer.media(packet, nowMs);
    else packet.slot?.transmit(packet, this.#pacer.audio(packet.wireBytes, nowMs), nowMs);
    if (!wasBusy && this.#pacer.busy) this.#listener.onWaiting();
    return true;
  }

  /** Hot path. @returns The transport-wide number of a packet that leaves now. */
  transportSeq(wireBytes: number, cluster: number, nowMs: number): number {
    return this.#estimate.sent(wireBytes, cluster, nowMs);
  }

  onFeedback(feedback: TransportCcFeedback, nowMs: number): void {
    this.#heard = true;
    this.#estimate.onFeedback(feedback, nowMs);
    this.#settle();
  }

  /** @param sentBps What was sent to the client in the last second. */
  onRemb(bitrateBps: number, sentBps: number, nowMs: number): void {
    this.#heard = true;
    this.#estimate.onRemb(bitrateBps, sentBps, nowMs);
    this.#settle();
  }

  onLossReport(loss: number, nowMs: number): void {
    if (!this.#heard) return;
    this.#estimate.onLossReport(loss, nowMs);
    this.#settle();
  }

  /** @returns Whether more waits. */
  process(nowMs: number): boolean {
    this.#pacer.process(nowMs);
    return this.#pacer.busy;
  }

  /** Probes, and what happens when a client falls silent. Every few milliseconds. */
  tick(nowMs: number): void {
    if (this.#acknowledges && this.#listener.canPad()) {
      const probe = this.#estimate.nextProbe(nowMs);
      if (probe !== undefined) {
        this.#counters.probes += 1;
        this.#pacer.probe(probe, nowMs);
        if (this.#pacer.busy) this.#listener.onWaiting();
      }
    }
    if (this.#estimate.checkSilence(nowMs)) this.#settle();
    if (this.#heard || this.#firstSentMs < 0 || nowMs - this.#firstSentMs < UNKNOWN_AFTER_MS) return;
    // Nothing was ever told of: a guess is better than the start value, or none, for ever.
    this.#heard = true;
    this.#estimate.assume(UNKNOWN_BPS);
    this.#settle();
  }

  #settle(): void {
    const known = this.#heard || this.#acknowledges;
    const { bitrateBps, pacingBps, congested } = this.#estimate;
    if (!known) return;
    this.#pacer.setRates(bitrateBps, pacingBps);
    const usableBps = bitrateBps - this.#backlogBps(bitrateBps);
    // More waits than leaves in that time: what was told last holds, and the picture goes on.
    if (usableBps <= 0) return;
    const isNews = Math.abs(usableBps - this.#toldBps) > NEWS_SHARE * this.#toldBps;
    if (!isNews && congested === this.#toldCongested) return;
    if (usableBps < FALL_SHARE * this.#toldBps) this.#counters.estimateFalls += 1;
    this.#toldBps = usableBps;
    this.#toldCongested = congested;
    this.#listener.onEstimate(usableBps, congested);
  }

  /** Share of the estimate that what waits needs. */
  #backlogBps(bitrateBps: number): number {
    const bits = this.#pacer.queuedBytes * 8;
    return bits * 1000 > BACKLOG_MS * bitrateBps ? (bits * 1000) / BACKLOG_DRAIN_MS : 0;
  }
}
