import { readU16, readU24, readU32 } from './bytes.ts';

/** Packet types of RTCP (RFC 3550 §12.1, RFC 4585 §6.1). */
export const RTCP_TYPES = { sr: 200, rr: 201, sdes: 202, bye: 203, app: 204, rtpfb: 205, psfb: 206 } as const;
/** Formats of transport feedback (`rtpfb`). */
export const RTPFB_FORMATS = { nack: 1, transportCc: 15 } as const;
/** Formats of payload-specific feedback (`psfb`). */
export const PSFB_FORMATS = { pli: 1, fir: 4, afb: 15 } as const;

const HEADER_BYTES = 4;
const REPORT_BLOCK_BYTES = 24;

/** One packet of a compound, as a view. */
export interface RtcpPacket {
  type: number;
  /** Report count, source count or feedback format. */
  count: number;
  /** The whole packet with header, without padding. */
  bytes: Uint8Array;
}

/** Walks a compound packet (RFC 3550 §6.1); stops silently where it stops making sense. */
export function forEachRtcp(compound: Uint8Array, visit: (packet: RtcpPacket) => void): void {
  let at = 0;
  while (at + HEADER_BYTES <= compound.length && (compound[at] ?? 0) >> 6 === 2) {
    const first = compound[at] ?? 0;
    let end = at + (readU16(compound, at + 2) + 1) * 4;
    if (end > compound.length) return;
    const next = end;
    if ((first & 0x20) !== 0) {
      const padding = compound[end - 1] ?? 0;
      if (padding === 0 || end - padding < at + HEADER_BYTES) return;
      end -= padding;
    }
    visit({ type: compound[at + 1] ?? 0, count: first & 31, bytes: compound.subarray(at, end) });
    at = next;
  }
}

/** SSRC of the sender; 0 when the packet is too short. */
export const rtcpSenderSsrc = (bytes: Uint8Array): number => (bytes.length < 8 ? 0 : readU32(bytes, 4));

/** SSRC a feedback packet is about; 0 when the packet is too short. */
export const rtcpMediaSsrc = (bytes: Uint8Array): number => (bytes.length < 12 ? 0 : readU32(bytes, 8));

/** Sender information of an SR (RFC 3550 §6.4.1). */
export interface SenderInfo {
  readonly ssrc: number;
  /** NTP time in milliseconds since the Unix epoch, by the sender's clock. */
  readonly ntpMs: number;
  /** Middle 32 bits of the NTP time: what a report's LSR repeats. */
  readonly ntpMiddle: number;
  readonly timestamp: number;
}

const NTP_UNIX_OFFSET_S = 2_208_988_800;

export function readSenderInfo(bytes: Uint8Array): SenderInfo | undefined {
  if (bytes.length < 28) return undefined;
  const seconds = readU32(bytes, 8);
  const fraction = readU32(bytes, 12);
  return {
    ssrc: readU32(bytes, 4),
    ntpMs: (seconds - NTP_UNIX_OFFSET_S) * 1000 + (fraction / 0x1_0000_0000) * 1000,
    ntpMiddle: (((seconds & 0xffff) << 16) | (fraction >>> 16)) >>> 0,
    timestamp: readU32(bytes, 16),
  };
}

/** One report block of SR or RR. */
export interface ReportBlock {
  readonly ssrc: number;
  /** 0…255 of 256 since the last report. */
  readonly fractionLost: number;
  readonly packetsLost: number;
  readonly highestSeq: number;
  readonly jitter: number;
  readonly lastSr: number;
  /** 1/65,536 s. */
  readonly delaySinceLastSr: number;
}

export function readReportBlocks(packet: RtcpPacket): ReportBlock[] {
  const blocks: ReportBlock[] = [];
  let at = packet.type === RTCP_TYPES.sr ? 28 : 8;
  for (let i = 0; i < packet.count && at + REPORT_BLOCK_BYTES <= packet.bytes.length; i += 1) {
    const { bytes } = packet;
    blocks.push({
      ssrc: readU32(bytes, at),
      fractionLost: bytes[at + 4] ?? 0,
      packetsLost: (readU24(bytes, at + 5) << 8) >> 8,
      highestSeq: readU32(bytes, at + 8),
      jitter: readU32(bytes, at + 12),
      lastSr: readU32(bytes, at + 16),
      delaySinceLastSr: readU32(bytes, at + 20),
    });
    at += REPORT_BLOCK_BYTES;
  }
  return blocks;
}

/** Calls `visit` for each lost sequence number of a generic NACK (RFC 4585 §6.2.1). */
export function forEachNack(bytes: Uint8Array, visit: (seq: number) => void): void {
  for (let at = 12; at + 4 <= bytes.length; at += 4) {
    const first = readU16(bytes, at);
    visit(first);
    const mask = readU16(bytes, at + 2);
    for (let bit = 0; bit < 16; bit += 1) if ((mask & (1 << bit)) !== 0) visit((first + bit + 1) & 0xffff);
  }
}

/** SSRCs that a FIR (RFC 5104 §4.3.1) asks keyframes of. */
export function readFirSsrcs(bytes: Uint8Array): number[] {
  const ssrcs: number[] = [];
  for (let at = 12; at + 8 <= bytes.length; at += 8) ssrcs.push(readU32(bytes, at));
  return ssrcs;
}

const REMB = 0x52_45_4d_42;

/** Bitrate of a REMB in bits per second; undefined when it is none (draft-alvestrand-rmcat-remb-03). */
export function readRemb(bytes: Uint8Array): number | undefined {
  if (bytes.length < 20 || readU32(bytes, 12) !== REMB) return undefined;
  const word = readU24(bytes, 17);
  return (word & 0x3_ffff) * 2 ** (word >> 18);
}
