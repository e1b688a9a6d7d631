import type { MediaPacket } from '@switchyard/shared/media';
import { SRTP_OVERHEAD_MAX_BYTES, SRTP_PACKET_MAX_BYTES, type SrtpMemory } from '@switchyard/shared/srtp';

/** Bytes of payloads that the process remembers for repairs: seconds of a busy server. */
export const PAYLOAD_RING_BYTES: number = 32 << 20;
/** Packets that it remembers at most, a power of two. */
const RING_PACKETS = 32_768;
/** Numbers of packets stay small integers. */
const NUMBER_MASK = 0x3fff_ffff;
/** RTP header of a slot with its extensions and the number of a repaired packet, without the dependency descriptor. */
const HEADER_MAX_BYTES = 64;

/** Longest payload with its dependency descriptor that fits a packet; longer ones are refused. */
export const PAYLOAD_MAX_BYTES: number = SRTP_PACKET_MAX_BYTES - SRTP_OVERHEAD_MAX_BYTES - HEADER_MAX_BYTES;

/** One payload and what its copies have in common; names as in {@link MediaPacket}. */
export interface StoredPayload {
  number: number;
  /** Bytes that were written before it, ever. */
  position: number;
  /** Where it lies in the memory; the dependency descriptor right behind it. */
  offset: number;
  length: number;
  descriptorLength: number;
  maskBit: number;
  maskBits: number;
  pictureIdBits: number;
  pictureIdOffset: number;
  tl0PicIdx: number;
  tl0PicIdxOffset: number;
  /** Bytes of the payload up to the last one that differs between copies. */
  patchedLength: number;
  audioLevel: number;
  captureMs: number;
}

/** The payloads that were sent last, each once however many viewers it had. Entries are made once and reused. */
export class PayloadRing {
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #size: number;
  readonly #entries: StoredPayload[] = [];
  /** Bytes ever written: positions only grow. */
  #written = 0;
  #next = 0;

  constructor(memory: SrtpMemory, size: number = PAYLOAD_RING_BYTES) {
    this.#bytes = memory.bytes;
    this.#size = size;
    this.#start = memory.reserve(size);
  }

  /** Copies the payload in. @returns Its entry, undefined when it is too long for a packet. */
  write(packet: MediaPacket): StoredPayload | undefined {
    const { payload, dependencyDescriptor: descriptor } = packet;
    const length = payload.length + descriptor.length;
    if (length > PAYLOAD_MAX_BYTES) return undefined;
    let at = this.#written % this.#size;
    if (at + length > this.#size) {
      this.#written += this.#size - at;
      at = 0;
    }
    const entry = this.#claim();
    entry.position = this.#written;
    entry.offset = this.#start + at;
    this.#bytes.set(payload, entry.offset);
    if (descriptor.length > 0) this.#bytes.set(descriptor, entry.offset + payload.length);
    this.#written += length;
    entry.length = payload.length;
    entry.descriptorLength = descriptor.length;
    entry.maskBit = packet.maskBit;
    entry.maskBits = packet.maskBits;
    entry.pictureIdBits = packet.pictureIdBits;
    entry.pictureIdOffset = packet.pictureIdOffset;
    entry.tl0PicIdx = packet.tl0PicIdx;
    entry.tl0PicIdxOffset = packet.tl0PicIdxOffset;
    entry.patchedLength = patchedLength(packet);
    entry.audioLevel = packet.audioLevel;
    entry.captureMs = packet.captureMs;
    return entry;
  }

  /** @returns undefined when the payload has been overwritten. */
  find(number: number): StoredPayload | undefined {
    const entry = this.#entries[number & (RING_PACKETS - 1)];
    return entry !== undefined && this.holds(entry, number) ? entry : undefined;
  }

  /** Whether `entry` is still payload `number`. */
  holds(entry: StoredPayload, number: number): boolean {
    return entry.number === number && entry.position >= this.#written - this.#size;
  }

  #claim(): StoredPayload {
    const index = this.#next & (RING_PACKETS - 1);
    let entry = this.#entries[index];
    if (entry === undefined) {
      entry = emptyPayload();
      this.#entries.push(entry);
    }
    entry.number = this.#next;
    this.#next = (this.#next + 1) & NUMBER_MASK;
    return entry;
  }
}

function patchedLength(packet: MediaPacket): number {
  const pictureId = packet.pictureIdBits === 0 ? 0 : packet.pictureIdOffset + (packet.pictureIdBits + 1) / 8;
  return Math.max(pictureId, packet.tl0PicIdx < 0 ? 0 : packet.tl0PicIdxOffset + 1);
}

const emptyPayload = (): StoredPayload => ({
  number: -1,
  position: 0,
  offset: 0,
  length: 0,
  descriptorLength: 0,
  maskBit: 0,
  maskBits: 0,
  pictureIdBits: 0,
  pictureIdOffset: 0,
  tl0PicIdx: -1,
  tl0PicIdxOffset: 0,
  patchedLength: 0,
  audioLevel: 0,
  captureMs: 0,
});
