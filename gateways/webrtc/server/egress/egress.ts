import type { EndpointId, FanoutFrame, TrackId } from '@switchyard/shared/protocol';
import type { Slot } from '../send/slot.ts';

/** Fan-out frames → packets of viewers. One per process; a native one may take its place. */
export interface Egress {
  /** Targets {endpoint, track} leave on `slot`. */
  bind(endpoint: EndpointId, track: TrackId, slot: Slot): void;
  unbind(endpoint: EndpointId, track: TrackId): void;
  /** Hot path; the frame is valid during the call only. */
  handleFanout(frame: FanoutFrame): void;
}
