import { performance } from 'node:perf_hooks';

/** Shortest time that a load is measured over, milliseconds. */
const WINDOW_MS = 1000;

/** How busy this process is: the share of the last second or more that its event loop was working, 0…1. */
export class LoadMeter {
  #before = performance.eventLoopUtilization();
  #measuredMs = performance.now();
  #load = 0;

  get load(): number {
    const nowMs = performance.now();
    if (nowMs - this.#measuredMs >= WINDOW_MS) {
      this.#load = performance.eventLoopUtilization(this.#before).utilization;
      this.#before = performance.eventLoopUtilization();
      this.#measuredMs = nowMs;
    }
    return this.#load;
  }
}
