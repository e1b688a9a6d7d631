/** Voice activity comes at most every 500 ms while somebody speaks: silence is its absence for this long. */
const SPEAKING_MS = 1100;

/** Who speaks now, from voice activity that says only that somebody did. */
export class Speaking {
  readonly #onChange: () => void;
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #spokeAtMs = new Map<string, number>();

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  get now(): ReadonlySet<string> {
    return new Set(this.#timers.keys());
  }

  /** By peer, on the page's clock. */
  get spokeAtMs(): ReadonlyMap<string, number> {
    return this.#spokeAtMs;
  }

  heard(peer: string): void {
    const timer = this.#timers.get(peer);
    clearTimeout(timer);
    this.#timers.set(
      peer,
      setTimeout(() => {
        this.#timers.delete(peer);
        this.#onChange();
      }, SPEAKING_MS),
    );
    this.#spokeAtMs.set(peer, performance.now());
    if (timer === undefined) this.#onChange();
  }

  clear(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#spokeAtMs.clear();
  }
}
