/**
 * Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
 */
import { readU16, readU24, writeU16, writeU24, writeU32 } from './bytes.ts';
import { RTCP_TYPES, RTPFB_FORMATS } from './rtcp-reader.ts';

/** Arrival times count in quarters of a millisecond from a reference in units of 64 ms. */
const TICKS_PER_MS = 4;
const REFERENCE_MS = 64;
const SMALL_DELTA = 1;
const LARGE_DELTA = 2;
const RUN_MAX = 0x1fff;

/**
 * @param baseSeq Transport sequence number of the first status.
 * @param arrivalsMs Arrival of each packet from `baseSeq` on, −1 for those that did not come.
 * @returns The packet, and how many statuses fit (a jump beyond 8 s ends it early); undefined when nothing arrived.
 */
export function writeTransportCc(
  senderSsrc: number,
  mediaSsrc: number,
  feedbackCount: number,
  baseSeq: number,
  arrivalsMs: readonly number[],
): { packet: Uint8Array; statuses: number } | undefined {
  const firstArrival = arrivalsMs.find((at) => at >= 0);
  if (firstArrival === undefined) return undefined;
  const reference = Math.floor(firstArrival / REFERENCE_MS);
  let previous = reference * REFERENCE_MS * TICKS_PER_MS;
  const symbols: number[] = [];
  const deltas: number[] = [];
  for (const arrival of arrivalsMs) {
    if (arrival < 0) {
      symbols.push(0);
      continue;
    }
    const delta = Math.round(arrival * TICKS_PER_MS) - previous;
    if (delta < -32_768 || delta > 32_767) break;
    previous += delta;
    if (delta >= 0 && delta <= 255) {
      symbols.push(SMALL_DELTA);
      deltas.push(delta);
    } else {
      symbols.push(LARGE_DELTA);
      deltas.push((delta >> 8) & 255, delta & 255);
    }
  }
  const chunks = chunksOf(symbols);
  const unpadded = 20 + chunks.length * 2 + deltas.length;
  const packet = new Uint8Array((unpadded + 3) & ~3);
  const padding = packet.length - unpadded;
  packet[0] = 0x80 | RTPFB_FORMATS.transportCc | (padding > 0 ? 0x20 : 0);
  packet[1] = RTCP_TYPES.rtpfb;
  writeU16(packet, 2, packet.length / 4 - 1);
  writeU32(packet, 4, senderSsrc);
  writeU32(packet, 8, mediaSsrc);
  writeU16(packet, 12, baseSeq);
  writeU16(packet, 14, symbols.length);
  writeU24(packet, 16, reference & 0xff_ffff);
  packet[19] = feedbackCount;
  chunks.forEach((chunk, index) => {
    writeU16(packet, 20 + index * 2, chunk);
  });
  packet.set(deltas, 20 + chunks.length * 2);
  if (padding > 0) packet[packet.length - 1] = padding;
  return { packet, statuses: symbols.length };
}

/** Runs of 7 and more become run-length chunks, the rest two-bit vectors of 7. */
function chunksOf(symbols: readonly number[]): number[] {
  const chunks: number[] = [];
  let at = 0;
  while (at < symbols.length) {
    const symbol = symbols[at] ?? 0;
    let run = 1;
    while (run < RUN_MAX && symbols[at + run] === symbol) run += 1;
    if (run >= 7) {
      chunks.push((symbol << 13) | run);
      at += run;
      continue;
    }
    let chunk = 0xc000;
    for (let i = 0; i < 7; i += 1) chunk |= (symbols[at + i] ?? 0) << (12 - 2 * i);
    chunks.push(chunk);
    at += 7;
  }
  return chunks;
}

export interface TransportCcFeedback {
  readonly baseSeq: number;
  /** One entry a packet from `baseSeq` on: arrival in ms from the feedback's reference, or −1 when lost. */
  readonly arrivalsMs: readonly number[];
  /** Reference time in ms, on the receiver's clock, wraps at 2³⁰ ms. */
  readonly referenceMs: number;
  readonly feedbackCount: number;
}

/** Most statuses that are read of one packet: more than any sender sends between two of them. */
const STATUSES_MAX = 4096;

/** @returns undefined when the packet is malformed. `bytes` is without padding. */
export function readTransportCc(bytes: Uint8Array): TransportCcFeedback | undefined {
  if (bytes.length < 20) return undefined;
  const count = readU16(bytes, 14);
  if (count > STATUSES_MAX) return undefined;
  const symbols: number[] = [];
  let at = 20;
  while (symbols.length < count) {
    if (at + 2 > bytes.length) return undefined;
    readChunk(readU16(bytes, at), count, symbols);
    at += 2;
  }
  const reference = (readU24(bytes, 16) << 8) >> 8;
  let ticks = 0;
  const arrivalsMs: number[] = [];
  for (const symbol of symbols) {
    if (symbol !== SMALL_DELTA && symbol !== LARGE_DELTA) {
      arrivalsMs.push(-1);
      continue;
    }
    const width = symbol === SMALL_DELTA ? 1 : 2;
    if (at + width > bytes.length) return undefined;
    ticks += width === 1 ? (bytes[at] ?? 0) : (readU16(bytes, at) << 16) >> 16;
    at += width;
    arrivalsMs.push(Math.max(0, ticks / TICKS_PER_MS));
  }
  return {
    baseSeq: readU16(bytes, 12),
    arrivalsMs,
    referenceMs: reference * REFERENCE_MS,
    feedbackCount: bytes[19] ?? 0,
  };
}

function readChunk(chunk: number, count: number, symbols: number[]): void {
  if ((chunk & 0x8000) === 0) {
    const symbol = (chunk >> 13) & 3;
    const run = Math.min(chunk & RUN_MAX, count - symbols.length);
    for (let i = 0; i < run; i += 1) symbols.push(symbol);
    // A run of nothing would never end.
    if (run === 0) symbols.push(0);
  } else if ((chunk & 0x4000) === 0) {
    for (let i = 0; i < 14 && symbols.length < count; i += 1) symbols.push((chunk >> (13 - i)) & 1);
  } else {
    for (let i = 0; i < 7 && symbols.length < count; i += 1) symbols.push((chunk >> (12 - 2 * i)) & 3);
  }
}
