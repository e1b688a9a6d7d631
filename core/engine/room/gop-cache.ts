import { emptyMediaPacket, type MediaPacket } from '@switchyard/shared/media';

/** Bounds of what is kept since the last keyframe: about ten seconds of 6 Mbps. Above them nothing is kept until the next. */
export const GOP_PACKETS_MAX: number = 8192;
export const GOP_BYTES_MAX: number = 8 << 20;

/**
 * The packets since the last keyframe of a source that cannot be asked for one: who joins gets them at once.
 * Packets and their bytes are reused from picture group to picture group.
 */
export class GopCache {
  readonly #packets: MediaPacket[] = [];
  #count = 0;
  #bytes: Uint8Array = new Uint8Array(256 << 10);
  #used = 0;
  #open = false;

  get length(): number {
    return this.#count;
  }

  packetAt(index: number): MediaPacket | undefined {
    return index < this.#count ? this.#packets[index] : undefined;
  }

  push(packet: MediaPacket): void {
    if (packet.keyframe && packet.frameStart && !this.#continuesKeyframe(packet)) {
      this.#count = 0;
      this.#used = 0;
      this.#open = true;
    }
    if (!this.#open) return;
    if (this.#count >= GOP_PACKETS_MAX || this.#used + packet.payload.length > GOP_BYTES_MAX) {
      this.#open = false;
      this.#count = 0;
      return;
    }
    this.#reserve(packet.payload.length);
    const payload = this.#bytes.subarray(this.#used, this.#used + packet.payload.length);
    payload.set(packet.payload);
    this.#used += packet.payload.length;
    const kept = this.#packets[this.#count] ?? emptyMediaPacket(packet.codec);
    Object.assign(kept, packet, { payload, dependencyDescriptor: packet.dependencyDescriptor.slice() });
    this.#packets[this.#count] = kept;
    this.#count += 1;
  }

  /** SPS and IDR of one picture are both keyframe starts. */
  #continuesKeyframe(packet: MediaPacket): boolean {
    const first = this.#packets[0];
    return this.#count > 0 && first?.timestamp === packet.timestamp;
  }

  #reserve(bytes: number): void {
    if (this.#used + bytes <= this.#bytes.length) return;
    const larger = new Uint8Array(
      Math.min(GOP_BYTES_MAX, Math.max(this.#bytes.length * 2, this.#used + bytes)),
    );
    larger.set(this.#bytes);
    this.#bytes = larger;
    let at = 0;
    for (let i = 0; i < this.#count; i += 1) {
      const packet = this.#packets[i];
      if (packet === undefined) continue;
      packet.payload = larger.subarray(at, at + packet.payload.length);
      at += packet.payload.length;
    }
  }
}
