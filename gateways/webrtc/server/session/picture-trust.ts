/** Who was found silent is not tried again for this long, milliseconds: twice as long each time, up to the most. */
const DISTRUST_MS = 5000;
const DISTRUST_MAX_MS = 60_000;
/** A picture that flowed for this long before it fell silent has made up for what was before, milliseconds. */
const STEADY_MS = 60_000;

/**
 * Whether a picture is worth trying. Nobody tells whether a source flows before one takes it, and a try that fails costs the
 * viewer the picture it has: a source that disappoints again and again is tried less and less. Pure.
 */
export class PictureTrust {
  #failures = 0;
  #untilMs = Number.NEGATIVE_INFINITY;

  /** When it may be tried again; in the past: any time. */
  get untilMs(): number {
    return this.#untilMs;
  }

  isGiven(nowMs: number): boolean {
    return nowMs >= this.#untilMs;
  }

  /** It was taken and is silent. @param flowedMs How long it was watched before. */
  lose(flowedMs: number, nowMs: number): void {
    if (flowedMs >= STEADY_MS) this.#failures = 0;
    this.#untilMs = nowMs + Math.min(DISTRUST_MS * 2 ** this.#failures, DISTRUST_MAX_MS);
    this.#failures += 1;
  }
}
