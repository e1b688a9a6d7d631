/** A port rests this long after a call: packets of the old call must not reach a new one. */
const REST_MS = 30_000;

/** Even ports of a range, one a call (RTCP takes the odd one above). Pure. */
export class RtpPorts {
  readonly #free: number[] = [];
  readonly #resting: { readonly port: number; readonly sinceMs: number }[] = [];

  constructor(min: number, max: number) {
    for (let port = min + (min & 1); port + 1 <= max; port += 2) this.#free.push(port);
  }

  /** @returns undefined when every port is taken or resting. */
  take(nowMs: number): number | undefined {
    while (this.#resting[0] !== undefined && nowMs - this.#resting[0].sinceMs >= REST_MS) {
      const rested = this.#resting.shift();
      if (rested !== undefined) this.#free.push(rested.port);
    }
    return this.#free.shift();
  }

  release(port: number, nowMs: number): void {
    this.#resting.push({ port, sinceMs: nowMs });
  }
}
