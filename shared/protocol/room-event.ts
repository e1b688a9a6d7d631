import type { RemoteTrackInfo, TrackSource } from './endpoint.ts';

/** What the core tells of a room, word for word the same to gateways and to browsers. */
export type RoomEvent =
  | { readonly type: 'peer-joined'; readonly peer: string; readonly metadata?: string }
  | { readonly type: 'peer-updated'; readonly peer: string; readonly metadata?: string }
  | { readonly type: 'peer-left'; readonly peer: string }
  | { readonly type: 'track-started'; readonly peer: string; readonly info: RemoteTrackInfo }
  | { readonly type: 'track-updated'; readonly peer: string; readonly info: RemoteTrackInfo }
  | { readonly type: 'track-stopped'; readonly peer: string; readonly track: string }
  | {
      /** Somebody is heard at −40 dBov or louder; at most once per 500 ms for a source. */
      readonly type: 'voice-activity';
      readonly peer: string;
      readonly track: string;
      readonly levelDbov: number;
    }
  /** Who speaks now, with hysteresis; null when nobody does. Told to everybody who is told of that track, and to oneself. */
  | { readonly type: 'active-speaker'; readonly source: TrackSource | null }
  | { readonly type: 'channel-message'; readonly label: string; readonly peer: string; readonly data: string }
  /**
   * Other nodes (`http://host:port`) where a browser can join the same rooms, least loaded first: where to go when this
   * one does not answer. Told at the start and when they change.
   */
  | { readonly type: 'places'; readonly urls: readonly string[] }
  /** The core is going to end: a client that can reconnect elsewhere does; the others are `closed` later. */
  | { readonly type: 'go-away'; readonly reason: string };
