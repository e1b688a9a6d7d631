/** Seconds between 1900 and 1970. */
const NTP_UNIX_OFFSET_S = 2_208_988_800;
const SMOOTHING = 0.8;
/** What is longer was not measured right, milliseconds. */
const RTT_MAX_MS = 10_000;

/** Round trip from sender reports and what receiver reports say of them (RFC 3550 §6.4.1, LSR and DLSR). Pure. */
export class ReportClock {
  #rttMs: number | undefined;

  /** Milliseconds; undefined until a report came back. */
  get rttMs(): number | undefined {
    return this.#rttMs;
  }

  /** @param lastSr, delaySinceLastSr As in the report block; `nowMs` is Unix time, as in the sender reports. */
  onReport(lastSr: number, delaySinceLastSr: number, nowMs: number): void {
    if (lastSr === 0) return;
    const middle = (((nowMs / 1000 + NTP_UNIX_OFFSET_S) % 65_536) * 65_536) >>> 0;
    const rttMs = (((middle - lastSr - delaySinceLastSr) | 0) * 1000) / 65_536;
    if (rttMs < 0 || rttMs > RTT_MAX_MS) return;
    this.#rttMs = this.#rttMs === undefined ? rttMs : SMOOTHING * this.#rttMs + (1 - SMOOTHING) * rttMs;
  }
}
