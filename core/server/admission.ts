import type { ProtocolError } from '@switchyard/shared/protocol';
import { EventLoopDelay } from '@switchyard/shared/runtime';

/** How often the event loop is judged, milliseconds. */
const WINDOW_MS = 1000;
/** Windows in a row that are late before joins are refused: one alone is a hiccup. */
const LATE_WINDOWS = 2;

export interface AdmissionLimits {
  /** Most endpoints of this core. */
  readonly maxEndpoints: number;
  /** Median lateness of the event loop above which nobody new is let in, milliseconds. */
  readonly maxEventLoopDelayMs: number;
}

/** Who may still join: nobody while the process drains or is overloaded. Whoever is in stays in. */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #delay: EventLoopDelay;
  #timer: NodeJS.Timeout | undefined;
  #lateWindows = 0;
  #draining = false;
  /** Joins that were refused for load since the start. */
  refusals = 0;

  constructor(limits: AdmissionLimits, delay: EventLoopDelay = new EventLoopDelay()) {
    this.#limits = limits;
    this.#delay = delay;
  }

  get isDraining(): boolean {
    return this.#draining;
  }

  get isOverloaded(): boolean {
    return this.#lateWindows >= LATE_WINDOWS;
  }

  start(): void {
    this.#timer = setInterval(() => this.judge(), WINDOW_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#delay.close();
  }

  /** Looks at the event loop's last window. */
  judge(): void {
    this.#lateWindows =
      this.#delay.percentileMs(50) > this.#limits.maxEventLoopDelayMs ? this.#lateWindows + 1 : 0;
    this.#delay.reset();
  }

  drain(): void {
    this.#draining = true;
  }

  /** @param endpoints Those that are open, the one that asks included. @returns Why it may not join. */
  refusal(endpoints: number): ProtocolError | undefined {
    if (this.#draining) return { code: 'draining' };
    const full = endpoints > this.#limits.maxEndpoints;
    if (!full && !this.isOverloaded) return undefined;
    this.refusals += 1;
    return {
      code: 'overloaded',
      detail: full ? `${this.#limits.maxEndpoints} clients are here` : 'the event loop is late',
    };
  }
}
