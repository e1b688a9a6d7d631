import {
  forEachNack,
  PSFB_FORMATS,
  RTCP_TYPES,
  RTPFB_FORMATS,
  type RtcpPacket,
  readFirSsrcs,
  readRemb,
  rtcpMediaSsrc,
  writeSenderReport,
  writeSourceDescription,
} from '@switchyard/shared/media';
import { RembEstimate } from '../congestion/remb-estimate.ts';
import type { NegotiatedMedia } from '../peer-contract.ts';
import { Slot, type SlotHome, type SlotTransport } from './slot.ts';

const REPORT_INTERVAL_MS = 1000;
/** Repairs may take this share of what is sent, so that a viewer's losses do not cost the others. */
const REPAIR_SHARE = 0.25;
const REPAIR_MIN_PACKETS = 100;
const REMB_START_BPS = 2_500_000;
const REMB_MAX_BPS = 20_000_000;

export interface SenderListener {
  onKeyframeRequest(mid: string): void;
  onEstimate(bitrateBps: number): void;
  sendRtcp(packet: Uint8Array): void;
}

/** Everything that is sent to one client: its slots, what it says of them by RTCP, and the reports. Time is an argument. */
export class Sender {
  readonly #slots = new Map<string, Slot>();
  readonly #bySsrc = new Map<number, Slot>();
  readonly #home: SlotHome;
  readonly #transport: SlotTransport;
  readonly #listener: SenderListener;
  readonly #estimate = new RembEstimate(REMB_START_BPS);
  #nextStream = 0;
  #reportedMs = 0;
  #bytesBefore = 0;
  #sentBps = 0;
  #repairs = 0;
  #packets = 0;

  constructor(home: SlotHome, transport: SlotTransport, listener: SenderListener) {
    this.#home = home;
    this.#transport = transport;
    this.#listener = listener;
  }

  /** The m-lines that are negotiated now; slots keep their state as long as their m-line. */
  apply(media: readonly NegotiatedMedia[]): void {
    const mids = new Set<string>();
    for (const each of media) {
      if (each.send === undefined) continue;
      mids.add(each.mid);
      const known = this.#slots.get(each.mid);
      if (known !== undefined && known.ssrc === each.send.ssrc) {
        known.apply(each);
        continue;
      }
      known?.close();
      const slot = new Slot(each, each.send, this.#nextStream, this.#home, this.#transport);
      this.#nextStream += 1;
      this.#slots.set(each.mid, slot);
      this.#bySsrc.set(slot.ssrc, slot);
    }
    for (const [mid, slot] of this.#slots) {
      if (mids.has(mid)) continue;
      slot.close();
      this.#slots.delete(mid);
      this.#bySsrc.delete(slot.ssrc);
    }
  }

  /** The core was restarted: see {@link Slot.resume}. */
  resume(): void {
    for (const slot of this.#slots.values()) slot.resume();
  }

  /** Nothing is sent any more. */
  close(): void {
    for (const slot of this.#slots.values()) slot.close();
  }

  slot(mid: string): Slot | undefined {
    return this.#slots.get(mid);
  }

  /** Feedback of the client on what it gets. */
  handleRtcp(packet: RtcpPacket, nowMs: number): void {
    if (packet.type === RTCP_TYPES.rtpfb && packet.count === RTPFB_FORMATS.nack)
      this.#repair(packet.bytes, nowMs);
    else if (packet.type !== RTCP_TYPES.psfb) return;
    else if (packet.count === PSFB_FORMATS.pli) this.#keyframe(rtcpMediaSsrc(packet.bytes));
    else if (packet.count === PSFB_FORMATS.fir)
      for (const ssrc of readFirSsrcs(packet.bytes)) this.#keyframe(ssrc);
    else if (packet.count === PSFB_FORMATS.afb) {
      const remb = readRemb(packet.bytes);
      if (remb === undefined) return;
      this.#estimate.report(remb, this.#sentBps, REMB_MAX_BPS, nowMs);
      this.#listener.onEstimate(Math.round(this.#estimate.bitrateBps));
    }
  }

  tick(nowMs: number): void {
    if (this.#slots.size === 0 || nowMs - this.#reportedMs < REPORT_INTERVAL_MS) return;
    const elapsedMs = nowMs - this.#reportedMs;
    this.#reportedMs = nowMs;
    let bytes = 0;
    let packets = 0;
    for (const slot of this.#slots.values()) {
      bytes += slot.bytesSent;
      const report = slot.report();
      if (report === undefined) continue;
      packets += report.packets;
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
    this.#packets = packets;
  }

  #repair(bytes: Uint8Array, nowMs: number): void {
    const slot = this.#bySsrc.get(rtcpMediaSsrc(bytes));
    if (slot === undefined) return;
    forEachNack(bytes, (seq) => {
      if (this.#repairs > REPAIR_MIN_PACKETS + this.#packets * REPAIR_SHARE) return;
      if (slot.resend(seq, nowMs)) this.#repairs += 1;
    });
  }

  #keyframe(ssrc: number): void {
    const slot = this.#bySsrc.get(ssrc);
    if (slot !== undefined) this.#listener.onKeyframeRequest(slot.mid);
  }
}
