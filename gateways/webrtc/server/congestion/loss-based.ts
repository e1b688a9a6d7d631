import type { PacketResult } from './packet-result.ts';

/** An observation is at least this long; the estimate needs so many of them, and keeps the last ones. */
const OBSERVATION_MS = 250;
const OBSERVATIONS_MIN = 3;
const OBSERVATIONS = 15;
const WEIGHT = 0.9;
/** A fall is news for so many observations: a second. */
const NEWS_OBSERVATIONS = 4;
const CANDIDATE_FACTORS = [1.02, 1, 0.95] as const;
/** The loss that a path has whatever is sent: start, least, and most (which a slow path may have more of). */
const INHERENT_START = 0.01;
const INHERENT_MIN = 0.001;
const INHERENT_MAX = 0.05;
const INHERENT_BALANCE_KBPS = 100;
const NEWTON_STEP = 0.75;
/** Of two bandwidths that explain the losses alike the higher one is preferred, unless the loss is high. */
const BIAS = 0.0002;
const LOG_BIAS = 0.02;
const BIAS_LOSS_MAX = 0.2;
const BIAS_SMOOTHING = 0.002;
/** Above this loss a bound holds at once. */
const INSTANT_LOSS = 0.05;
const INSTANT_BALANCE_KBPS = 100;
const RAMP_UP = 1.5;
const RAMP_UP_IN_HOLD = 1.2;
const HOLD_START_MS = 300;
const HOLD_MAX_MS = 60_000;
const INCREASE_WINDOW_MS = 300;
const INCREASE_MAX = 1.3;
const MIN_KBPS = 30;

interface Observation {
  packets: number;
  lost: number;
  sendingKbps: number;
}

/**
 * Loss-based estimate (Google's second version): which bandwidth, together with which loss that the path has anyway,
 * explains best what was lost of the last observations? A path that loses 3 % at random keeps its bandwidth; one that
 * loses because its queue overflows does not. Pure.
 */
export class LossBased {
  #observations: Observation[] = [];
  #partial = { packets: 0, lost: 0, bytes: 0, firstSentMs: 0, lastSentMs: 0 };
  #kbps = -1;
  #inherent = INHERENT_START;
  #limited = false;
  /** Observations since losses lowered the limit. */
  #sinceFall = NEWS_OBSERVATIONS;
  #holdMs = HOLD_START_MS;
  #heldUntilMs = Number.NEGATIVE_INFINITY;
  /** The last rate before which an increase led to losses again. */
  #holdKbps = Number.POSITIVE_INFINITY;
  #windowStartMs = Number.NEGATIVE_INFINITY;
  #windowLimitKbps = Number.POSITIVE_INFINITY;

  /** undefined until enough was observed. */
  get bitrateBps(): number | undefined {
    return this.#kbps < 0 || this.#observations.length < OBSERVATIONS_MIN ? undefined : this.#kbps * 1000;
  }

  /** Losses, not the delay, hold the estimate back. */
  get limited(): boolean {
    return this.#limited;
  }

  /** Losses lowered the estimate within the last second. On a path that loses packets whatever is sent they do so seldom. */
  get falling(): boolean {
    return this.#sinceFall < NEWS_OBSERVATIONS;
  }

  /** The loss that the path has whatever is sent, 0…1. */
  get inherentLoss(): number {
    return this.#inherent;
  }

