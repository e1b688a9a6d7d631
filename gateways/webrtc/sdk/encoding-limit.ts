import type { Encoding } from './encodings.ts';

/** What is left of an encoding under a limit. */
export interface LimitedEncoding {
  readonly active: boolean;
  /** Bits per second. */
  readonly maxBitrate: number;
}

/** An encoding is switched on when it gets at least this share of its cap, and off below the other: no flapping. */
const ON_SHARE = 0.5;
const OFF_SHARE = 0.35;
/** The lowest encoding never gets less, bits per second: below this there is no picture. */
const FLOOR_BPS = 50_000;

/**
 * Splits the bitrate that the room can use of this sender among its encodings, from the lowest up. The lowest stays
 * on whatever the limit: a new viewer's first picture comes from it.
 *
 * @param encodings As chosen for the picture, lowest first.
 * @param limitBps Total of all encodings; `Infinity` lifts the limit.
 * @param before Which encodings are on now.
 * @param wanted Which encodings somebody watches; one that is not listed is.
 */
export const limitEncodings = (
  encodings: readonly Encoding[],
  limitBps: number,
  before: readonly boolean[],
  wanted: readonly boolean[] = [],
): LimitedEncoding[] => {
  let left = limitBps;
  let lowerIsOff = false;
  return encodings.map((encoding, index) => {
    if (!encoding.active || wanted[index] === false)
      return { active: false, maxBitrate: encoding.maxBitrate };
    const share = before[index] === true ? OFF_SHARE : ON_SHARE;
    const active = index === 0 || (!lowerIsOff && left >= encoding.maxBitrate * share);
    if (!active) {
      lowerIsOff = true;
      return { active: false, maxBitrate: encoding.maxBitrate };
    }
    const maxBitrate = Math.min(encoding.maxBitrate, Math.max(FLOOR_BPS, Math.floor(left)));
    left = Math.max(0, left - maxBitrate);
    return { active: true, maxBitrate };
  });
};
