import type { MediaPacket } from '@switchyard/shared/media';

/** A capture clock that jumps more than this against arrival is not believed across a switch, milliseconds. */
const CAPTURE_TRUST_MS = 500;
/** How far behind the last frame an older one is put, and how far ahead of its time that may bring a stream. */
const FRAME_MS = 33;
export const LEAD_MAX_MS: number = 75;

/** What of a packet is read. */
export type TimedPacket = Pick<MediaPacket, 'timestamp' | 'captureMs'>;

/**
 * Moves RTP timestamps of changing encodings and sources onto one line. Across a restart the line goes on by capture
 * time, or by arrival where capture times do not fit together; never backwards (E5).
 */
export class TimestampRewriter {
  readonly #ticksPerMs: number;
  #offset = 0;
  #lastOut = -1;
  #lastCaptureMs = 0;
  #lastNowMs = 0;
  #restarted = false;

  /** @param clockRate Hertz */
  constructor(clockRate: number) {
    this.#ticksPerMs = clockRate / 1000;
  }

  restart(): void {
    this.#restarted = true;
  }

  /** How far ahead of its capture time a stream that begins with this frame would be, milliseconds. */
  leadMs(captureMs: number, nowMs: number): number {
    if (this.#lastOut < 0) return 0;
    const elapsedMs = this.#elapsedMs(captureMs, nowMs);
    return elapsedMs > 0 ? 0 : FRAME_MS - elapsedMs;
  }

  /**
   * Hot path. Takes the packet whole: its capture time, passed as a number, would be put on the heap for every viewer.
   * @returns The timestamp to send, 32 bits.
   */
  forward({ timestamp, captureMs }: TimedPacket, nowMs: number): number {
    if (this.#restarted) {
      if (this.#lastOut >= 0) this.#offset = this.#lastOut + this.#stepTicks(captureMs, nowMs) - timestamp;
      this.#restarted = false;
    }
    const out = (timestamp + this.#offset) >>> 0;
    if (this.#lastOut < 0 || ((out - this.#lastOut) | 0) > 0) this.#remember(out, captureMs, nowMs);
    return out;
  }

  /** A timestamp right behind the last one, for what is replayed faster than it was captured. */
  follow(captureMs: number, nowMs: number): number {
    const out = this.#lastOut < 0 ? 0 : (this.#lastOut + Math.round(this.#ticksPerMs)) >>> 0;
    this.#remember(out, captureMs, nowMs);
    return out;
  }

  #remember(out: number, captureMs: number, nowMs: number): void {
    this.#lastOut = out;
    this.#lastCaptureMs = captureMs;
    this.#lastNowMs = nowMs;
  }

  /** From the last frame to one of another stream. */
  #stepTicks(captureMs: number, nowMs: number): number {
    const elapsedMs = this.#elapsedMs(captureMs, nowMs);
    if (elapsedMs > 0) return Math.max(1, Math.round(elapsedMs * this.#ticksPerMs));
    return FRAME_MS - elapsedMs <= LEAD_MAX_MS ? Math.round(FRAME_MS * this.#ticksPerMs) : 1;
  }

  #elapsedMs(captureMs: number, nowMs: number): number {
    const arrival = nowMs - this.#lastNowMs;
    const capture = captureMs - this.#lastCaptureMs;
    return Math.abs(capture - arrival) <= CAPTURE_TRUST_MS ? capture : arrival;
  }
}
