import type { TrackSource } from './endpoint.ts';
import type { ProtocolError } from './error-code.ts';
import type { TrackId } from './ids.ts';
import type { RoomEvent } from './room-event.ts';

/**
 * `waiting`: no packet of the source forwarded yet. `active`: media flows. `inactive`: the source sends nothing for
 * 2 s. `paused`: the allocator gave it less than its lowest layer. `ended`: the source stopped; the track stays attached.
 */
export type LocalTrackStatus = 'waiting' | 'active' | 'inactive' | 'paused' | 'ended';

/**
 * Why a local track gets what it gets, and not more.
 *
 * `best`: everything the source has. `limit`: the viewer's own maximum. `priority`: other tracks of the viewer take the
 * rest of its link. `estimate`: the link carries no more. `waiting-for-keyframe`: the target is decided, its first picture
 * not there yet. `source-has-no-such-layer`: the source sends less than the viewer's limits ask for. `source-silent`: the
 * source sends nothing. `no-source`: attached to nothing, or to something that is not there.
 */
export type LayerReason =
  | 'best'
  | 'limit'
  | 'priority'
  | 'estimate'
  | 'waiting-for-keyframe'
  | 'source-has-no-such-layer'
  | 'source-silent'
  | 'no-source';

export interface LayerPosition {
  readonly spatial: number;
  readonly temporal: number;
}

/** What a source sends in one layer. */
export interface LayerFlow extends LayerPosition {
  /** Bits per second of this layer alone. */
  readonly bitrateBps: number;
}

/** Core → gateway, about one endpoint. */
export type EndpointEvent =
  | RoomEvent
  | { readonly type: 'reply'; readonly request: number; readonly error?: ProtocolError }
  | { readonly type: 'error'; readonly error: ProtocolError }
  /** The core ended the endpoint (kick, replaced, drain); the gateway ends the client in its own words. */
  | { readonly type: 'closed'; readonly error: ProtocolError }
  | { readonly type: 'remote-track-keyframe-request'; readonly track: TrackId; readonly spatial: number }
  | {
      /** What viewers can use of this track, all its layers together, bits per second. */
      readonly type: 'remote-track-limit';
      readonly track: TrackId;
      /** Below this the publisher is never pushed. */
      readonly minBps: number;
      readonly maxBps: number;
    }
  | {
      /** Which encodings somebody watches, lowest first; one that nobody does need not be sent. Simulcast only. */
      readonly type: 'remote-track-layers';
      readonly track: TrackId;
      readonly wanted: readonly boolean[];
    }
  | {
      readonly type: 'local-track-status';
      readonly track: TrackId;
      readonly status: LocalTrackStatus;
      readonly reason: LayerReason;
    }
  | {
      readonly type: 'local-track-layers';
      readonly track: TrackId;
      /** What is sent now; null for nothing. */
      readonly current: LayerPosition | null;
      /** What the allocator decided; null for nothing. */
      readonly target: LayerPosition | null;
      /** What the target costs of the viewer's link, bits per second. */
      readonly bitrateBps: number;
      readonly reason: LayerReason;
    }
  | {
      /**
       * Layers that come from the source of an observed local track, lowest first. Told when they are others, or their
       * bitrate differs by a quarter; at most once a second.
       */
      readonly type: 'source-layers';
      readonly track: TrackId;
      readonly layers: readonly LayerFlow[];
    }
  | { readonly type: 'mixer-slot-set'; readonly track: TrackId; readonly source: TrackSource }
  | { readonly type: 'mixer-slot-unset'; readonly track: TrackId }
  | {
      /** For the gateway's bandwidth probing. Bits per second, audio included. */
      readonly type: 'estimate-config';
      /** Allocated: what the chosen layers and the audio cost. */
      readonly currentBps: number;
      /** What would be used on a link without limit, with headroom for its variation. Above `currentBps`: probe for more. */
      readonly desiredBps: number;
    };
