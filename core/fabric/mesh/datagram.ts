/**
 * Datagrams between nodes, big endian. Media:
 * ```text
 * version u4 · type u4 | flags u8 | key epoch u16 | link seq u32 | label u32 | stream seq u32 | hop MAC 8 | sealed media
 * ```
 * The first 16 bytes are one AES block: the hop MAC is its first 8 bytes under the key of the link, so a relay checks a
 * packet without opening it. `flags`: spatial layer in the low three bits, {@link FLAG_KEYFRAME}, {@link FLAG_SVC}. The media behind the
 * MAC was sealed once by the publisher's node and is opened by the nodes of viewers.
 *
 * Everything else (control) is sealed as a whole under the key of the link:
 * ```text
 * version u4 · type u4 | 0 u8 | 0 u16 | link seq u32 | sealed body
 * ```
 */
import { readU16, readU32, writeU16, writeU32 } from '@switchyard/shared/media';

/** Nodes of another version are refused. */
export const MESH_VERSION: number = 1;
/** Longest datagram: fits every path that carries Ethernet over one tunnel. */
export const DATAGRAM_MAX_BYTES: number = 1400;
export const MEDIA_HEADER_BYTES: number = 16;
export const HOP_MAC_BYTES: number = 8;
export const CONTROL_HEADER_BYTES: number = 8;

export const DATAGRAM_TYPES = { media: 1, control: 2 } as const;
export const FLAG_KEYFRAME: number = 0x10;
export const FLAG_SVC: number = 0x20;
/** Spatial layer of audio and of streams with one layer: always carried. */
export const LAYERS_MAX: number = 8;

export interface MediaHeader {
  /** Layer the packet belongs to, 0 … {@link LAYERS_MAX} − 1. */
  spatial: number;
  keyframe: boolean;
  /** Spatial layers build on each other. */
  svc: boolean;
  /** Which key of the stream sealed the media, 16 bits. */
  epoch: number;
  /** Counts media datagrams of this link in this direction, 32 bits. */
  linkSeq: number;
  /** The receiver's name for the stream. */
  label: number;
  /** Counts packets of the stream from its publisher on, 32 bits. */
  streamSeq: number;
}

export const emptyMediaHeader = (): MediaHeader => ({
  spatial: 0,
  keyframe: false,
  svc: false,
  epoch: 0,
  linkSeq: 0,
  label: 0,
  streamSeq: 0,
});

/** @returns The type, −1 for a datagram that is none or of another version. */
export function datagramType(bytes: Uint8Array): number {
  const first = bytes[0] ?? 0;
  return first >> 4 === MESH_VERSION && bytes.length >= CONTROL_HEADER_BYTES ? first & 15 : -1;
}

/** @returns The version of a datagram whatever it is. */
export const datagramVersion = (bytes: Uint8Array): number => (bytes[0] ?? 0) >> 4;

export function writeMediaHeader(bytes: Uint8Array, header: Readonly<MediaHeader>): void {
  bytes[0] = (MESH_VERSION << 4) | DATAGRAM_TYPES.media;
  bytes[1] = (header.spatial & 7) | (header.keyframe ? FLAG_KEYFRAME : 0) | (header.svc ? FLAG_SVC : 0);
  writeU16(bytes, 2, header.epoch);
  writeU32(bytes, 4, header.linkSeq);
  writeU32(bytes, 8, header.label);
  writeU32(bytes, 12, header.streamSeq);
}

/** @returns false when the datagram is too short to be media. */
export function readMediaHeader(bytes: Uint8Array, into: MediaHeader): boolean {
  if (bytes.length <= MEDIA_HEADER_BYTES + HOP_MAC_BYTES) return false;
  const flags = bytes[1] ?? 0;
  into.spatial = flags & 7;
  into.keyframe = (flags & FLAG_KEYFRAME) !== 0;
  into.svc = (flags & FLAG_SVC) !== 0;
  into.epoch = readU16(bytes, 2);
  into.linkSeq = readU32(bytes, 4);
  into.label = readU32(bytes, 8);
  into.streamSeq = readU32(bytes, 12);
  return true;
}

export function writeControlHeader(bytes: Uint8Array, linkSeq: number): void {
  bytes[0] = (MESH_VERSION << 4) | DATAGRAM_TYPES.control;
  bytes[1] = 0;
  writeU16(bytes, 2, 0);
  writeU32(bytes, 4, linkSeq);
}

export const readControlSeq = (bytes: Uint8Array): number => readU32(bytes, 4);
