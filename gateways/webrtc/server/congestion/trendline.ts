import type { GroupDelta } from './packet-groups.ts';

/** Groups in the fit, and how much of the old value smoothing keeps. */
const WINDOW = 20;
const SMOOTHING = 0.9;
/** The trend is scaled to compare with a threshold in milliseconds. */
const GAIN = 4;
const DELTAS_MAX = 60;
const THRESHOLD_START_MS = 12.5;
const THRESHOLD_MIN_MS = 6;
const THRESHOLD_MAX_MS = 600;
/** The threshold follows the trend slowly upward, so that it stays above a path's own noise, and faster down. */
const THRESHOLD_UP = 0.0087;
const THRESHOLD_DOWN = 0.039;
/** A trend this far beyond the threshold is an event, not noise. */
const THRESHOLD_IGNORE_MS = 15;
const THRESHOLD_STEP_MAX_MS = 100;
/** The trend must be above for this long, and rising, milliseconds. */
const OVERUSE_MS = 10;

/** What the delay says of the path. */
export type BandwidthUsage = 'normal' | 'overuse' | 'underuse';

interface Sample {
  readonly atMs: number;
  readonly delayMs: number;
}

/**
 * Delay gradient (Google congestion control): a line through the accumulated delay of the last groups. It rises when the
 * bottleneck's queue grows, long before that queue is full. Pure.
 */
export class Trendline {
  #samples: Sample[] = [];
  #deltas = 0;
  #accumulatedMs = 0;
  #smoothedMs = 0;
  #firstArrivalMs = -1;
  #trend = 0;
  #previousTrend = 0;
  #thresholdMs = THRESHOLD_START_MS;
  #adaptedMs = -1;
  #overusedMs = -1;
  #overuses = 0;
  #usage: BandwidthUsage = 'normal';

  get usage(): BandwidthUsage {
    return this.#usage;
  }

  /** Slope of the delay, milliseconds per millisecond: 0.1 means that the queue grows by 100 ms a second. */
  get trend(): number {
    return this.#trend;
  }

  update({ sendDeltaMs, arrivalDeltaMs, arrivalMs }: GroupDelta): void {
    this.#deltas = Math.min(this.#deltas + 1, 1000);
    if (this.#firstArrivalMs < 0) this.#firstArrivalMs = arrivalMs;
    this.#accumulatedMs += arrivalDeltaMs - sendDeltaMs;
    this.#smoothedMs = SMOOTHING * this.#smoothedMs + (1 - SMOOTHING) * this.#accumulatedMs;
    this.#samples.push({ atMs: arrivalMs - this.#firstArrivalMs, delayMs: this.#smoothedMs });
    if (this.#samples.length > WINDOW) this.#samples.shift();
    if (this.#samples.length === WINDOW) this.#trend = slopeOf(this.#samples) ?? this.#trend;
    this.#detect(sendDeltaMs, arrivalMs);
  }

  #detect(sendDeltaMs: number, nowMs: number): void {
    if (this.#deltas < 2) return;
    const modified = Math.min(this.#deltas, DELTAS_MAX) * this.#trend * GAIN;
    if (modified > this.#thresholdMs) {
      // Of the first interval, half is assumed.
      this.#overusedMs = this.#overusedMs < 0 ? sendDeltaMs / 2 : this.#overusedMs + sendDeltaMs;
      this.#overuses += 1;
      if (this.#overusedMs > OVERUSE_MS && this.#overuses > 1 && this.#trend >= this.#previousTrend) {
        this.#overusedMs = 0;
        this.#overuses = 0;
        this.#usage = 'overuse';
      }
    } else {
      this.#overusedMs = -1;
      this.#overuses = 0;
      this.#usage = modified < -this.#thresholdMs ? 'underuse' : 'normal';
    }
    this.#previousTrend = this.#trend;
    this.#adapt(Math.abs(modified), nowMs);
  }

  #adapt(modifiedMs: number, nowMs: number): void {
    if (this.#adaptedMs < 0) this.#adaptedMs = nowMs;
    const elapsedMs = Math.max(0, Math.min(nowMs - this.#adaptedMs, THRESHOLD_STEP_MAX_MS));
    this.#adaptedMs = nowMs;
    if (modifiedMs > this.#thresholdMs + THRESHOLD_IGNORE_MS) return;
    const speed = modifiedMs < this.#thresholdMs ? THRESHOLD_DOWN : THRESHOLD_UP;
    const adapted = this.#thresholdMs + speed * (modifiedMs - this.#thresholdMs) * elapsedMs;
    this.#thresholdMs = Math.max(THRESHOLD_MIN_MS, Math.min(THRESHOLD_MAX_MS, adapted));
  }
}

/** Least squares. @returns undefined when all samples are at one time. */
function slopeOf(samples: readonly Sample[]): number | undefined {
  let atSum = 0;
  let delaySum = 0;
  for (const { atMs, delayMs } of samples) {
    atSum += atMs;
    delaySum += delayMs;
  }
  const atMean = atSum / samples.length;
  const delayMean = delaySum / samples.length;
  let numerator = 0;
  let denominator = 0;
  for (const { atMs, delayMs } of samples) {
    numerator += (atMs - atMean) * (delayMs - delayMean);
    denominator += (atMs - atMean) ** 2;
  }
  return denominator === 0 ? undefined : numerator / denominator;
}
