import type { MediaPacket } from '@switchyard/shared/media';
import type { SourceState } from './source-state.ts';

/**
 * What is decided of a packet: one of these, or, from 0 on, the index of the reason why it goes no further
 * (`drop-reason.ts`). Plain numbers: this is the hot path.
 */
export const DECISION = {
  forward: -1,
  /** A keyframe of the encoding that is wanted begins: the caller may go over to it, by `accept`. */
  offer: -2,
} as const;
export type Decision = number;

/** A layer that sent nothing for this long while others did is not waited for, milliseconds. */
export const DEAD_LAYER_MS: number = 500;
/** Most encodings or spatial layers of a track. */
export const SPATIAL_MAX: number = 4;

/**
 * Picks the packets of one viewer out of one RTP stream's layers. Pure; inclusive layer numbers, 0 is lowest. Packets
 * come with what their source knows of them ({@link SourceState}).
 */
export interface StreamLayers {
  /** What the allocator wants; reached as soon as the codec allows. */
  setTarget(spatial: number, temporal: number): void;
  /** A keyframe of the stream begins and is taken: what flowed before does not matter. */
  begin(packet: MediaPacket, source: SourceState): void;
  /** Of a packet after {@link begin}. @returns forward or a reason, never an offer. */
  select(packet: MediaPacket, source: SourceState): Decision;
  /** RTP marker of the packet that was selected last. */
  readonly marker: boolean;
  readonly spatial: number;
  readonly temporal: number;
  /** Mask for the dependency descriptor, 0 when there is none. */
  readonly decodeTargets: number;
  /** The target is out of reach without a keyframe. */
  wantsKeyframe(source: SourceState): boolean;
}
