import { type FrameDependencies, timestampDiff } from '@switchyard/shared/media';
import type { FrameHistory } from './frame-history.ts';
import { DECISION } from './selector.ts';

/** A frame that has not come this long after the next one of its chain is lost, 90 kHz. */
const LOST_AFTER_TICKS = 36_000;

/** Which chains of a stream (AV1 RTP payload §A.4) a viewer has without a gap. Frames are told in their order. */
export class ChainState {
  readonly #awaited: Int32Array;
  readonly #awaitedSince: Uint32Array;
  /** Bit i: frames of chain i were left out. */
  #left = 0;
  /** Bit i: a frame of chain i was lost; what was sent since may not be decodable either. */
  #lost = 0;

  constructor(chains: number) {
    this.#awaited = new Int32Array(chains).fill(-1);
    this.#awaitedSince = new Uint32Array(chains);
  }

  /** A keyframe: every chain begins. */
  reset(): void {
    this.#left = 0;
    this.#lost = 0;
    this.#awaited.fill(-1);
  }

  /** @param chain −1 for streams without chains. */
  isIntact(chain: number): boolean {
    return chain < 0 || ((this.#left | this.#lost) & (1 << chain)) === 0;
  }

  /** A switching point is sent: what was left out before does not matter. @returns false after a loss. */
  restore(chain: number): boolean {
    if (chain < 0) return true;
    if ((this.#lost & (1 << chain)) !== 0) return false;
    this.#left &= ~(1 << chain);
    return true;
  }

  update(frame: FrameDependencies, timestamp: number, history: FrameHistory): void {
    const { chains } = frame.structure;
    for (let chain = 0; chain < chains; chain += 1) {
      const distance = frame.chainDiffs[chain] ?? 0;
      if (distance === 0) this.#begin(chain);
      else this.#check(chain, (frame.frameNumber - distance) & 0xffff, timestamp, history);
    }
  }

  #begin(chain: number): void {
    this.#left &= ~(1 << chain);
    this.#lost &= ~(1 << chain);
    this.#awaited[chain] = -1;
  }

  #check(chain: number, previous: number, timestamp: number, history: FrameHistory): void {
    const awaited = this.#awaited[chain] ?? -1;
    const asked = awaited < 0 ? previous : awaited;
    const decision = history.decisionOf(asked);
    if (decision === undefined) {
      if (awaited < 0) {
        this.#awaited[chain] = previous;
        this.#awaitedSince[chain] = timestamp;
      } else if (timestampDiff(timestamp, this.#awaitedSince[chain] ?? 0) > LOST_AFTER_TICKS)
        this.#lost |= 1 << chain;
      return;
    }
    this.#awaited[chain] = -1;
    if (decision !== DECISION.forward) this.#left |= 1 << chain;
    else if (awaited >= 0 && previous !== awaited) this.#check(chain, previous, timestamp, history);
  }
}
