import {
  forEachNack,
  PSFB_FORMATS,
  RTCP_TYPES,
  RTPFB_FORMATS,
  type RtcpPacket,
  readFirSsrcs,
  readRemb,
  readReportBlocks,
  readTransportCc,
  rtcpMediaSsrc,
  writeSenderReport,
  writeSourceDescription,
} from '@switchyard/shared/media';
import type { NegotiatedMedia } from '../peer-contract.ts';
import { ClientControl } from './client-control.ts';
import type { OutgoingPacket } from './outgoing-packet.ts';
import { RedundancySwitch } from './redundancy.ts';
import { ReportClock } from './report-clock.ts';
import { Slot, type SlotHome, type SlotTransport } from './slot.ts';

const REPORT_INTERVAL_MS = 1000;

export interface SenderListener {
  onKeyframeRequest(mid: string): void;
  onEstimate(bitrateBps: number, congested: boolean): void;
  /** Packets wait for their turn: see {@link Sender.process}. */
  onWaiting(): void;
  sendRtcp(packet: Uint8Array): void;
}

/** Everything that is sent to one client: its slots, what it says of them by RTCP, and the reports. Time is an argument. */
export class Sender {
  readonly #slots = new Map<string, Slot>();
  readonly #bySsrc = new Map<number, Slot>();
  readonly #home: SlotHome;
  readonly #transport: SlotTransport;
  readonly #listener: SenderListener;
  readonly #clock = new ReportClock();
  readonly #redundancy = new RedundancySwitch();
  /** Worst loss that receiver reports told of, 0…1. */
  #reportedLoss = 0;
  /** When packets leave, and how much the client gets. */
  readonly control: ClientControl;
  #nextStream = 0;
  #playoutDelay: { readonly minMs: number; readonly maxMs: number } | undefined;
  #reportedMs = 0;
  #bytesBefore = 0;
  #sentBps = 0;

  constructor(home: SlotHome, transport: SlotTransport, listener: SenderListener) {
    this.#home = home;
    this.#transport = transport;
    this.#listener = listener;
    this.control = new ClientControl(
      {
        onEstimate: (bitrateBps, congested) => listener.onEstimate(bitrateBps, congested),
        onWaiting: () => listener.onWaiting(),
        onGivenUp: (stream) => this.#onGivenUp(stream),
        sendPadding: (bytes, cluster, nowMs) =>
          this.#paddingSlot()?.transmitFilling(bytes, cluster, nowMs) ?? 0,
        canPad: () => this.#paddingSlot() !== undefined,
      },
      home.counters,
    );
  }