  /** Weighted loss of the observations, 0…1. */
  get averageLoss(): number {
    let lost = 0;
    let packets = 0;
    let weight = 1;
    for (let i = this.#observations.length - 1; i >= 0; i -= 1, weight *= WEIGHT) {
      lost += weight * (this.#observations[i]?.lost ?? 0);
      packets += weight * (this.#observations[i]?.packets ?? 0);
    }
    return packets === 0 ? 0 : lost / packets;
  }

  /**
   * @param delayBasedBps What the delay allows.
   * @param applicationLimited Less was sent than allowed: what arrives says nothing of the path.
   */
  update(
    results: readonly PacketResult[],
    delayBasedBps: number,
    acknowledgedBps: number | undefined,
    applicationLimited: boolean,
    nowMs: number,
  ): void {
    const delayKbps = delayBasedBps / 1000;
    if (!this.#observe(results)) return;
    this.#sinceFall += 1;
    if (this.#kbps < 0) this.#kbps = delayKbps;
    if (this.#observations.length < OBSERVATIONS_MIN) {
      this.#kbps = delayKbps;
      return;
    }
    const acknowledgedKbps = acknowledgedBps === undefined ? undefined : acknowledgedBps / 1000;
    const best = this.#bestCandidate(delayKbps, acknowledgedKbps, applicationLimited);
    let { kbps } = best;
    this.#inherent = best.inherent;
    // More is lost than the path has by itself: not the moment to go up.
    if (kbps > this.#kbps && this.averageLoss > best.inherent) kbps = this.#kbps;
    kbps = Math.min(kbps, this.#instantBoundKbps());
    if (this.#limited) kbps = this.#slowIncrease(kbps, acknowledgedKbps, nowMs);
    this.#conclude(Math.max(MIN_KBPS, kbps), delayKbps, nowMs);
  }

  /** A probe showed what the path carries: losses from before say nothing of now. */
  probed(bitrateBps: number): void {
    if (this.#kbps < 0 || bitrateBps / 1000 <= this.#kbps) return;
    this.#kbps = bitrateBps / 1000;
    this.#limited = false;
    this.#sinceFall = NEWS_OBSERVATIONS;
    this.#observations = [];
    this.#inherent = INHERENT_START;
    this.#holdMs = HOLD_START_MS;
  }

  #conclude(kbps: number, delayKbps: number, nowMs: number): void {
    const before = this.#kbps;
    if (kbps < before - 0.001 && kbps < delayKbps) {
      this.#sinceFall = 0;
      if (this.#limited && nowMs < this.#heldUntilMs) {
        // Fell again right after the last fall: the same event.
        this.#kbps = kbps;
        return;
      }
      this.#limited = true;
      this.#holdKbps = kbps;
      this.#heldUntilMs = nowMs + this.#holdMs;
      this.#holdMs = Math.min(HOLD_MAX_MS, this.#holdMs * 2);
      this.#windowStartMs = nowMs;
      this.#windowLimitKbps = kbps * INCREASE_MAX;
      this.#kbps = kbps;
      return;
    }
    if (kbps >= delayKbps) {
      this.#kbps = delayKbps;
      this.#limited = false;
      if (nowMs > this.#heldUntilMs) this.#holdMs = HOLD_START_MS;
      return;
    }
    this.#kbps = kbps;
  }

  #slowIncrease(kbps: number, acknowledgedKbps: number | undefined, nowMs: number): number {
    const before = this.#kbps;
    if (kbps <= before) return kbps;
    let allowed = kbps;
    if (nowMs < this.#heldUntilMs) allowed = Math.min(allowed, this.#holdKbps);
    const ramp = nowMs < this.#heldUntilMs ? RAMP_UP_IN_HOLD : RAMP_UP;
    if (acknowledgedKbps !== undefined) allowed = Math.min(allowed, ramp * acknowledgedKbps);
    if (nowMs - this.#windowStartMs > INCREASE_WINDOW_MS) {
      this.#windowStartMs = nowMs;
      this.#windowLimitKbps = before * INCREASE_MAX;
    }
    allowed = Math.min(allowed, this.#windowLimitKbps);
    return Math.max(before, allowed);
  }

  #bestCandidate(
    delayKbps: number,
    acknowledgedKbps: number | undefined,
    applicationLimited: boolean,
  ): { kbps: number; inherent: number } {
    const candidates: number[] = CANDIDATE_FACTORS.map((factor) => factor * this.#kbps);
    if (acknowledgedKbps !== undefined && !applicationLimited) candidates.push(acknowledgedKbps);
    if (delayKbps > this.#kbps) candidates.push(delayKbps);
    let best = { kbps: this.#kbps, inherent: this.#inherent };
    let bestValue = Number.NEGATIVE_INFINITY;
    for (const candidate of candidates) {
      const kbps = Math.max(MIN_KBPS, Math.min(candidate, Math.max(delayKbps, this.#kbps)));
      const inherent = this.#newton(kbps);
      const value = this.#objective(kbps, inherent);
      if (value <= bestValue) continue;
      bestValue = value;
      best = { kbps, inherent };
    }
    return best;
  }

  /** One Newton step of the inherent loss that fits `kbps`. */
  #newton(kbps: number): number {
    let first = 0;
    let second = 0;
    let weight = 1;
    for (let i = this.#observations.length - 1; i >= 0; i -= 1, weight *= WEIGHT) {
      const observation = this.#observations[i];
      if (observation === undefined) continue;
      const { packets, lost, sendingKbps } = observation;
      const loss = lossProbability(this.#inherent, kbps, sendingKbps);
      first += weight * (lost / loss - (packets - lost) / (1 - loss));
      second -= weight * (lost / loss ** 2 + (packets - lost) / (1 - loss) ** 2);
    }
    const moved = second === 0 ? this.#inherent : this.#inherent - (NEWTON_STEP * first) / second;
    return feasible(moved, kbps);
  }

  /** Log likelihood of the observations, with the bias towards more. */
  #objective(kbps: number, inherent: number): number {
    const average = this.averageLoss;
    const adjust = (BIAS_LOSS_MAX - average) / (BIAS_SMOOTHING + Math.abs(BIAS_LOSS_MAX - average));
    const bias = adjust * (BIAS * kbps + LOG_BIAS * Math.log(1 + kbps));
    let value = 0;
    let weight = 1;
    for (let i = this.#observations.length - 1; i >= 0; i -= 1, weight *= WEIGHT) {
      const observation = this.#observations[i];
      if (observation === undefined) continue;
      const { packets, lost, sendingKbps } = observation;
      const loss = lossProbability(inherent, kbps, sendingKbps);
      value += weight * (lost * Math.log(loss) + (packets - lost) * Math.log(1 - loss) + bias * packets);
    }
    return value;
  }

  #instantBoundKbps(): number {
    const loss = this.averageLoss;
    return loss > INSTANT_LOSS ? INSTANT_BALANCE_KBPS / (loss - INSTANT_LOSS) : Number.POSITIVE_INFINITY;
  }

  /** @returns Whether an observation was completed. */
  #observe(results: readonly PacketResult[]): boolean {
    const partial = this.#partial;
    for (const { sentMs, arrivalMs, bytes } of results) {
      if (partial.packets === 0) partial.firstSentMs = sentMs;
      partial.packets += 1;
      partial.bytes += bytes;
      partial.lastSentMs = Math.max(partial.lastSentMs, sentMs);
      if (arrivalMs < 0) partial.lost += 1;
    }
    const elapsedMs = partial.lastSentMs - partial.firstSentMs;
    if (partial.packets === 0 || elapsedMs < OBSERVATION_MS) return false;
    const sendingKbps = (partial.bytes * 8) / elapsedMs;
    this.#observations.push({ packets: partial.packets, lost: partial.lost, sendingKbps });
    if (this.#observations.length > OBSERVATIONS) this.#observations.shift();
    this.#partial = { packets: 0, lost: 0, bytes: 0, firstSentMs: 0, lastSentMs: 0 };
    return true;
  }
}

function feasible(inherent: number, kbps: number): number {
  const most = Math.min(1, INHERENT_MAX + INHERENT_BALANCE_KBPS / Math.max(1, kbps));
  return Math.max(INHERENT_MIN, Math.min(most, inherent));
}

function lossProbability(inherent: number, kbps: number, sendingKbps: number): number {
  const overflow = sendingKbps > kbps ? (sendingKbps - kbps) / sendingKbps : 0;
  const loss = inherent + (1 - inherent) * overflow;
  return Math.max(1e-6, Math.min(1 - 1e-6, loss));
}
