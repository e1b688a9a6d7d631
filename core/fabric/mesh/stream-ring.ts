import { counterDiff } from './seen-window.ts';
import type { StreamPacket } from './stream-message.ts';

/** What a node that changes its way may have missed is kept this long, milliseconds. */
const KEEP_MS = 1500;
/** Most that is kept, bytes and packets. */
const KEEP_MAX_BYTES = 4 << 20;
const KEEP_MAX_PACKETS = 4096;

/** The last packets of a stream: for who comes from another way, and for who comes late to a stream without PLI. Pure. */
export class StreamRing {
  /** Circular; both grow as packets come. */
  readonly #packets: (StreamPacket | undefined)[] = [];
  readonly #atMs: number[] = [];
  /** Numbers of the oldest and of the next packet, counted from the first; the place is the number's rest. */
  #oldest = 0;
  #next = 0;
  #bytes = 0;
  readonly keepsPictures: boolean;

  /** @param keepPictures The publisher sends no keyframe on request: everything since the last one is kept. */
  constructor(keepPictures: boolean) {
    this.keepsPictures = keepPictures;
  }

  get size(): number {
    return this.#next - this.#oldest;
  }

  push(packet: StreamPacket, nowMs: number): void {
    if (this.keepsPictures && packet.keyframe && !this.#endsWithKeyframe(packet)) this.#clear();
    if (this.size === KEEP_MAX_PACKETS) this.#drop();
    const at = this.#next % KEEP_MAX_PACKETS;
    this.#packets[at] = packet;
    this.#atMs[at] = nowMs;
    this.#next += 1;
    this.#bytes += packet.sealed.length;
    while (this.#bytes > KEEP_MAX_BYTES || (!this.keepsPictures && this.#isOld(nowMs))) this.#drop();
  }

  /** Packets from `streamSeq` on, or all since the last keyframe for −1. */
  from(streamSeq: number): StreamPacket[] {
    const packets: StreamPacket[] = [];
    for (let number = this.#oldest; number < this.#next; number += 1) {
      const packet = this.#packets[number % KEEP_MAX_PACKETS];
      if (packet === undefined) continue;
      if (streamSeq < 0 ? this.keepsPictures : counterDiff(packet.streamSeq, streamSeq) >= 0)
        packets.push(packet);
    }
    return packets;
  }

  /** The oldest packet is kept long enough; false for an empty ring. */
  #isOld(nowMs: number): boolean {
    return this.size > 0 && nowMs - (this.#atMs[this.#oldest % KEEP_MAX_PACKETS] ?? nowMs) > KEEP_MS;
  }

  #drop(): void {
    const at = this.#oldest % KEEP_MAX_PACKETS;
    this.#bytes -= this.#packets[at]?.sealed.length ?? 0;
    this.#packets[at] = undefined;
    this.#oldest += 1;
  }

  /** The packets of one keyframe follow each other. */
  #endsWithKeyframe(packet: StreamPacket): boolean {
    const last = this.#packets[(this.#next - 1) % KEEP_MAX_PACKETS];
    return last?.keyframe === true && counterDiff(packet.streamSeq, last.streamSeq) === 1;
  }

  #clear(): void {
    while (this.size > 0) this.#drop();
  }
}
