/**
 * Bytes of the link between gateway and core, big endian. A frame is `length u32 · type u8 · body`, where `length`
 * counts what follows it. JSON bodies (hello, control, event) are UTF-8; control and event put the endpoint before it:
 *
 * ```text
 * challenge {nonce}                            core → gateway, first frame when the link has a secret
 * hello     {protocol, kind, name, auth?}      gateway → core, first frame of a gateway
 * welcome   {protocol, node, session, proof?}  core → gateway, answers hello
 * refused   {code, detail}                     core → gateway, then the core closes
 * control   endpoint u32 · EndpointControl     gateway → core
 * event     endpoint u32 · EndpointEvent       core → gateway
 * media     endpoint u32 · track u16 · media header · descriptor · payload          gateway → core
 * metrics   [MetricSample]                     gateway → core, every 2 s
 * alive                                        core → gateway, answers metrics
 * fan-out   targetCount u16 · media header · targetCount × target · descriptor · payload   core → gateway
 * ```
 */
import {
  CODECS,
  DECODE_TARGETS_MAX,
  type MediaPacket,
  readU16,
  readU32,
  writeU16,
  writeU32,
} from '@switchyard/shared/media';
import { FANOUT_TARGET_BYTES, type FanoutFrame, type FanoutTarget } from './media-fanout.ts';

/** Version in the hello; both ends must have the same. */
export const LINK_PROTOCOL: number = 4;

export const FRAME_TYPES = {
  hello: 1,
  welcome: 2,
  refused: 3,
  control: 4,
  event: 5,
  media: 6,
  fanout: 7,
  challenge: 8,
  metrics: 9,
  alive: 10,
} as const;

export const FRAME_LENGTH_BYTES: number = 4;
/** Longest frame, without its length field. Above it the stream is not ours and the link is cut. */
export const FRAME_MAX_BYTES: number = 1 << 20;
/** Most targets in one fan-out frame; a larger audience takes several frames. */
export const FANOUT_TARGETS_MAX: number = 4096;

/**
 * ```text
 * codec u8 · flags u8 · spatial u4 temporal u4 · audioLevel i8 · seq u16 · timestamp u32 · captureMs×16 u48
 * pictureId u16 · pictureIdBits u8 · pictureIdOffset u8 · tl0PicIdx u8 · tl0PicIdxOffset u8 · descriptorLength u8 · flags2 u8
 * maskBit u16 · maskBits u8 · zero u8
 * ```
 */
const MEDIA_HEADER_BYTES = 28;
const MEDIA_PREFIX_BYTES = FRAME_LENGTH_BYTES + 1 + 4 + 2;
const FANOUT_PREFIX_BYTES = FRAME_LENGTH_BYTES + 1 + 2;
const HAS_TL0 = 1;
/** Flags of a target. */
const MARKER = 1;
const EMPTY = 2;
const DESCRIPTOR_MIN_BYTES = 3;
const DESCRIPTOR_MAX_BYTES = 255;
const U32 = 0x1_0000_0000;

function writeMediaHeader(
  bytes: Uint8Array,
  at: number,
  packet: MediaPacket,
  descriptorLength: number,
): void {
  bytes[at] = CODECS.indexOf(packet.codec);
  bytes[at + 1] =
    (packet.marker ? 1 : 0) |
    (packet.keyframe ? 2 : 0) |
    (packet.frameStart ? 4 : 0) |
    (packet.frameEnd ? 8 : 0) |
    (packet.switchingPoint ? 16 : 0) |
    (packet.interLayer ? 32 : 0) |
    (packet.notReference ? 64 : 0) |
    (packet.svc ? 128 : 0);
  bytes[at + 2] = (packet.spatial << 4) | (packet.temporal & 15);
  bytes[at + 3] = packet.audioLevel;
  writeU16(bytes, at + 4, packet.seq);
  writeU32(bytes, at + 6, packet.timestamp);
  const capture = Math.round(packet.captureMs * 16);
  writeU16(bytes, at + 10, Math.floor(capture / U32));
  writeU32(bytes, at + 12, capture % U32);
  writeU16(bytes, at + 16, packet.pictureId);
  bytes[at + 18] = packet.pictureIdBits;
  bytes[at + 19] = packet.pictureIdOffset;
  bytes[at + 20] = packet.tl0PicIdx;
  bytes[at + 21] = packet.tl0PicIdxOffset;
  bytes[at + 22] = descriptorLength;
  bytes[at + 23] = packet.tl0PicIdx >= 0 ? HAS_TL0 : 0;
  writeU16(bytes, at + 24, packet.maskBit);
  bytes[at + 26] = descriptorLength === 0 ? 0 : packet.maskBits;
  bytes[at + 27] = 0;
}

