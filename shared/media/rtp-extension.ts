import { ONE_BYTE_PROFILE, type RtpHeader } from './rtp-packet.ts';

/** Where one element of a header extension lies. */
export interface ExtensionElement {
  id: number;
  offset: number;
  length: number;
}

const isTwoByte = (profile: number): boolean => (profile & 0xfff0) === 0x1000;

/**
 * Reads the element at or after `at` into `into` (RFC 8285 §4.2 and §4.3); padding is skipped.
 * @returns Where to go on, or −1 at the end or when the rest is malformed. Start with `header.extensionOffset`.
 */
export function nextExtension(
  bytes: Uint8Array,
  header: RtpHeader,
  at: number,
  into: ExtensionElement,
): number {
  const end = header.extensionOffset + header.extensionLength;
  const twoByte = isTwoByte(header.extensionProfile);
  if (!twoByte && header.extensionProfile !== ONE_BYTE_PROFILE) return -1;
  let offset = at;
  while (offset < end && bytes[offset] === 0) offset += 1;
  if (offset >= end) return -1;
  const first = bytes[offset] ?? 0;
  if (twoByte) {
    into.id = first;
    into.length = bytes[offset + 1] ?? 0;
    into.offset = offset + 2;
  } else {
    into.id = first >> 4;
    into.length = (first & 15) + 1;
    into.offset = offset + 1;
    // 15 stops the parsing of one-byte headers (§4.2).
    if (into.id === 15) return -1;
  }
  const next = into.offset + into.length;
  return next <= end ? next : -1;
}

/** Finds element `id`; @returns false when the packet has none. */
export function findExtension(
  bytes: Uint8Array,
  header: RtpHeader,
  id: number,
  into: ExtensionElement,
): boolean {
  if (header.extensionLength === 0) return false;
  let at = header.extensionOffset;
  while (at >= 0) {
    at = nextExtension(bytes, header, at, into);
    if (at >= 0 && into.id === id) return true;
  }
  return false;
}
