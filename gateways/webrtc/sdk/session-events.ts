import type { MixerSlot } from './mixer-slot.ts';
import type { TrackSource } from './protocol.ts';
import type { Receiver } from './receiver.ts';
import type { RoomPeer, RoomTrack } from './room-view.ts';
import type { Sender } from './sender.ts';
import type { SwitchyardError } from './switchyard-error.ts';

/**
 *     idle ──join()──▶ joining ──▶ joined ◀──▶ reconnecting
 *       ▲                 │ refused    │ leave(), or the server ended it │
 *       └─────────────────┴────────────┴────────────▶ idle / closed ◀───┘
 *
 * `closed`: ended for a reason that another try does not cure, or that lasted too long. `join()` works again from there.
 */
export type SessionState = 'idle' | 'joining' | 'joined' | 'reconnecting' | 'closed';

export interface VoiceActivity {
  readonly peer: string;
  readonly track: string;
  /** 0 loudest … −127 silent; told at −40 or louder, at most once per 500 ms. */
  readonly levelDbov: number;
}

export interface ChannelMessage {
  readonly label: string;
  readonly peer: string;
  readonly data: string;
}

export interface ReconnectAttempt {
  /** 1 is the first. */
  readonly attempt: number;
  /** Wait before this attempt, milliseconds. */
  readonly delayMs: number;
  /** What made it necessary. */
  readonly error: SwitchyardError;
}

/** Events of a session and the arguments of their listeners. */
export type SessionEvents = {
  state: [state: SessionState];
  'peer-joined': [peer: RoomPeer];
  'peer-updated': [peer: RoomPeer];
  'peer-left': [peer: RoomPeer];
  'track-started': [track: RoomTrack];
  /** Metadata or layers changed. */
  'track-updated': [track: RoomTrack];
  'track-stopped': [track: RoomTrack];
  /** The pool was used up and has one more. */
  'receiver-added': [receiver: Receiver];
  'receiver-source': [receiver: Receiver];
  'receiver-status': [receiver: Receiver];
  'receiver-layers': [receiver: Receiver];
  /** Somebody else is heard in a mixer slot, or nobody. */
  'mixer-slot': [slot: MixerSlot];
  'voice-activity': [activity: VoiceActivity];
  /** Somebody else speaks now, or nobody (undefined). With hysteresis: made for choosing a large picture. */
  'active-speaker': [source: TrackSource | undefined];
  message: [message: ChannelMessage];
  'sender-added': [sender: Sender];
  /** Unpublished, or its track ended by itself: a device unplugged, the sharing of a screen stopped. */
  'sender-removed': [sender: Sender];
  /** The room can use no more than `sender.limitBps` of this track, or other encodings of it (`sender.encodings`). */
  'sender-limit': [sender: Sender];
  /** The connection is lost; everything published and attached comes back by itself. Once per attempt. */
  reconnecting: [attempt: ReconnectAttempt];
  reconnected: [];
  /** The session ended and does not come back by itself. Not told after `leave()`. */
  closed: [error: SwitchyardError];
  /** Something went wrong that no call waits for. The session goes on. */
  error: [error: SwitchyardError];
};