/** @returns The descriptor's length, or −1 when the header is not ours. */
function readMediaHeader(bytes: Uint8Array, at: number, into: MediaPacket): number {
  const codec = CODECS[bytes[at] ?? 255];
  if (codec === undefined) return -1;
  into.codec = codec;
  const flags = bytes[at + 1] ?? 0;
  into.marker = (flags & 1) !== 0;
  into.keyframe = (flags & 2) !== 0;
  into.frameStart = (flags & 4) !== 0;
  into.frameEnd = (flags & 8) !== 0;
  into.switchingPoint = (flags & 16) !== 0;
  into.interLayer = (flags & 32) !== 0;
  into.notReference = (flags & 64) !== 0;
  into.svc = (flags & 128) !== 0;
  const layer = bytes[at + 2] ?? 0;
  into.spatial = layer >> 4;
  into.temporal = layer & 15;
  into.audioLevel = ((bytes[at + 3] ?? 0) << 24) >> 24;
  into.seq = readU16(bytes, at + 4);
  into.timestamp = readU32(bytes, at + 6);
  into.captureMs = (readU16(bytes, at + 10) * U32 + readU32(bytes, at + 12)) / 16;
  into.pictureIdBits = bytes[at + 18] ?? 0;
  into.pictureId = into.pictureIdBits === 0 ? -1 : readU16(bytes, at + 16);
  into.pictureIdOffset = bytes[at + 19] ?? 0;
  into.tl0PicIdx = ((bytes[at + 23] ?? 0) & HAS_TL0) !== 0 ? (bytes[at + 20] ?? 0) : -1;
  into.tl0PicIdxOffset = bytes[at + 21] ?? 0;
  into.maskBit = readU16(bytes, at + 24);
  into.maskBits = bytes[at + 26] ?? 0;
  return bytes[at + 22] ?? 0;
}

/** A descriptor too long for its length byte is left out: the viewer then goes without layers, not without picture. */
const descriptorLengthOf = (packet: MediaPacket): number =>
  packet.dependencyDescriptor.length > DESCRIPTOR_MAX_BYTES ? 0 : packet.dependencyDescriptor.length;

/** Bytes that {@link writeMediaFrame} will take, length field included. */
export const mediaFrameBytes = (packet: MediaPacket): number =>
  MEDIA_PREFIX_BYTES + MEDIA_HEADER_BYTES + descriptorLengthOf(packet) + packet.payload.length;

/** Writes a whole media frame at `at`; the caller made room with {@link mediaFrameBytes}. */
export function writeMediaFrame(
  bytes: Uint8Array,
  at: number,
  endpoint: number,
  track: number,
  packet: MediaPacket,
): void {
  const descriptorLength = descriptorLengthOf(packet);
  writeU32(bytes, at, mediaFrameBytes(packet) - FRAME_LENGTH_BYTES);
  bytes[at + 4] = FRAME_TYPES.media;
  writeU32(bytes, at + 5, endpoint);
  writeU16(bytes, at + 9, track);
  writeMediaHeader(bytes, at + MEDIA_PREFIX_BYTES, packet, descriptorLength);
  let offset = at + MEDIA_PREFIX_BYTES + MEDIA_HEADER_BYTES;
  if (descriptorLength > 0) bytes.set(packet.dependencyDescriptor, offset);
  offset += descriptorLength;
  bytes.set(packet.payload, offset);
}

/** What a media frame says beside its packet. */
export interface MediaFrameAddress {
  endpoint: number;
  track: number;
}

/**
 * Reads a media frame's body (what follows the type byte) into reused objects; `packet`'s buffers are views of `body`.
 * @returns false when it is malformed.
 */
export function readMediaFrame(body: Uint8Array, address: MediaFrameAddress, packet: MediaPacket): boolean {
  if (body.length < 6 + MEDIA_HEADER_BYTES) return false;
  address.endpoint = readU32(body, 0);
  address.track = readU16(body, 4);
  return readMediaBody(body, 6, 6 + MEDIA_HEADER_BYTES, packet);
}

function readMediaBody(body: Uint8Array, headerAt: number, restAt: number, packet: MediaPacket): boolean {
  const descriptorLength = readMediaHeader(body, headerAt, packet);
  if (descriptorLength < 0 || restAt + descriptorLength > body.length) return false;
  packet.dependencyDescriptor = body.subarray(restAt, restAt + descriptorLength);
  packet.payload = body.subarray(restAt + descriptorLength);
  return patchesFit(packet);
}

