import { backoffMs } from './backoff.ts';
import type { ReconnectAttempt } from './session-events.ts';
import { SwitchyardError } from './switchyard-error.ts';

/** A session that lasted this long was a good one: the next loss starts with the shortest wait again, milliseconds. */
export const STABLE_MS: number = 10_000;

export interface ReconnectorPort {
  /** One try. @throws SwitchyardError */
  attempt(): Promise<void>;
  onWait(attempt: ReconnectAttempt): void;
  /** It is no use: the error is not a passing one, or this went on for too long. */
  onGiveUp(error: SwitchyardError): void;
}

/** Tries again with growing waits until it works. The network's return (`online`) ends a wait early. */
export class Reconnector {
  readonly #port: ReconnectorPort;
  readonly #giveUpAfterMs: number;
  #run = 0;
  #attempts = 0;
  #succeededAtMs = Number.NEGATIVE_INFINITY;
  #wake: (() => void) | undefined;

  constructor(port: ReconnectorPort, giveUpAfterMs: number) {
    this.#port = port;
    this.#giveUpAfterMs = giveUpAfterMs;
  }

  /** @param error What made it necessary. */
  start(error: SwitchyardError): void {
    if (performance.now() - this.#succeededAtMs >= STABLE_MS) this.#attempts = 0;
    this.#run += 1;
    this.#wake?.();
    void this.#loop(this.#run, error);
  }

  stop(): void {
    this.#run += 1;
    this.#wake?.();
  }

  async #loop(run: number, first: SwitchyardError): Promise<void> {
    const startedMs = performance.now();
    let error = first;
    while (run === this.#run) {
      const delayMs = backoffMs(this.#attempts, Math.random());
      if (performance.now() + delayMs - startedMs > this.#giveUpAfterMs) {
        this.#port.onGiveUp(error);
        return;
      }
      this.#attempts += 1;
      this.#port.onWait({ attempt: this.#attempts, delayMs, error });
      await this.#sleep(delayMs);
      if (run !== this.#run) return;
      try {
        await this.#port.attempt();
        this.#succeededAtMs = performance.now();
        return;
      } catch (cause) {
        error = SwitchyardError.wrap('connection-lost', 'The connection could not be restored.', cause);
      }
      if (run === this.#run && !error.passing) {
        this.#port.onGiveUp(error);
        return;
      }
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        globalThis.removeEventListener?.('online', done);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      globalThis.addEventListener?.('online', done);
      this.#wake = done;
    });
  }
}
