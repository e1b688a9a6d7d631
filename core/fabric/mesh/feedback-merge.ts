/** What viewers of a stream can use, as said upwards, bits per second. */
export interface BitrateFeedback {
  readonly count: number;
  readonly minBps: number;
  readonly maxBps: number;
  readonly sumBps: number;
}

/** What was not said again is forgotten after this time, milliseconds. */
export const FEEDBACK_EXPIRY_MS: number = 2000;
/** A stream is asked for a keyframe of a layer at most this often by one hop, milliseconds. */
export const KEYFRAME_INTERVAL_MS: number = 1000;

/** Feedback of several consumers of a stream, merged into one on its way up. Pure. */
export class FeedbackMerge {
  readonly #bySource = new Map<string, { readonly feedback: BitrateFeedback; readonly heardMs: number }>();
  readonly #keyframeMs: number[] = [];

  bitrate(source: string, feedback: BitrateFeedback, nowMs: number): void {
    this.#bySource.set(source, { feedback, heardMs: nowMs });
  }

  forget(source: string): void {
    this.#bySource.delete(source);
  }

  /** @returns undefined when nobody said anything lately. */
  merged(nowMs: number): BitrateFeedback | undefined {
    let count = 0;
    let minBps = Number.POSITIVE_INFINITY;
    let maxBps = 0;
    let sumBps = 0;
    for (const [source, { feedback, heardMs }] of this.#bySource) {
      if (nowMs - heardMs >= FEEDBACK_EXPIRY_MS) {
        this.#bySource.delete(source);
        continue;
      }
      count += feedback.count;
      minBps = Math.min(minBps, feedback.minBps);
      maxBps = Math.max(maxBps, feedback.maxBps);
      sumBps += feedback.sumBps;
    }
    return count === 0 ? undefined : { count, minBps, maxBps, sumBps };
  }

  /** @returns Whether a request for a keyframe of this layer goes on upwards. */
  keyframe(spatial: number, nowMs: number): boolean {
    if (nowMs - (this.#keyframeMs[spatial] ?? Number.NEGATIVE_INFINITY) < KEYFRAME_INTERVAL_MS) return false;
    this.#keyframeMs[spatial] = nowMs;
    return true;
  }
}
