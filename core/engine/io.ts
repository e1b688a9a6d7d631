/**
 * The engine's whole contract on one page: what reaches it, what leaves it, and the verbs of the fabric it lives on.
 * It is pure: time is an argument (milliseconds, near Unix time, never backwards), packets are valid during the call.
 */
import type { MediaPacket } from '@switchyard/shared/media';
import type {
  ClientKind,
  EndpointControl,
  EndpointEvent,
  FanoutTarget,
  RemoteTrackInfo,
} from '@switchyard/shared/protocol';

/** What reaches the engine from gateways. Endpoint numbers are chosen by the caller and may be reused after a close. */
export interface EngineInput {
  openEndpoint(
    endpoint: number,
    client: ClientKind,
    gateway: string,
    address: string | undefined,
    nowMs: number,
  ): void;
  closeEndpoint(endpoint: number, nowMs: number): void;
  handleControl(endpoint: number, control: EndpointControl, nowMs: number): void;
  /** One packet of a remote track. Allocates nothing. */
  handleMedia(endpoint: number, track: number, packet: MediaPacket, nowMs: number): void;
  handleTick(nowMs: number): void;
  /** When {@link handleTick} is due; Infinity when nobody is here. */
  readonly nextDeadlineMs: number;
}

/** What leaves the engine towards gateways. Called synchronously. */
export interface EngineOutput {
  /** One viewer's copy of `packet`. `target` belongs to the engine, is valid during the call, and names its endpoint. */
  forward(packet: MediaPacket, target: FanoutTarget): void;
  /** All forwards of `packet` have been said. */
  endPacket(packet: MediaPacket): void;
  event(endpoint: number, event: EndpointEvent): void;
}

/** A stream in the fabric: one remote track. */
export interface Channel {
  /** Dense number on this node: index of arrays on the hot path. */
  readonly id: number;
  /** The same on every node: app, room, peer and track. */
  readonly name: string;
}

/** What a room's map holds: who is here and what they publish. */
export type PresenceValue =
  | {
      readonly kind: 'peer';
      readonly peer: string;
      /** Which session of that name it is: unique over all nodes. */
      readonly session: string;
      readonly metadata?: string;
    }
  | {
      readonly kind: 'track';
      readonly peer: string;
      readonly session: string;
      readonly info: RemoteTrackInfo;
    };

/** From viewers back to the publisher of a channel. */
export type ChannelFeedback =
  | { readonly type: 'keyframe'; readonly spatial: number }
  | { readonly type: 'demand'; readonly node: string; readonly demand: ChannelDemand };

/** What the viewers behind a node can use of a channel; repeated while there are any, and expires otherwise. */
export interface ChannelDemand {
  /** Viewers. */
  readonly count: number;
  /** The least and the most of them, and all together, bits per second. */
  readonly minBps: number;
  readonly maxBps: number;
  readonly sumBps: number;
  /** Bit n: somebody takes spatial layer n, or waits for it. */
  readonly layers: number;
}

/** The verbs between nodes. Calls have effect at once or later; a node hears its own. */
export interface Fabric {
  /** Media of a channel this node publishes. */
  publish(channel: Channel, packet: MediaPacket, nowMs: number): void;
  subscribe(channel: Channel): void;
  unsubscribe(channel: Channel): void;
  feedback(channel: Channel, feedback: ChannelFeedback, nowMs: number): void;
  set(map: string, key: string, value: PresenceValue, nowMs: number): void;
  delete(map: string, key: string, nowMs: number): void;
  /** From now on the map's values and changes reach {@link FabricListener}; what is there is replayed. */
  watch(map: string, nowMs: number): void;
  unwatch(map: string): void;
  /**
   * Whether somebody of this node sends, or hears, messages of `label` in the room of `map`. Said for the first and after
   * the last only.
   */
  publishLabel(map: string, label: string): void;
  unpublishLabel(map: string, label: string): void;
  subscribeLabel(map: string, label: string): void;
  unsubscribeLabel(map: string, label: string): void;
  /** A message to every node that subscribed to its label. */
  send(map: string, message: RoomMessage, nowMs: number): void;
}

export interface RoomMessage {
  readonly label: string;
  readonly peer: string;
  /** Session of the sender, which does not hear itself. */
  readonly session: string;
  readonly data: string;
}

/** What the fabric tells the engine. */
export interface FabricListener {
  channelMedia(channel: Channel, packet: MediaPacket, nowMs: number): void;
  channelFeedback(channel: Channel, feedback: ChannelFeedback, nowMs: number): void;
  mapSet(map: string, key: string, value: PresenceValue, nowMs: number): void;
  mapDeleted(map: string, key: string, nowMs: number): void;
  message(map: string, message: RoomMessage, nowMs: number): void;
}