  /** The m-lines that are negotiated now; slots keep their state as long as their m-line. */
  apply(media: readonly NegotiatedMedia[]): void {
    const mids = new Set<string>();
    let acknowledges = false;
    for (const each of media) {
      if (each.send === undefined) continue;
      mids.add(each.mid);
      acknowledges ||= each.kind === 'video' && each.extensions['transport-cc'] !== undefined;
      const known = this.#slots.get(each.mid);
      if (known !== undefined && known.ssrc === each.send.ssrc) {
        known.apply(each);
        continue;
      }
      if (known !== undefined) this.#close(each.mid, known);
      const slot = new Slot(each, each.send, this.#nextStream, this.#home, this.#transport);
      this.#nextStream += 1;
      if (this.#playoutDelay !== undefined)
        slot.setPlayoutDelay(this.#playoutDelay.minMs, this.#playoutDelay.maxMs);
      this.#slots.set(each.mid, slot);
      this.#bySsrc.set(slot.ssrc, slot);
    }
    for (const [mid, slot] of this.#slots) if (!mids.has(mid)) this.#close(mid, slot);
    this.control.negotiated(acknowledges);
  }

  /** The core was restarted: see {@link Slot.resume}. */
  resume(): void {
    for (const slot of this.#slots.values()) slot.resume();
  }

  /** Nothing is sent any more. */
  close(): void {
    for (const slot of this.#slots.values()) slot.close();
  }

  /** See {@link HeaderWriter.setPlayoutDelay}. */
  setPlayoutDelay(minMs: number, maxMs: number): void {
    this.#playoutDelay = { minMs, maxMs };
    for (const slot of this.#slots.values()) slot.setPlayoutDelay(minMs, maxMs);
  }

  slot(mid: string): Slot | undefined {
    return this.#slots.get(mid);
  }

  /** Hot path: see {@link SlotTransport.enqueue}. */
  enqueue(packet: OutgoingPacket, nowMs: number): boolean {
    return this.control.enqueue(packet, nowMs);
  }

  /** Feedback of the client on what it gets. */
  handleRtcp(packet: RtcpPacket, nowMs: number): void {
    switch (packet.type) {
      case RTCP_TYPES.rr:
      case RTCP_TYPES.sr:
        this.#readReports(packet, nowMs);
        return;
      case RTCP_TYPES.rtpfb:
        if (packet.count === RTPFB_FORMATS.nack) this.#repair(packet.bytes, nowMs);
        else if (packet.count === RTPFB_FORMATS.transportCc) {
          const feedback = readTransportCc(packet.bytes);
          if (feedback !== undefined) this.control.onFeedback(feedback, nowMs);
        }
        return;
      case RTCP_TYPES.psfb:
        this.#handlePayloadFeedback(packet, nowMs);
        return;
    }
  }

  tick(nowMs: number): void {
    if (this.#slots.size === 0) return;
    this.control.tick(nowMs);
    if (nowMs - this.#reportedMs < REPORT_INTERVAL_MS) return;
    const elapsedMs = nowMs - this.#reportedMs;
    this.#reportedMs = nowMs;
    this.#redundancy.update(Math.max(this.#reportedLoss, this.control.estimate.lossShare), nowMs);
    let bytes = 0;
    for (const slot of this.#slots.values()) {
      bytes += slot.bytesSent;
      slot.redundant = this.#redundancy.isOn;
      const report = slot.report();
      if (report === undefined) continue;
      // The line of the slot's capture times, read at this moment (RFC 3550 §6.4.1).
      const timestamp =
        (report.timestamp + Math.round(((nowMs - report.captureMs) * report.clockRate) / 1000)) >>> 0;
      const { ssrc, octets } = report;
      this.#listener.sendRtcp(
        Buffer.concat([
          writeSenderReport({ ssrc, ntpMs: nowMs, timestamp, packets: report.packets, octets }),
          writeSourceDescription(ssrc, report.cname),
        ]),
      );
    }
    this.#sentBps = Math.max(0, ((bytes - this.#bytesBefore) * 8000) / elapsedMs);
    this.#bytesBefore = bytes;
  }

  #handlePayloadFeedback(packet: RtcpPacket, nowMs: number): void {
    if (packet.count === PSFB_FORMATS.pli) this.#keyframe(rtcpMediaSsrc(packet.bytes));
    else if (packet.count === PSFB_FORMATS.fir)
      for (const ssrc of readFirSsrcs(packet.bytes)) this.#keyframe(ssrc);
    else if (packet.count === PSFB_FORMATS.afb) {
      const remb = readRemb(packet.bytes);
      if (remb !== undefined) this.control.onRemb(remb, this.#sentBps, nowMs);
    }
  }

  #readReports(packet: RtcpPacket, nowMs: number): void {
    let loss = 0;
    let known = false;
    for (const block of readReportBlocks(packet)) {
      const slot = this.#bySsrc.get(block.ssrc);
      if (slot === undefined) continue;
      known = true;
      this.#clock.onReport(block.lastSr, block.delaySinceLastSr, nowMs);
      loss = Math.max(loss, block.fractionLost / 256);
    }
    if (!known) return;
    this.#reportedLoss = loss;
    this.control.onLossReport(loss, nowMs);
  }

  #repair(bytes: Uint8Array, nowMs: number): void {
    const slot = this.#bySsrc.get(rtcpMediaSsrc(bytes));
    if (slot === undefined) return;
    const rttMs = this.#clock.rttMs ?? this.control.estimate.rttMs;
    forEachNack(bytes, (seq) => slot.resend(seq, rttMs, nowMs));
  }

  #keyframe(ssrc: number): void {
    const slot = this.#bySsrc.get(ssrc);
    if (slot !== undefined) this.#listener.onKeyframeRequest(slot.mid);
  }

  #onGivenUp(stream: number): void {
    for (const slot of this.#slots.values())
      if (slot.stream === stream) this.#listener.onKeyframeRequest(slot.mid);
  }

  /** The slot that probes can be sent on. */
  #paddingSlot(): Slot | undefined {
    for (const slot of this.#slots.values()) if (slot.canPad) return slot;
    return undefined;
  }

  #close(mid: string, slot: Slot): void {
    slot.close();
    this.#slots.delete(mid);
    this.#bySsrc.delete(slot.ssrc);
    this.control.forget(slot.stream);
  }
}
