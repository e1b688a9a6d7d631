import type { MediaPacket } from '@switchyard/shared/media';

/** What a selector says of a packet. Plain numbers: this is the hot path. */
export const DECISION = {
  /** Of another encoding than the one that flows: it takes no number. */
  skip: 0,
  /** Left out of the stream that flows, on purpose. */
  drop: 1,
  forward: 2,
  /** Forward; from here another encoding flows: the rewriters restart. */
  switch: 3,
} as const;
export type Decision = (typeof DECISION)[keyof typeof DECISION];

/** A layer that sent nothing for this long is not waited for, milliseconds. */
export const DEAD_LAYER_MS: number = 500;
/** Most encodings or spatial layers of a track. */
export const SPATIAL_MAX: number = 4;

/** Picks the packets of one viewer out of a track's layers. Pure; inclusive layer numbers, 0 is lowest. */
export interface LayerSelector {
  /** What the allocator wants; reached as soon as the codec allows. */
  setTarget(spatial: number, temporal: number): void;
  select(packet: MediaPacket, nowMs: number): Decision;
  /** RTP marker of the last forwarded packet. */
  readonly marker: boolean;
  /** −1 before the first keyframe. */
  readonly spatial: number;
  readonly temporal: number;
  /** Encoding whose keyframe is waited for, −1 for none. */
  keyframeWanted(nowMs: number): number;
}
