import { OpusDecoder } from '@switchyard/shared/transcode';

interface Speaker {
  readonly decoder: OpusDecoder;
  listeners: number;
}

/** The speakers that calls listen to: each is decoded once, however many calls hear it. */
export class Speakers {
  readonly #speakers = new Map<string, Speaker>();

  get size(): number {
    return this.#speakers.size;
  }

  /** One more call listens. */
  take(name: string): void {
    const known = this.#speakers.get(name);
    if (known === undefined) this.#speakers.set(name, { decoder: new OpusDecoder(1), listeners: 1 });
    else known.listeners += 1;
  }

  /** One call fewer listens; who nobody hears is forgotten. */
  release(name: string): void {
    const known = this.#speakers.get(name);
    if (known === undefined) return;
    known.listeners -= 1;
    if (known.listeners === 0) this.#speakers.delete(name);
  }

  /** @returns Mono PCM at 48 kHz; undefined for a malformed packet and for who nobody listens to. */
  decode(name: string, packet: Uint8Array): Int16Array | undefined {
    return this.#speakers.get(name)?.decoder.decode(packet);
  }
}
