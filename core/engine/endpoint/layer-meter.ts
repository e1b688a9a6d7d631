import type { MediaPacket } from '@switchyard/shared/media';
import { SPATIAL_MAX } from './selector/selector.ts';

const TEMPORAL_MAX = 4;
/** Bitrates are means over about this time, milliseconds. */
const WINDOW_MS = 1000;
const SMOOTHING = 0.5;

/** Measures what each spatial and temporal layer of a track costs. */
export class LayerMeter {
  readonly #bytes = new Float64Array(SPATIAL_MAX * TEMPORAL_MAX);
  readonly #bps = new Float64Array(SPATIAL_MAX * TEMPORAL_MAX);
  #windowStartMs = -1;
  packets = 0;
  bytes = 0;
  /** Between keyframes no spatial layer needs the ones below it. */
  keySvc = false;

  /** Hot path. */
  add(packet: MediaPacket): void {
    const spatial = packet.spatial < SPATIAL_MAX ? packet.spatial : SPATIAL_MAX - 1;
    const temporal = packet.temporal < TEMPORAL_MAX ? packet.temporal : TEMPORAL_MAX - 1;
    const at = spatial * TEMPORAL_MAX + temporal;
    const size = packet.payload.length;
    this.#bytes[at] = (this.#bytes[at] ?? 0) + size;
    this.packets += 1;
    this.bytes += size;
  }

  /** Closes a window when it is full. */
  tick(nowMs: number): void {
    if (this.#windowStartMs < 0) this.#windowStartMs = nowMs;
    const elapsedMs = nowMs - this.#windowStartMs;
    if (elapsedMs < WINDOW_MS) return;
    this.#windowStartMs = nowMs;
    for (let at = 0; at < this.#bytes.length; at += 1) {
      const bps = ((this.#bytes[at] ?? 0) * 8000) / elapsedMs;
      const before = this.#bps[at] ?? 0;
      this.#bps[at] = before === 0 || bps === 0 ? bps : before + (bps - before) * SMOOTHING;
      this.#bytes[at] = 0;
    }
  }

  /** Bits per second of one layer alone. */
  layerBps(spatial: number, temporal: number): number {
    return this.#bps[spatial * TEMPORAL_MAX + temporal] ?? 0;
  }

  /** Forgets spatial layers that are not sent any more. @param layers Bit i: layer i. */
  clear(layers: number): void {
    for (let spatial = 0; spatial < SPATIAL_MAX; spatial += 1) {
      if ((layers & (1 << spatial)) === 0) continue;
      const at = spatial * TEMPORAL_MAX;
      this.#bytes.fill(0, at, at + TEMPORAL_MAX);
      this.#bps.fill(0, at, at + TEMPORAL_MAX);
    }
  }

  /** Bits per second of an encoding up to `temporal`; of all spatial layers up to `spatial` when they build on each other. */
  cost(spatial: number, temporal: number, svc: boolean): number {
    let sum = 0;
    for (let s = svc && !this.keySvc ? 0 : spatial; s <= spatial; s += 1)
      for (let t = 0; t <= temporal; t += 1) sum += this.layerBps(s, t);
    return sum;
  }

  get totalBps(): number {
    let sum = 0;
    for (const bps of this.#bps) sum += bps;
    return sum;
  }
}

export { TEMPORAL_MAX };