/** Egress writes at these offsets without looking again. */
const patchesFit = (packet: MediaPacket): boolean =>
  (packet.pictureIdBits === 0 ||
    ((packet.pictureIdBits === 7 || packet.pictureIdBits === 15) &&
      packet.pictureIdOffset + (packet.pictureIdBits === 15 ? 2 : 1) <= packet.payload.length)) &&
  (packet.tl0PicIdx < 0 || packet.tl0PicIdxOffset < packet.payload.length) &&
  packet.maskBits <= DECODE_TARGETS_MAX &&
  (packet.maskBits === 0 || packet.maskBit + packet.maskBits <= packet.dependencyDescriptor.length * 8) &&
  (packet.dependencyDescriptor.length === 0 || packet.dependencyDescriptor.length >= DESCRIPTOR_MIN_BYTES);

/** Bytes that {@link writeFanoutFrame} will take, length field included. */
export const fanoutFrameBytes = (packet: MediaPacket, targetCount: number): number =>
  FANOUT_PREFIX_BYTES +
  MEDIA_HEADER_BYTES +
  targetCount * FANOUT_TARGET_BYTES +
  descriptorLengthOf(packet) +
  packet.payload.length;

/** Writes a whole fan-out frame at `at`; `targets` holds `targetCount` targets made by {@link writeFanoutTarget}. */
export function writeFanoutFrame(
  bytes: Uint8Array,
  at: number,
  packet: MediaPacket,
  targets: Uint8Array,
  targetCount: number,
): void {
  const descriptorLength = descriptorLengthOf(packet);
  writeU32(bytes, at, fanoutFrameBytes(packet, targetCount) - FRAME_LENGTH_BYTES);
  bytes[at + 4] = FRAME_TYPES.fanout;
  writeU16(bytes, at + 5, targetCount);
  writeMediaHeader(bytes, at + FANOUT_PREFIX_BYTES, packet, descriptorLength);
  let offset = at + FANOUT_PREFIX_BYTES + MEDIA_HEADER_BYTES;
  const targetBytes = targetCount * FANOUT_TARGET_BYTES;
  bytes.set(targets.length === targetBytes ? targets : targets.subarray(0, targetBytes), offset);
  offset += targetBytes;
  if (descriptorLength > 0) bytes.set(packet.dependencyDescriptor, offset);
  offset += descriptorLength;
  bytes.set(packet.payload, offset);
}

/** Writes one target under the number that `endpoint` has on this link. */
export function writeFanoutTarget(
  bytes: Uint8Array,
  at: number,
  endpoint: number,
  target: FanoutTarget,
): void {
  writeU32(bytes, at, endpoint);
  writeU16(bytes, at + 4, target.track);
  writeU16(bytes, at + 6, target.seq);
  writeU32(bytes, at + 8, target.timestamp);
  writeU16(bytes, at + 12, target.pictureId);
  bytes[at + 14] = target.tl0PicIdx;
  bytes[at + 15] = (target.marker ? MARKER : 0) | (target.empty ? EMPTY : 0);
  writeU16(bytes, at + 16, target.frameNumber);
  writeU16(bytes, at + 18, target.decodeTargets);
}

/** A reused reader of fan-out frames: its buffers are views of the frame it read last. */
export class FanoutReader implements FanoutFrame {
  readonly packet: MediaPacket;
  targetCount = 0;
  targets: Uint8Array = new Uint8Array(0);

  constructor(packet: MediaPacket) {
    this.packet = packet;
  }

  /** Reads a frame's body (what follows the type byte). @returns false when it is malformed. */
  read(body: Uint8Array): boolean {
    if (body.length < 2 + MEDIA_HEADER_BYTES) return false;
    const targetCount = readU16(body, 0);
    const targetsAt = 2 + MEDIA_HEADER_BYTES;
    const restAt = targetsAt + targetCount * FANOUT_TARGET_BYTES;
    if (restAt > body.length) return false;
    this.targetCount = targetCount;
    this.targets = body.subarray(targetsAt, restAt);
    return readMediaBody(body, 2, restAt, this.packet);
  }

  readTarget(index: number, into: FanoutTarget): void {
    const { targets } = this;
    const at = index * FANOUT_TARGET_BYTES;
    into.endpoint = readU32(targets, at);
    into.track = readU16(targets, at + 4);
    into.seq = readU16(targets, at + 6);
    into.timestamp = readU32(targets, at + 8);
    into.pictureId = readU16(targets, at + 12);
    into.tl0PicIdx = targets[at + 14] ?? 0;
    const flags = targets[at + 15] ?? 0;
    into.marker = (flags & MARKER) !== 0;
    into.empty = (flags & EMPTY) !== 0;
    into.frameNumber = readU16(targets, at + 16);
    into.decodeTargets = readU16(targets, at + 18);
  }
}
