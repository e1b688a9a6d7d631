/** A capture clock that jumps more than this against arrival is not believed across a switch, milliseconds. */
const CAPTURE_TRUST_MS = 500;

/**
 * Moves RTP timestamps of changing encodings and sources onto one line. Across a restart the line goes on by capture
 * time, or by arrival where capture times do not fit together; never backwards.
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

  /** @returns The timestamp to send, 32 bits. */
  forward(timestamp: number, captureMs: number, nowMs: number): number {
    if (this.#restarted) {
      if (this.#lastOut >= 0) this.#offset = this.#lastOut + this.#elapsedTicks(captureMs, nowMs) - timestamp;
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

  #elapsedTicks(captureMs: number, nowMs: number): number {
    const arrival = nowMs - this.#lastNowMs;
    const capture = captureMs - this.#lastCaptureMs;
    const elapsedMs = Math.abs(capture - arrival) <= CAPTURE_TRUST_MS ? capture : arrival;
    return Math.max(1, Math.round(elapsedMs * this.#ticksPerMs));
  }
}
