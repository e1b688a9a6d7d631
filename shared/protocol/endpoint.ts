import type { Codec, MediaKind } from '@switchyard/shared/media';
import type { ProtocolError } from './error-code.ts';
import type { TrackId } from './ids.ts';

/** How a client reaches its gateway. */
export type ClientKind = 'sdk' | 'whip' | 'whep' | 'rtmp' | 'sip';

/** What a peer shows of itself to the room. */
export interface PublishScope {
  readonly peer: boolean;
  readonly tracks: boolean;
}

/** What a peer is told of the room without asking; `false` leaves it to `subscribe-peer`. */
export interface SubscribeScope {
  readonly peers: boolean;
  readonly tracks: boolean;
}

/** One encoding (simulcast) or spatial layer (SVC) as the client announced it, lowest first. */
export interface LayerInfo {
  readonly rid?: string;
  readonly width?: number;
  readonly height?: number;
  readonly maxBitrateBps?: number;
}

/** `dynamic`: a publisher is limited to what consumers can use. `max`: always its full cap. */
export type BitrateMode = 'dynamic' | 'max';

export interface RemoteTrackInfo {
  /** Name in the room, unique within the peer: `audio_main`, `video_main`, `screen`… */
  readonly name: string;
  readonly kind: MediaKind;
  readonly codec: Codec;
  /** Lowest first; one entry for a single stream. Empty for audio. */
  readonly layers: readonly LayerInfo[];
  /** Opaque to the server, at most {@link METADATA_MAX_BYTES}. */
  readonly metadata?: string;
  /** Share of the publisher's ingress budget, 1…1000; default 100. */
  readonly priority?: number;
  readonly bitrateMode?: BitrateMode;
  /**
   * False when nobody can make the source send a keyframe (an RTMP stream that passes through): the core then
   * replays the pictures since the last keyframe to who joins. Default true.
   */
  readonly keyframeOnRequest?: boolean;
}

export interface TrackSource {
  readonly peer: string;
  readonly track: string;
}

/** What a viewer wants of one local track. Layers are inclusive, 0 is lowest. */
export interface LocalTrackConfig {
  /** Share of the viewer's egress budget, 1…1000. */
  readonly priority: number;
  readonly maxSpatial: number;
  readonly maxTemporal: number;
  readonly minSpatial?: number;
  readonly minTemporal?: number;
}

export const DEFAULT_LOCAL_TRACK_CONFIG: LocalTrackConfig = { priority: 100, maxSpatial: 2, maxTemporal: 2 };

/** Longest metadata of a peer or track, and longest message of a channel, in UTF-8 bytes. */
export const METADATA_MAX_BYTES: number = 4096;
export const MESSAGE_MAX_BYTES: number = 16_384;
/** Most remote and most local tracks of one endpoint. */
export const TRACKS_MAX: number = 64;

/**
 * Gateway → core, about one endpoint. A control with `request` is answered by exactly one `reply` event with the
 * same number; without it errors still come back as `error` events.
 */
