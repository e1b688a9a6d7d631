import type { FrameDependencies } from '@switchyard/shared/media';
import { DECISION, type Decision } from './selector.ts';

/** Frames that are remembered: seconds, and further back than any reference goes. */
const FRAMES = 256;

/** What became of a stream's latest frames, by frame number. */
export class FrameHistory {
  readonly #numbers = new Int32Array(FRAMES).fill(-1);
  readonly #decisions = new Int8Array(FRAMES);

  clear(): void {
    this.#numbers.fill(-1);
  }

  note(frameNumber: number, decision: Decision): void {
    const at = frameNumber % FRAMES;
    this.#numbers[at] = frameNumber;
    this.#decisions[at] = decision;
  }

  /** @returns undefined for a frame of which nothing came yet. */
  decisionOf(frameNumber: number): Decision | undefined {
    const at = frameNumber % FRAMES;
    return this.#numbers[at] === frameNumber ? this.#decisions[at] : undefined;
  }

  /** Whether no frame that `frame` refers to was left out. One that has not come yet may still come. */
  wentAll(frame: FrameDependencies): boolean {
    for (let i = 0; i < frame.frameDiffCount; i += 1) {
      const decision = this.decisionOf((frame.frameNumber - (frame.frameDiffs[i] ?? 0)) & 0xffff);
      if (decision !== undefined && decision !== DECISION.forward) return false;
    }
    return true;
  }
}
