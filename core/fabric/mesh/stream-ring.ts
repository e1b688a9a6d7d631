import { counterDiff } from './seen-window.ts';
import type { StreamPacket } from './stream-message.ts';

/** What a node that changes its way may have missed is kept this long, milliseconds. */
const KEEP_MS = 1500;
/** Most that is kept, bytes and packets. */
const KEEP_MAX_BYTES = 4 << 20;
const KEEP_MAX_PACKETS = 4096;

interface Kept {
  readonly packet: StreamPacket;
  readonly atMs: number;
}

/** The last packets of a stream: for who comes from another way, and for who comes late to a stream without PLI. Pure. */
export class StreamRing {
  #kept: Kept[] = [];
  #start = 0;
  #bytes = 0;
  readonly keepsPictures: boolean;

  /** @param keepPictures The publisher sends no keyframe on request: everything since the last one is kept. */
  constructor(keepPictures: boolean) {
    this.keepsPictures = keepPictures;
  }

  get size(): number {
    return this.#kept.length - this.#start;
  }

  push(packet: StreamPacket, nowMs: number): void {
    if (this.keepsPictures && packet.keyframe && !this.#endsWithKeyframe(packet)) this.#clear();
    this.#kept.push({ packet, atMs: nowMs });
    this.#bytes += packet.sealed.length;
    for (let oldest = this.#kept[this.#start]; oldest !== undefined; oldest = this.#kept[this.#start]) {
      const isFull = this.#bytes > KEEP_MAX_BYTES || this.size > KEEP_MAX_PACKETS;
      if (!isFull && (this.keepsPictures || nowMs - oldest.atMs <= KEEP_MS)) break;
      this.#bytes -= oldest.packet.sealed.length;
      this.#start += 1;
    }
    if (this.#start < 1024) return;
    this.#kept = this.#kept.slice(this.#start);
    this.#start = 0;
  }

  /** Packets from `streamSeq` on, or all since the last keyframe for −1. */
  from(streamSeq: number): StreamPacket[] {
    const packets: StreamPacket[] = [];
    for (let i = this.#start; i < this.#kept.length; i += 1) {
      const packet = this.#kept[i]?.packet;
      if (packet === undefined) continue;
      if (streamSeq < 0 ? this.keepsPictures : counterDiff(packet.streamSeq, streamSeq) >= 0)
        packets.push(packet);
    }
    return packets;
  }

  /** The packets of one keyframe follow each other. */
  #endsWithKeyframe(packet: StreamPacket): boolean {
    const last = this.#kept.at(-1)?.packet;
    return last?.keyframe === true && counterDiff(packet.streamSeq, last.streamSeq) === 1;
  }

  #clear(): void {
    this.#kept = [];
    this.#start = 0;
    this.#bytes = 0;
  }
}
