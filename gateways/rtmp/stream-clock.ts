/** A time stamp this far from arrival begins a new line, milliseconds: the encoder was restarted or paused. */
const REBASE_MS = 3000;

/** The stream's time stamps on the server's clock: one base for audio and video, so that lips stay in sync. Pure. */
export class StreamClock {
  #baseMs: number | undefined;

  /** @returns Capture time of `timestampMs`, Unix milliseconds. */
  captureMs(timestampMs: number, nowMs: number): number {
    if (this.#baseMs === undefined || Math.abs(this.#baseMs + timestampMs - nowMs) > REBASE_MS)
      this.#baseMs = nowMs - timestampMs;
    return this.#baseMs + timestampMs;
  }
}
