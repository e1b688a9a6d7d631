import { timestampDiff } from '@switchyard/shared/media';

/** The least delay that was seen is believed this long before it may grow again, in milliseconds per second of time. */
const DRIFT_MS_PER_S = 0.2;
/** A report that is this far off is a clock that was set, not a slow network. */
const RESYNC_MS = 10_000;

/** One peer's wall clock in server time: the offset of its fastest sender report. Pure. */
export class CaptureClock {
  #offsetMs: number | undefined;
  #updatedMs = 0;

  /** A sender report with the peer's time `ntpMs` arrived at `nowMs`. */
  senderReport(ntpMs: number, nowMs: number): void {
    const offset = nowMs - ntpMs;
    if (this.#offsetMs === undefined || Math.abs(offset - this.#offsetMs) > RESYNC_MS)
      this.#offsetMs = offset;
    else {
      const allowed = this.#offsetMs + ((nowMs - this.#updatedMs) / 1000) * DRIFT_MS_PER_S;
      this.#offsetMs = Math.min(offset, allowed);
    }
    this.#updatedMs = nowMs;
  }

  toServer(ntpMs: number): number | undefined {
    return this.#offsetMs === undefined ? undefined : ntpMs + this.#offsetMs;
  }
}

/** RTP timestamps of one stream → capture time on the server's clock. */
export class CaptureTimestamps {
  readonly #clock: CaptureClock;
  readonly #ticksPerMs: number;
  #ntpMs = 0;
  #timestamp: number | undefined;

  constructor(clock: CaptureClock, clockRate: number) {
    this.#clock = clock;
    this.#ticksPerMs = clockRate / 1000;
  }

  senderReport(ntpMs: number, timestamp: number): void {
    this.#ntpMs = ntpMs;
    this.#timestamp = timestamp;
  }

  /** @returns Arrival time before the first report. */
  captureMs(timestamp: number, nowMs: number): number {
    if (this.#timestamp === undefined) return nowMs;
    const ntpMs = this.#ntpMs + timestampDiff(timestamp, this.#timestamp) / this.#ticksPerMs;
    return this.#clock.toServer(ntpMs) ?? nowMs;
  }
}
