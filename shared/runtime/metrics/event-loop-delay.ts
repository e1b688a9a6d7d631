import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

/** How finely it is measured, milliseconds: what an idle loop shows, too. */
const RESOLUTION_MS = 10;
const NS_PER_MS = 1e6;

/** How late the event loop of this process is, beyond the grain of the measurement. */
export class EventLoopDelay {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor() {
    this.#histogram.enable();
  }

  /** Milliseconds since the last {@link reset}; 0 when nothing was measured yet. */
  percentileMs(percentile: number): number {
    const ms = this.#histogram.percentile(percentile) / NS_PER_MS - RESOLUTION_MS;
    return Number.isFinite(ms) ? Math.max(0, ms) : 0;
  }

  reset(): void {
    this.#histogram.reset();
  }

  close(): void {
    this.#histogram.disable();
  }
}
