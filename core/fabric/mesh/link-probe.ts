/** Probes that are out or were answered lately: what loss is counted over. */
const WINDOW_PROBES = 50;
/** Unanswered probes in a row after which the link is down. */
const DEAD_PROBES = 5;
const RTT_WEIGHT = 0.125;
/** Of so many first answers the quickest counts: a process that starts answers late. */
const FIRST_ANSWERS = 8;

export interface LinkProbeOptions {
  /** Between probes: 200 ms to neighbours, 500 ms between zones. */
  readonly intervalMs: number;
}

interface Probe {
  readonly sentMs: number;
  answered: boolean;
  /** Its answer is overdue and was counted so. */
  lost: boolean;
}

/** Measures the way to one neighbour by numbered probes that it answers. Pure: the caller sends and tells the time. */
export class LinkProbe {
  readonly #intervalMs: number;
  readonly #probes = new Map<number, Probe>();
  #next = 0;
  #sentMs = Number.NEGATIVE_INFINITY;
  #rttMs = Number.POSITIVE_INFINITY;
  #answers = 0;
  #unanswered = 0;
  #isUp = false;

  constructor({ intervalMs }: LinkProbeOptions) {
    this.#intervalMs = intervalMs;
  }

  /** Smoothed, milliseconds; Infinity before the first answer. */
  get rttMs(): number {
    return this.#rttMs;
  }

  /** Share of the last {@link WINDOW_PROBES} probes that found no answer. */
  get loss(): number {
    let done = 0;
    let lost = 0;
    for (const probe of this.#probes.values()) {
      if (probe.answered || probe.lost) done += 1;
      if (probe.lost) lost += 1;
    }
    return done === 0 ? 0 : lost / done;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get nextDeadlineMs(): number {
    return this.#sentMs + this.#intervalMs;
  }

  /** @returns The number of the probe to send now, undefined when none is due. */
  due(nowMs: number): number | undefined {
    if (nowMs < this.nextDeadlineMs) return undefined;
    this.#overdue(nowMs);
    this.#sentMs = nowMs;
    const number = this.#next++;
    this.#probes.set(number, { sentMs: nowMs, answered: false, lost: false });
    for (const old of this.#probes.keys()) {
      if (this.#probes.size <= WINDOW_PROBES) break;
      this.#probes.delete(old);
    }
    return number;
  }

  /** @returns false for an answer to nothing. */
  answered(number: number, nowMs: number): boolean {
    const probe = this.#probes.get(number);
    if (probe === undefined || probe.answered) return false;
    // What was asked before the link was up says nothing of it: the other end did not know us yet.
    if (!this.#isUp)
      for (const earlier of this.#probes.keys()) if (earlier < number) this.#probes.delete(earlier);
    probe.answered = true;
    probe.lost = false;
    const sampleMs = nowMs - probe.sentMs;
    this.#answers += 1;
    if (this.#answers > FIRST_ANSWERS) this.#rttMs += (sampleMs - this.#rttMs) * RTT_WEIGHT;
    else this.#rttMs = Math.min(this.#rttMs, sampleMs);
    this.#unanswered = 0;
    this.#isUp = true;
    return true;
  }

  /** The neighbour is known to be gone. */
  fail(): void {
    this.#isUp = false;
    this.#rttMs = Number.POSITIVE_INFINITY;
    this.#probes.clear();
    this.#answers = 0;
    this.#unanswered = 0;
  }

  /** An answer may take two round trips and an interval before its probe counts as lost. */
  #overdue(nowMs: number): void {
    const patienceMs = this.#intervalMs + (Number.isFinite(this.#rttMs) ? 2 * this.#rttMs : 0);
    for (const probe of this.#probes.values()) {
      if (probe.answered || probe.lost || nowMs - probe.sentMs < patienceMs) continue;
      probe.lost = true;
      this.#unanswered += 1;
    }
    if (this.#isUp && this.#unanswered >= DEAD_PROBES) this.fail();
  }
}
