import { NAL, nalType, stapNals } from './h264.ts';

/** Longest NAL unit that is put together again. */
const NAL_MAX_BYTES = 4 << 20;

/** Puts NAL units together again from RTP payloads in order (RFC 6184 §5). */
export class H264Depacketizer {
  #parts: Uint8Array[] = [];
  #bytes = 0;

  /** Calls `sink` with each NAL unit that `payload` completes. */
  push(payload: Uint8Array, sink: (nal: Uint8Array) => void): void {
    const type = nalType(payload);
    if (type === NAL.fuA) this.#fragment(payload, sink);
    else if (type === NAL.stapA) for (const nal of stapNals(payload)) sink(nal);
    else if (type > 0 && type < 24) sink(payload);
  }

  /** After a loss: what was begun cannot be finished. */
  reset(): void {
    this.#parts = [];
    this.#bytes = 0;
  }

  #fragment(payload: Uint8Array, sink: (nal: Uint8Array) => void): void {
    if (payload.length < 3) return;
    const indicator = payload[0] ?? 0;
    const header = payload[1] ?? 0;
    if ((header & 0x80) !== 0) {
      this.#parts = [Uint8Array.of((indicator & 0xe0) | (header & 31))];
      this.#bytes = 1;
    }
    if (this.#bytes === 0) return;
    this.#parts.push(payload.slice(2));
    this.#bytes += payload.length - 2;
    if (this.#bytes > NAL_MAX_BYTES) this.reset();
    if ((header & 0x40) === 0 || this.#bytes === 0) return;
    const nal = new Uint8Array(this.#bytes);
    let at = 0;
    for (const part of this.#parts) {
      nal.set(part, at);
      at += part.length;
    }
    this.reset();
    sink(nal);
  }
}
