import { PACER_SLOT_MS } from '../send/pacer.ts';

/** A client whose packets wait. */
export interface PacedClient {
  /** Sends what this slot has room for. @returns Whether more waits. */
  process(nowMs: number): boolean;
}

/** The one timer of all pacers of a process: it runs while somebody's packets wait. */
export class PacingTimer {
  readonly #nowMs: () => number;
  readonly #waiting = new Set<PacedClient>();
  #timer: NodeJS.Timeout | undefined;
  readonly #run = (): void => {
    const nowMs = this.#nowMs();
    for (const client of this.#waiting) if (!client.process(nowMs)) this.#waiting.delete(client);
    this.#timer = this.#waiting.size === 0 ? undefined : setTimeout(this.#run, PACER_SLOT_MS);
  };

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  add(client: PacedClient): void {
    this.#waiting.add(client);
    this.#timer ??= setTimeout(this.#run, PACER_SLOT_MS);
  }

  forget(client: PacedClient): void {
    this.#waiting.delete(client);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#waiting.clear();
  }
}
