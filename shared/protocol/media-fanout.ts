import type { MediaPacket } from '@switchyard/shared/media';

/**
 * Bytes of one target in a fan-out frame, big endian:
 * endpoint u32 · track u16 · seq u16 · timestamp u32 · pictureId u16 · tl0PicIdx u8 · flags u8 (bit 0: marker, bit 1:
 * empty) · frameNumber u16 · decodeTargets u16.
 */
export const FANOUT_TARGET_BYTES: number = 20;

/** What one viewer's copy of a packet says differently from the others'. */
export interface FanoutTarget {
  endpoint: number;
  track: number;
  seq: number;
  timestamp: number;
  marker: boolean;
  /**
   * Send padding instead of the payload: the packet was left out on purpose after others that follow it had gone, and
   * its sequence number would look like a loss.
   */
  empty: boolean;
  /** Value to write at `pictureIdOffset` (as wide as it was); ignored when the packet has none. */
  pictureId: number;
  /** Value to write at `tl0PicIdxOffset`; ignored when the packet has none. */
  tl0PicIdx: number;
  /** Frame number to write into the dependency descriptor; ignored when the packet has none. */
  frameNumber: number;
  /** Mask to write into the dependency descriptor at `maskBit`, when it has `maskBits`. */
  decodeTargets: number;
}

/**
 * A fan-out frame as the gateway's egress sees it: one packet, N targets. `packet.seq`, `timestamp` and `marker`
 * are the source's and of no use to a viewer; take the target's. A view of the receive buffer: valid during the call only.
 */
export interface FanoutFrame {
  readonly packet: MediaPacket;
  readonly targetCount: number;
  /** `targetCount` × {@link FANOUT_TARGET_BYTES} bytes. */
  readonly targets: Uint8Array;
  /** Fills `into` with target `index` (0 … targetCount − 1). Allocates nothing. */
  readTarget(index: number, into: FanoutTarget): void;
}

export const emptyFanoutTarget = (): FanoutTarget => ({
  endpoint: 0,
  track: 0,
  seq: 0,
  timestamp: 0,
  marker: false,
  empty: false,
  pictureId: 0,
  tl0PicIdx: 0,
  frameNumber: 0,
  decodeTargets: 0,
});
