import { readU16, readU32, writeU16, writeU32 } from './bytes.ts';

/** Bytes of an RTP header without CSRCs and extension. */
export const RTP_HEADER_BYTES: number = 12;
/** Extension profile of one-byte headers; two-byte headers are 0x1000…0x100f (RFC 8285). */
export const ONE_BYTE_PROFILE: number = 0xbede;
/** The same for two-byte headers (§4.3), with no application bits. */
export const TWO_BYTE_PROFILE: number = 0x1000;

/** An RTP header (RFC 3550 §5.1) as offsets into the packet. */
export interface RtpHeader {
  payloadType: number;
  marker: boolean;
  seq: number;
  timestamp: number;
  ssrc: number;
  /** 0 when there is no extension. */
  extensionProfile: number;
  extensionOffset: number;
  /** Bytes, without the four that name profile and length. */
  extensionLength: number;
  payloadOffset: number;
  /** End of the payload, before padding. */
  payloadEnd: number;
}

export const emptyRtpHeader = (): RtpHeader => ({
  payloadType: 0,
  marker: false,
  seq: 0,
  timestamp: 0,
  ssrc: 0,
  extensionProfile: 0,
  extensionOffset: 0,
  extensionLength: 0,
  payloadOffset: 0,
  payloadEnd: 0,
});

/**
 * Reads everything but the padding, which is encrypted before SRTP is undone: `payloadEnd` is `length`.
 * @returns false when it is not RTP version 2 or does not fit.
 */
export function readRtpHeader(bytes: Uint8Array, length: number, into: RtpHeader): boolean {
  const first = bytes[0] ?? 0;
  if (length < RTP_HEADER_BYTES || first >> 6 !== 2) return false;
  const second = bytes[1] ?? 0;
  into.marker = second >= 128;
  into.payloadType = second & 127;
  into.seq = readU16(bytes, 2);
  into.timestamp = readU32(bytes, 4);
  into.ssrc = readU32(bytes, 8);
  into.extensionProfile = 0;
  into.extensionLength = 0;
  let at = RTP_HEADER_BYTES + (first & 15) * 4;
  if ((first & 0x10) !== 0) {
    if (at + 4 > length) return false;
    into.extensionProfile = readU16(bytes, at);
    into.extensionLength = readU16(bytes, at + 2) * 4;
    at += 4;
    into.extensionOffset = at;
    at += into.extensionLength;
  }
  into.payloadOffset = at;
  into.payloadEnd = length;
  return at <= length;
}

/** Takes the padding (RFC 3550 §5.1, P) of a decrypted packet off `payloadEnd`. @returns false when it does not fit. */
export function trimPadding(bytes: Uint8Array, header: RtpHeader): boolean {
  if (((bytes[0] ?? 0) & 0x20) === 0) return true;
  const padding = bytes[header.payloadEnd - 1] ?? 0;
  if (padding === 0 || header.payloadEnd - padding < header.payloadOffset) return false;
  header.payloadEnd -= padding;
  return true;
}

/** Writes the fixed 12 bytes; `hasExtension` sets X. @returns Offset after them. */
export function writeRtpHeader(
  bytes: Uint8Array,
  at: number,
  payloadType: number,
  marker: boolean,
  seq: number,
  timestamp: number,
  ssrc: number,
  hasExtension: boolean,
): number {
  bytes[at] = hasExtension ? 0x90 : 0x80;
  bytes[at + 1] = (marker ? 128 : 0) | payloadType;
  writeU16(bytes, at + 2, seq);
  writeU32(bytes, at + 4, timestamp);
  writeU32(bytes, at + 8, ssrc);
  return at + RTP_HEADER_BYTES;
}
