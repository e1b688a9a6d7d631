import type { Codec, MediaKind } from '@switchyard/shared/media';
import type { TrackId } from './ids.ts';

/** How a client reaches its gateway. */
export type ClientKind = 'sdk' | 'whip' | 'whep' | 'rtmp' | 'sip';

/** What a peer shows of itself to the room. */
export interface PublishScope {
  readonly peer: boolean;
  readonly tracks: boolean;
}

/** What a peer is told of the room without asking; `false` leaves it to `subscribe-peer`, which tells both. */
export interface SubscribeScope {
  readonly peers: boolean;
  readonly tracks: boolean;
}

/** What a session may do, as its token says; the core refuses the rest whatever a gateway lets through. */
export interface Permissions {
  /** Send tracks. */
  readonly publish: boolean;
  /** Take tracks and hear of the room. */
  readonly subscribe: boolean;
  /** Send and take messages of channels. */
  readonly data: boolean;
}

/** Of everybody while no app is configured. */
export const ALL_PERMISSIONS: Permissions = { publish: true, subscribe: true, data: true };

/** One encoding (simulcast) or spatial layer (SVC) as the client announced it, lowest first. */
export interface LayerInfo {
  readonly rid?: string;
  readonly width?: number;
  readonly height?: number;
  readonly maxBitrateBps?: number;
  /** False: the publisher says that it sends nothing of it now. For the core; the room's events do not carry it. */
  readonly active?: boolean;
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
  /** Opaque to the server, at most METADATA_MAX_BYTES of limits.ts. */
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
  /** Share of the viewer's egress budget, and who is served first when it is short: 1…1000. */
  readonly priority: number;
  readonly maxSpatial: number;
  readonly maxTemporal: number;
  /** Below the minimum nothing is sent: the track is `paused`. */
  readonly minSpatial?: number;
  readonly minTemporal?: number;
}

export const DEFAULT_LOCAL_TRACK_CONFIG: LocalTrackConfig = { priority: 100, maxSpatial: 2, maxTemporal: 2 };

/** `auto`: the loudest of the room. `manual`: the loudest of the sources that the listener named. */
export type MixerMode = 'auto' | 'manual';

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
      readonly permissions: Permissions;
      /** Take over from a session of the same room and peer (which is told `replaced`) instead of `peer-name-taken`. */
      readonly replace: boolean;
      /** Said again to a core that was restarted: whoever was in is let in whatever the load. */
      readonly resumed?: boolean;
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
      /**
       * The client takes dependency descriptors. One that does not (default) cannot put spatial layers of AV1 together
       * and is sent the lowest one only.
       */
      readonly descriptors?: boolean;
      /** Tell what flows of the source (`source-layers`). The same attachment again turns it on or off. */
      readonly observe?: boolean;
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
      /**
       * Give these local tracks (audio) to the mixer: the loudest sources but one's own, one a slot. Replaces an earlier
       * mixer of the endpoint.
       */
      readonly type: 'mixer-attach';
      readonly request?: number;
      readonly mode: MixerMode;
      readonly slots: readonly TrackId[];
      /** Manual mode only: the sources to choose from; none when absent. */
      readonly sources?: readonly TrackSource[];
      readonly paused?: boolean;
    }
  | {
      /** Changes the mixer that is attached. `wrong-mixer-mode`: there is none, or `sources` for an automatic one. */
      readonly type: 'mixer-config';
      readonly request?: number;
      /** All sources to choose from, in place of those before. */
      readonly sources?: readonly TrackSource[];
      /** A paused mixer fills no slot, and sends nothing. */
      readonly paused?: boolean;
    }
  | { readonly type: 'mixer-detach'; readonly request?: number }
  | {
      /** What the client's link can carry of media, audio and video together. Said anew whenever either changes. */
      readonly type: 'egress-estimate';
      /** Bits per second. */
      readonly bitrateBps: number;
      /** Early warning: the delay on the link grows, or losses hold the estimate back. Nothing should be sent more now. */
      readonly congested: boolean;
    }
  | { readonly type: 'channel-subscribe'; readonly request?: number; readonly label: string }
  | { readonly type: 'channel-unsubscribe'; readonly request?: number; readonly label: string }
  /** Announces messages of this label, so that a way is there for the first; optional. */
  | { readonly type: 'channel-publish-start'; readonly request?: number; readonly label: string }
  | { readonly type: 'channel-publish-stop'; readonly request?: number; readonly label: string }
  | {
      /** Reaches everybody in the room who subscribed to the label, but the sender. Starts publishing when need be. */
      readonly type: 'channel-publish';
      readonly request?: number;
      readonly label: string;
      readonly data: string;
    };