export type EndpointControl =
  | { readonly type: 'open'; readonly client: ClientKind; readonly address?: string }
  | { readonly type: 'close' }
  | {
      readonly type: 'join';
      readonly request?: number;
      /** Tenant; room names are per app. */
      readonly app: string;
      readonly room: string;
      readonly peer: string;
      readonly metadata?: string;
      readonly publish: PublishScope;
      readonly subscribe: SubscribeScope;
      /** Take over from a session of the same room and peer (which is told `replaced`) instead of `peer-name-taken`. */
      readonly replace: boolean;
    }
  | { readonly type: 'leave'; readonly request?: number }
  | { readonly type: 'update-peer'; readonly request?: number; readonly metadata: string }
  | { readonly type: 'subscribe-peer'; readonly request?: number; readonly peer: string }
  | { readonly type: 'unsubscribe-peer'; readonly request?: number; readonly peer: string }
  | {
      readonly type: 'remote-track-start';
      readonly request?: number;
      readonly track: TrackId;
      readonly info: RemoteTrackInfo;
    }
  | {
      readonly type: 'remote-track-update';
      readonly request?: number;
      readonly track: TrackId;
      readonly metadata?: string;
      readonly layers?: readonly LayerInfo[];
      readonly priority?: number;
      readonly bitrateMode?: BitrateMode;
    }
  | { readonly type: 'remote-track-stop'; readonly request?: number; readonly track: TrackId }
  | {
      /** Attach a local track to a source, or switch it. The source may appear later: status is `waiting` until then. */
      readonly type: 'local-track-attach';
      readonly request?: number;
      readonly track: TrackId;
      readonly kind: MediaKind;
      readonly source: TrackSource;
      readonly config: LocalTrackConfig;
    }
  | { readonly type: 'local-track-detach'; readonly request?: number; readonly track: TrackId }
  | {
      readonly type: 'local-track-config';
      readonly request?: number;
      readonly track: TrackId;
      readonly config: LocalTrackConfig;
    }
  | { readonly type: 'local-track-keyframe-request'; readonly track: TrackId }
  | {
      /** Give these local tracks (audio) to the mixer: the loudest sources of the room but one's own, one a slot. */
      readonly type: 'mixer-attach';
      readonly request?: number;
      readonly mode: 'auto' | 'manual';
      readonly slots: readonly TrackId[];
      /** Manual mode: the sources to choose from. */
      readonly sources?: readonly TrackSource[];
    }
  | { readonly type: 'mixer-detach'; readonly request?: number }
  | { readonly type: 'egress-estimate'; readonly bitrateBps: number }
  | { readonly type: 'channel-subscribe'; readonly request?: number; readonly label: string }
  | { readonly type: 'channel-unsubscribe'; readonly request?: number; readonly label: string }
  | {
      readonly type: 'channel-publish';
      readonly request?: number;
      readonly label: string;
      readonly data: string;
    };

/**
 * `waiting`: no packet of the source forwarded yet. `active`: media flows. `inactive`: the source sends nothing for
 * 2 s. `paused`: the allocator gave it less than its lowest layer. `ended`: the source stopped; the track stays attached.
 */
export type LocalTrackStatus = 'waiting' | 'active' | 'inactive' | 'paused' | 'ended';

/** Core → gateway, about one endpoint. */
export type EndpointEvent =
  | { readonly type: 'reply'; readonly request: number; readonly error?: ProtocolError }
  | { readonly type: 'error'; readonly error: ProtocolError }
  /** The core ended the endpoint (kick, replaced, drain); the gateway ends the client in its own words. */
  | { readonly type: 'closed'; readonly error: ProtocolError }
  | { readonly type: 'peer-joined'; readonly peer: string; readonly metadata?: string }
  | { readonly type: 'peer-updated'; readonly peer: string; readonly metadata?: string }
  | { readonly type: 'peer-left'; readonly peer: string }
  | { readonly type: 'track-started'; readonly peer: string; readonly info: RemoteTrackInfo }
  | { readonly type: 'track-updated'; readonly peer: string; readonly info: RemoteTrackInfo }
  | { readonly type: 'track-stopped'; readonly peer: string; readonly track: string }
  | { readonly type: 'remote-track-keyframe-request'; readonly track: TrackId; readonly spatial: number }
  | {
      readonly type: 'remote-track-limit';
      readonly track: TrackId;
      readonly minBps: number;
      readonly maxBps: number;
    }
  | { readonly type: 'local-track-status'; readonly track: TrackId; readonly status: LocalTrackStatus }
  | {
      readonly type: 'local-track-layers';
      readonly track: TrackId;
      readonly current: { readonly spatial: number; readonly temporal: number } | null;
      readonly target: { readonly spatial: number; readonly temporal: number } | null;
      readonly reason: LayerReason;
    }
  | { readonly type: 'mixer-slot-set'; readonly track: TrackId; readonly source: TrackSource }
  | { readonly type: 'mixer-slot-unset'; readonly track: TrackId }
  | {
      readonly type: 'voice-activity';
      readonly peer: string;
      readonly track: string;
      readonly levelDbov: number;
    }
  | { readonly type: 'estimate-config'; readonly currentBps: number; readonly desiredBps: number }
  | { readonly type: 'channel-message'; readonly label: string; readonly peer: string; readonly data: string }
  | { readonly type: 'go-away'; readonly reason: string };

/** Why a local track gets the layer it gets. */
export type LayerReason =
  | 'best'
  | 'limit'
  | 'priority'
  | 'estimate'
  | 'waiting-for-keyframe'
  | 'source-has-no-such-layer'
  | 'paused'
  | 'no-source';
