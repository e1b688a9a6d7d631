import type { SeededRandom } from './seeded-random.ts';

/**
 * Burst loss after Gilbert and Elliott: a link is in a good or a bad state, and changes it packet by packet. The mean
 * burst is 1 / `badToGood` packets, the share of bad packets `goodToBad` / (`goodToBad` + `badToGood`).
 */
export interface GilbertElliott {
  /** Probability, per packet, of going over from the good to the bad state, and back. */
  readonly goodToBad: number;
  readonly badToGood: number;
  /** Probability that a packet is lost in the bad state; in the good one `loss` of the profile holds. */
  readonly lossInBad: number;
}

/** Decides which packets a link loses. */
export class LossModel {
  readonly #random: SeededRandom;
  #bad = false;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** @param loss Probability of a loss in the good state. */
  loses(loss: number, burst: GilbertElliott | undefined): boolean {
    if (burst === undefined) {
      this.#bad = false;
      return this.#random.chance(loss);
    }
    this.#bad = this.#bad ? !this.#random.chance(burst.badToGood) : this.#random.chance(burst.goodToBad);
    return this.#random.chance(this.#bad ? burst.lossInBad : loss);
  }
}
