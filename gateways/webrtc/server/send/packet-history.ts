import type { OutgoingPacket } from './outgoing-packet.ts';

/** Packets that can be repaired at most: about two seconds of 4 Mbps. */
export const HISTORY_PACKETS: number = 1024;
/** A history grows until it reaches back so far, milliseconds. */
const HISTORY_MS = 1000;
const FIRST_SIZE = 64;

/** Words of an entry. */
const STRIDE = 8;
const SEQ = 0;
const PAYLOAD = 1;
const TIMESTAMP = 2;
const SENT_MS = 3;
/** Resent u8 · RTX payload type u8 · marker u1. */
const FLAGS = 4;
const PICTURE = 5;
const FRAME = 6;
const EMPTY = -1;

/**
 * What a slot sent last, by sequence number: 32 bytes a packet, without an object. Times are whole milliseconds of any
 * clock, below 2^31.
 */
export class PacketHistory {
  #size = 0;
  #words: Int32Array = NOTHING;

  /** Remembers a packet that leaves now, to be repaired with payload type `rtxPayloadType`. Hot path. */
  add(packet: OutgoingPacket, rtxPayloadType: number, nowMs: number): void {
    let at = this.#indexOf(packet.seq);
    const before = this.#words[at + SEQ] ?? EMPTY;
    if (this.#size < HISTORY_PACKETS && this.#isTooSmall(before, at, nowMs)) {
      this.#grow();
      at = this.#indexOf(packet.seq);
    }
    const words = this.#words;
    words[at + SEQ] = packet.seq;
    words[at + PAYLOAD] = packet.payloadNumber;
    words[at + TIMESTAMP] = packet.timestamp;
    words[at + SENT_MS] = nowMs;
    words[at + FLAGS] = (rtxPayloadType << 8) | ((packet.marker ? 1 : 0) << 16);
    words[at + PICTURE] = (packet.pictureId << 16) | (packet.tl0PicIdx & 0xff);
    words[at + FRAME] = (packet.frameNumber << 16) | packet.decodeTargets;
  }

  /** @returns A handle of the packet, valid until the next {@link add}; −1 when it is forgotten. */
  find(seq: number): number {
    const at = this.#indexOf(seq);
    return this.#size > 0 && this.#words[at + SEQ] === seq ? at : -1;
  }

  /** Forgets everything. */
  clear(): void {
    for (let at = SEQ; at < this.#words.length; at += STRIDE) this.#words[at] = EMPTY;
  }

  payloadNumber(at: number): number {
    return this.#words[at + PAYLOAD] ?? 0;
  }

  sentMs(at: number): number {
    return this.#words[at + SENT_MS] ?? 0;
  }

  timesResent(at: number): number {
    return (this.#words[at + FLAGS] ?? 0) & 0xff;
  }

  resent(at: number, nowMs: number): void {
    this.#words[at + SENT_MS] = nowMs;
    this.#words[at + FLAGS] = (this.#words[at + FLAGS] ?? 0) + 1;
  }

  /** Fills in what the packet said, and the payload type of its repair. */
  read(at: number, into: OutgoingPacket): void {
    const words = this.#words;
    const flags = words[at + FLAGS] ?? 0;
    const picture = words[at + PICTURE] ?? 0;
    const frame = words[at + FRAME] ?? 0;
    into.seq = words[at + SEQ] ?? 0;
    into.timestamp = (words[at + TIMESTAMP] ?? 0) >>> 0;
    into.payloadType = (flags >> 8) & 0x7f;
    into.marker = ((flags >> 16) & 1) === 1;
    into.pictureId = picture >>> 16;
    into.tl0PicIdx = picture & 0xff;
    into.frameNumber = frame >>> 16;
    into.decodeTargets = frame & 0xffff;
  }

  #indexOf(seq: number): number {
    return (seq & (this.#size - 1)) * STRIDE;
  }

  #isTooSmall(before: number, at: number, nowMs: number): boolean {
    return this.#size === 0 || (before !== EMPTY && nowMs - this.sentMs(at) < HISTORY_MS);
  }

  #grow(): void {
    const old = this.#words;
    this.#size = this.#size === 0 ? FIRST_SIZE : this.#size * 2;
    this.#words = new Int32Array(this.#size * STRIDE);
    this.clear();
    for (let at = 0; at < old.length; at += STRIDE) {
      const seq = old[at + SEQ] ?? EMPTY;
      if (seq !== EMPTY) this.#words.set(old.subarray(at, at + STRIDE), this.#indexOf(seq));
    }
  }
}

const NOTHING = new Int32Array(0);
