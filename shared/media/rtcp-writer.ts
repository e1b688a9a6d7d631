import { writeU16, writeU24, writeU32 } from './bytes.ts';
import { PSFB_FORMATS, type ReportBlock, RTCP_TYPES, RTPFB_FORMATS } from './rtcp-reader.ts';
import { seqDiff } from './serial.ts';

const NTP_UNIX_OFFSET_S = 2_208_988_800;

function packetOf(count: number, type: number, bytes: number): Uint8Array {
  const packet = new Uint8Array(bytes);
  packet[0] = 0x80 | count;
  packet[1] = type;
  writeU16(packet, 2, bytes / 4 - 1);
  return packet;
}

function writeReportBlock(packet: Uint8Array, at: number, block: ReportBlock): void {
  writeU32(packet, at, block.ssrc);
  packet[at + 4] = block.fractionLost;
  writeU24(packet, at + 5, block.packetsLost & 0xff_ffff);
  writeU32(packet, at + 8, block.highestSeq);
  writeU32(packet, at + 12, block.jitter);
  writeU32(packet, at + 16, block.lastSr);
  writeU32(packet, at + 20, block.delaySinceLastSr);
}

export interface SenderReport {
  readonly ssrc: number;
  /** Milliseconds since the Unix epoch. */
  readonly ntpMs: number;
  /** RTP timestamp at that time. */
  readonly timestamp: number;
  readonly packets: number;
  readonly octets: number;
}

/** SR with at most 31 report blocks (RFC 3550 §6.4.1). */
export function writeSenderReport(report: SenderReport, blocks: readonly ReportBlock[] = []): Uint8Array {
  const packet = packetOf(blocks.length, RTCP_TYPES.sr, 28 + blocks.length * 24);
  writeU32(packet, 4, report.ssrc);
  const seconds = Math.floor(report.ntpMs / 1000);
  writeU32(packet, 8, seconds + NTP_UNIX_OFFSET_S);
  writeU32(packet, 12, Math.floor(((report.ntpMs - seconds * 1000) / 1000) * 0x1_0000_0000));
  writeU32(packet, 16, report.timestamp);
  writeU32(packet, 20, report.packets);
  writeU32(packet, 24, report.octets);
  blocks.forEach((block, index) => {
    writeReportBlock(packet, 28 + index * 24, block);
  });
  return packet;
}

/** RR with at most 31 report blocks (RFC 3550 §6.4.2). */
export function writeReceiverReport(senderSsrc: number, blocks: readonly ReportBlock[]): Uint8Array {
  const packet = packetOf(blocks.length, RTCP_TYPES.rr, 8 + blocks.length * 24);
  writeU32(packet, 4, senderSsrc);
  blocks.forEach((block, index) => {
    writeReportBlock(packet, 8 + index * 24, block);
  });
  return packet;
}

/** SDES with a CNAME of ASCII, at most 255 bytes (RFC 3550 §6.5.1). */
export function writeSourceDescription(ssrc: number, cname: string): Uint8Array {
  const packet = packetOf(1, RTCP_TYPES.sdes, 4 + ((4 + 2 + cname.length + 1 + 3) & ~3));
  writeU32(packet, 4, ssrc);
  packet[8] = 1;
  packet[9] = cname.length;
  for (let i = 0; i < cname.length; i += 1) packet[10 + i] = cname.charCodeAt(i) & 127;
  return packet;
}

export function writeBye(ssrc: number): Uint8Array {
  const packet = packetOf(1, RTCP_TYPES.bye, 8);
  writeU32(packet, 4, ssrc);
  return packet;
}

function feedback(
  format: number,
  type: number,
  senderSsrc: number,
  mediaSsrc: number,
  bodyBytes: number,
): Uint8Array {
  const packet = packetOf(format, type, 12 + bodyBytes);
  writeU32(packet, 4, senderSsrc);
  writeU32(packet, 8, mediaSsrc);
  return packet;
}

/** PLI (RFC 4585 §6.3.1). */
export const writePli = (senderSsrc: number, mediaSsrc: number): Uint8Array =>
  feedback(PSFB_FORMATS.pli, RTCP_TYPES.psfb, senderSsrc, mediaSsrc, 0);

/** Generic NACK (RFC 4585 §6.2.1) of sequence numbers in rising order. */
export function writeNack(senderSsrc: number, mediaSsrc: number, lost: readonly number[]): Uint8Array {
  const entries: number[] = [];
  for (const seq of lost) {
    const last = entries.length - 2;
    const first = entries[last];
    const distance = first === undefined ? 0 : seqDiff(seq, first);
    if (first !== undefined && distance >= 1 && distance <= 16)
      entries[last + 1] = (entries[last + 1] ?? 0) | (1 << (distance - 1));
    else entries.push(seq, 0);
  }
  const packet = feedback(RTPFB_FORMATS.nack, RTCP_TYPES.rtpfb, senderSsrc, mediaSsrc, entries.length * 2);
  entries.forEach((value, index) => {
    writeU16(packet, 12 + index * 2, value);
  });
  return packet;
}

/** REMB for `ssrcs` together, bits per second (draft-alvestrand-rmcat-remb-03). */
export function writeRemb(senderSsrc: number, bitrateBps: number, ssrcs: readonly number[]): Uint8Array {
  const packet = feedback(PSFB_FORMATS.afb, RTCP_TYPES.psfb, senderSsrc, 0, 8 + ssrcs.length * 4);
  writeU32(packet, 12, 0x52_45_4d_42);
  let mantissa = Math.max(0, Math.floor(bitrateBps));
  let exponent = 0;
  while (mantissa > 0x3_ffff) {
    mantissa = Math.floor(mantissa / 2);
    exponent += 1;
  }
  packet[16] = ssrcs.length;
  writeU24(packet, 17, (exponent << 18) | mantissa);
  ssrcs.forEach((ssrc, index) => {
    writeU32(packet, 20 + index * 4, ssrc);
  });
  return packet;
}
