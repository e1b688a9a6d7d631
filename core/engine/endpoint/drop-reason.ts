/**
 * Why a packet went no further, with the index to count it by. Every packet that stops has exactly one reason, for each
 * viewer it stops at.
 */
export const DROP = {
  /** From an endpoint or for a track that there is not (any more). Counted once, not for each viewer. */
  'unknown-track': 0,
  /** The allocator gives the viewer nothing. */
  paused: 1,
  /** Nothing of the source flows yet. */
  'waiting-for-keyframe': 2,
  /** Simulcast: not of the encoding that flows. */
  'other-encoding': 3,
  /** Above the viewer's spatial layer. */
  'spatial-layer': 4,
  /** Above the viewer's temporal layer. */
  'temporal-layer': 5,
  /** Below the viewer's spatial layer, which does without it (K-SVC). */
  'lower-layer': 6,
  /** Refers to a frame that the viewer did not get, or does not say what it refers to. */
  dependency: 7,
  /** Came too late to be given a number. */
  late: 8,
  /** Came twice. */
  duplicate: 9,
  /** Of a layer beyond those that the engine knows. */
  'no-such-layer': 10,
  /** Video for an audio slot, or the other way round. */
  'wrong-kind': 11,
} as const;

export type DropReason = keyof typeof DROP;
export const DROP_REASONS: readonly DropReason[] = Object.keys(DROP) as DropReason[];
