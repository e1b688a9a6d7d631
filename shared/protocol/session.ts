/**
 * JSON between the browser SDK and the WebRTC gateway over the WebSocket at `/ws`: the browser's subset of
 * endpoint.ts. One message a frame. The client always offers, the server always answers. Every request carries a
 * number of the client's choice and is answered by one `response` with it.
 */
import type {
  BitrateMode,
  LocalTrackConfig,
  MixerMode,
  PublishScope,
  SubscribeScope,
  TrackSource,
} from './endpoint.ts';
import type { LayerPosition, LayerReason, LocalTrackStatus } from './endpoint-event.ts';
import type { ProtocolError } from './error-code.ts';
import type { RoomEvent } from './room-event.ts';

export const SESSION_PROTOCOL: number = 1;

/** One m-line of the offer on which the browser sends. */
export interface SessionSender {
  readonly mid: string;
  /** Track name in the room, unique within the peer. */
  readonly name: string;
  readonly metadata?: string;
  readonly priority?: number;
  readonly bitrateMode?: BitrateMode;
}

/** One m-line of the offer on which the browser receives: a slot whose source changes without renegotiation. */
export interface SessionReceiver {
  readonly mid: string;
  /** `mixer` slots (audio) are filled by the server with the loudest speakers; `manual` ones by `receiver-attach`. */
  readonly use: 'mixer' | 'manual';
}

export type SessionRequestBody =
  | {
      readonly type: 'join';
      readonly protocol: number;
      readonly room: string;
      readonly peer: string;
      readonly token?: string;
      readonly metadata?: string;
      readonly publish?: PublishScope;
      readonly subscribe?: SubscribeScope;
    }
  | {
      /** First offer and every later one. All senders and receivers are listed each time. */
      readonly type: 'offer';
      readonly sdp: string;
      readonly senders: readonly SessionSender[];
      readonly receivers: readonly SessionReceiver[];
    }
  | {
      readonly type: 'receiver-attach';
      readonly mid: string;
      readonly source: TrackSource;
      readonly config?: LocalTrackConfig;
    }
  | { readonly type: 'receiver-config'; readonly mid: string; readonly config: LocalTrackConfig }
  | { readonly type: 'receiver-detach'; readonly mid: string }
  | {
      /** Changes what the `mixer` slots play; what is absent stays. It is `auto` and not paused at first. */
      readonly type: 'mixer-config';
      readonly mode?: MixerMode;
      /** Manual mode only: all sources to choose from. */
      readonly sources?: readonly TrackSource[];
      readonly paused?: boolean;
    }
  | {
      readonly type: 'sender-update';
      readonly name: string;
      readonly metadata?: string;
      readonly priority?: number;
      readonly bitrateMode?: BitrateMode;
    }
  | { readonly type: 'update-peer'; readonly metadata: string }
  | { readonly type: 'subscribe-peer'; readonly peer: string }
  | { readonly type: 'unsubscribe-peer'; readonly peer: string }
  | { readonly type: 'channel-subscribe'; readonly label: string }
  | { readonly type: 'channel-unsubscribe'; readonly label: string }
  | { readonly type: 'channel-publish-start'; readonly label: string }
  | { readonly type: 'channel-publish-stop'; readonly label: string }
  | { readonly type: 'channel-publish'; readonly label: string; readonly data: string }
  | { readonly type: 'leave' };

export type SessionRequest = SessionRequestBody & { readonly request: number };

export interface IceServer {
  readonly urls: readonly string[];
  readonly username?: string;
  readonly credential?: string;
}

export type SessionMessage =
  | RoomEvent
  | {
      readonly type: 'response';
      readonly request: number;
      readonly error?: ProtocolError & { readonly message: string };
    }
  | {
      readonly type: 'response';
      readonly request: number;
      readonly result: 'joined';
      readonly session: string;
      readonly iceServers: readonly IceServer[];
      /** Most m-lines of an offer on which the client may receive, mixer slots included. */
      readonly maxReceivers: number;
    }
  | { readonly type: 'response'; readonly request: number; readonly result: 'answer'; readonly sdp: string }
  | { readonly type: 'error'; readonly error: ProtocolError & { readonly message: string } }
  | { readonly type: 'closed'; readonly error: ProtocolError & { readonly message: string } }
  | {
      readonly type: 'receiver-status';
      readonly mid: string;
      readonly status: LocalTrackStatus;
      readonly reason: LayerReason;
    }
  | {
      readonly type: 'receiver-layers';
      readonly mid: string;
      readonly current: LayerPosition | null;
      readonly target: LayerPosition | null;
      readonly bitrateBps: number;
      readonly reason: LayerReason;
    }
  | { readonly type: 'receiver-source'; readonly mid: string; readonly source: TrackSource | null }
  | { readonly type: 'sender-limit'; readonly name: string; readonly maxBps: number }
  /** Which encodings of the sender somebody watches, lowest first: the others are switched off. */
  | { readonly type: 'sender-encodings'; readonly name: string; readonly wanted: readonly boolean[] };
