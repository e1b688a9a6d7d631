import type { GilbertElliott } from './loss-model.ts';

/** What one direction of a path does to packets. */
export interface LinkProfile {
  /** Bits per second of whole packets, IP and UDP headers included; Infinity: no limit. */
  readonly rateBps: number;
  /** Size of the queue before the limit as a time at `rateBps`, milliseconds. What does not fit is lost (drop tail). */
  readonly queueMs: number;
  /** One way, milliseconds. */
  readonly delayMs: number;
  /** Deviation of the delay, milliseconds. It changes every 20 ms; packets keep their order, so they come in clumps. */
  readonly jitterMs: number;
  /** Share of packets lost at random, 0…1. */
  readonly loss: number;
  readonly burst?: GilbertElliott;
  /** Share of packets that come late, after those behind them, 0…1. */
  readonly reorder: number;
  /** Share of packets that come twice, 0…1. */
  readonly duplicate: number;
}

export const CLEAN_LINK: LinkProfile = {
  rateBps: Number.POSITIVE_INFINITY,
  queueMs: 300,
  delayMs: 0,
  jitterMs: 0,
  loss: 0,
  reorder: 0,
  duplicate: 0,
};

export type LinkPreset = 'wifi' | 'cellular' | 'satellite' | 'congested' | 'bufferbloat';

/** Paths as people have them, toward the client (what comes back from it is little). */
export const LINK_PRESETS: Readonly<Record<LinkPreset, LinkProfile>> = {
  /** A room away from the access point: clumps, short bursts of loss, plenty of bandwidth. */
  wifi: {
    rateBps: 20_000_000,
    queueMs: 150,
    delayMs: 8,
    jitterMs: 6,
    loss: 0.002,
    burst: { goodToBad: 0.002, badToGood: 0.3, lossInBad: 0.5 },
    reorder: 0.001,
    duplicate: 0.0005,
  },
  /** A moving telephone: deep queue, delay that varies, losses in bursts. */
  cellular: {
    rateBps: 4_000_000,
    queueMs: 600,
    delayMs: 45,
    jitterMs: 15,
    loss: 0.003,
    burst: { goodToBad: 0.001, badToGood: 0.15, lossInBad: 0.6 },
    reorder: 0.002,
    duplicate: 0,
  },
  /** Geostationary: the round trip is what hurts. */
  satellite: {
    rateBps: 8_000_000,
    queueMs: 400,
    delayMs: 290,
    jitterMs: 8,
    loss: 0.005,
    reorder: 0,
    duplicate: 0,
  },
  /** A line that others fill: little is left, and its queue overflows. */
  congested: {
    rateBps: 1_000_000,
    queueMs: 200,
    delayMs: 25,
    jitterMs: 5,
    loss: 0.01,
    reorder: 0,
    duplicate: 0,
  },
  /** A home router that rather keeps two seconds than drops a packet. */
  bufferbloat: {
    rateBps: 1_500_000,
    queueMs: 2000,
    delayMs: 15,
    jitterMs: 2,
    loss: 0,
    reorder: 0,
    duplicate: 0,
  },
};
