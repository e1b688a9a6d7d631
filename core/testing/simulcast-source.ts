import type { SeededRandom } from './seeded-random.ts';
import type { VirtualYard } from './virtual-yard.ts';

const FRAMES_PER_S = 30;
const TICKS_PER_FRAME = 90_000 / FRAMES_PER_S;
/** Temporal layers of four frames in a row (L1T3). */
const PATTERN = [0, 2, 1, 2];
/** A keyframe is this much larger. */
const KEYFRAME_SIZE = 4;
const PACKET_BYTES = 1200;

export interface SimulcastOptions {
  readonly yard: VirtualYard;
  readonly endpoint: number;
  readonly track: number;
  /** Bitrate of each encoding, bits per second. */
  readonly bitratesBps: readonly number[];
  readonly random: SeededRandom;
  /** Sizes of frames vary by this share. */
  readonly variation?: number;
}

/** A camera in several encodings, which does what the server asks: keyframes, encodings off and on, a limit. */
export class SimulcastSource {
  readonly #options: SimulcastOptions;
  readonly #active: boolean[];
  readonly #keyframe: boolean[];
  readonly #seq: number[];
  #frame = 0;
  /** Encodings that do not come whatever the server asks: the publisher's link or processor is too weak. */
  readonly broken: Set<number> = new Set();
  /** For a single encoding: what the server allows, bits per second. */
  limitBps: number = Number.POSITIVE_INFINITY;

  constructor(options: SimulcastOptions) {
    this.#options = options;
    const { yard, endpoint, track, bitratesBps } = options;
    this.#active = bitratesBps.map(() => true);
    this.#keyframe = bitratesBps.map(() => true);
    this.#seq = bitratesBps.map((_, index) => index * 1000);
    const next = yard.onEvent;
    yard.onEvent = (to, event) => {
      next(to, event);
      if (to !== endpoint || !('track' in event) || event.track !== track) return;
      if (event.type === 'remote-track-keyframe-request') this.#keyframe[event.spatial] = true;
      else if (event.type === 'remote-track-limit') this.limitBps = event.maxBps;
      else if (event.type === 'remote-track-layers')
        event.wanted.forEach((wanted, index) => {
          if (wanted && this.#active[index] === false) this.#keyframe[index] = true;
          this.#active[index] = wanted;
        });
    };
  }

  get active(): readonly boolean[] {
    return this.#active;
  }

  /** One frame of each encoding that is on; the clock stands still. */
  frame(): void {
    for (const [spatial, bitrateBps] of this.#options.bitratesBps.entries())
      if (this.#active[spatial] === true && !this.broken.has(spatial)) this.#send(spatial, bitrateBps);
    this.#frame += 1;
  }

  #send(spatial: number, fullBps: number): void {
    const { yard, endpoint, track, random, bitratesBps, variation = 0 } = this.#options;
    const bitrateBps = bitratesBps.length === 1 ? Math.min(fullBps, this.limitBps) : fullBps;
    const keyframe = this.#keyframe[spatial] === true;
    this.#keyframe[spatial] = false;
    const scale = (1 + (random.next() * 2 - 1) * variation) * (keyframe ? KEYFRAME_SIZE : 1);
    let left = Math.max(50, (bitrateBps / 8 / FRAMES_PER_S) * scale);
    const temporal = keyframe ? 0 : (PATTERN[this.#frame % PATTERN.length] ?? 0);
    let isFirst = true;
    while (left > 0) {
      const seq = this.#seq[spatial] ?? 0;
      this.#seq[spatial] = (seq + 1) & 0xffff;
      const isLast = left <= PACKET_BYTES;
      yard.media(endpoint, track, {
        seq,
        timestamp: (this.#frame * TICKS_PER_FRAME) >>> 0,
        spatial,
        temporal,
        keyframe,
        frameStart: isFirst,
        frameEnd: isLast,
        marker: isLast,
        switchingPoint: true,
        payload: PAYLOAD.subarray(0, Math.min(left, PACKET_BYTES)),
      });
      left -= PACKET_BYTES;
      isFirst = false;
    }
  }
}

const PAYLOAD = new Uint8Array(PACKET_BYTES);
