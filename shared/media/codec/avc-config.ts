import { readU16 } from '../bytes.ts';

/** AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1): what FLV sends before H.264. */
export interface AvcConfig {
  readonly profileIdc: number;
  readonly levelIdc: number;
  /** Bytes of the length before each NAL unit: 1, 2 or 4. */
  readonly lengthBytes: number;
  readonly sps: readonly Uint8Array[];
  readonly pps: readonly Uint8Array[];
}

/** @returns undefined when it is malformed or has no SPS and PPS. Copies what it keeps. */
export function readAvcConfig(bytes: Uint8Array): AvcConfig | undefined {
  if (bytes.length < 7 || bytes[0] !== 1) return undefined;
  const sps: Uint8Array[] = [];
  const pps: Uint8Array[] = [];
  let at = 5;
  for (const [list, mask] of [
    [sps, 31],
    [pps, 255],
  ] as const) {
    const count = (bytes[at++] ?? 0) & mask;
    for (let i = 0; i < count; i += 1) {
      const length = readU16(bytes, at);
      at += 2;
      if (length === 0 || at + length > bytes.length) return undefined;
      list.push(bytes.slice(at, at + length));
      at += length;
    }
  }
  if (sps.length === 0 || pps.length === 0) return undefined;
  const lengthBytes = ((bytes[4] ?? 0) & 3) + 1;
  if (lengthBytes === 3) return undefined;
  return { profileIdc: bytes[1] ?? 0, levelIdc: bytes[3] ?? 0, lengthBytes, sps, pps };
}

/** Calls `visit` for each NAL unit of a length-prefixed access unit. @returns false when a length does not fit. */
export function forEachAvcNal(
  bytes: Uint8Array,
  lengthBytes: number,
  visit: (nal: Uint8Array) => void,
): boolean {
  let at = 0;
  while (at < bytes.length) {
    if (at + lengthBytes > bytes.length) return false;
    let length = 0;
    for (let i = 0; i < lengthBytes; i += 1) length = length * 256 + (bytes[at + i] ?? 0);
    at += lengthBytes;
    if (at + length > bytes.length) return false;
    if (length > 0) visit(bytes.subarray(at, at + length));
    at += length;
  }
  return true;
}

/** Calls `visit` for each NAL unit of an Annex B stream. */
export function forEachAnnexBNal(bytes: Uint8Array, visit: (nal: Uint8Array) => void): void {
  let start = -1;
  let at = 0;
  while (at + 2 < bytes.length) {
    if (bytes[at] === 0 && bytes[at + 1] === 0 && bytes[at + 2] === 1) {
      if (start >= 0) emit(bytes, start, at, visit);
      start = at + 3;
      at += 3;
    } else at += 1;
  }
  if (start >= 0) emit(bytes, start, bytes.length, visit);
}

/** Trailing zeros belong to the next start code. */
function emit(bytes: Uint8Array, start: number, end: number, visit: (nal: Uint8Array) => void): void {
  let last = end;
  while (last > start && bytes[last - 1] === 0) last -= 1;
  if (last > start) visit(bytes.subarray(start, last));
}
