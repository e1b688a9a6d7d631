export { Emitter, type EventMap, type Listener } from './emitter.ts';
export type {
  MediaLink,
  MediaLinkOptions,
  MediaSender,
  MediaSenderPlan,
  MediaSlot,
  MediaState,
  OpenMediaLink,
  PoolShape,
} from './media-link.ts';
export { Mixer } from './mixer.ts';
export { MixerSlot, type MixerSlotEvents } from './mixer-slot.ts';
export { GROWTH_STEP, RECEIVERS_MAX } from './pool-growth.ts';
export type {
  BitrateMode,
  Codec,
  ErrorCode,
  LayerInfo,
  LayerReason,
  LocalTrackConfig,
  LocalTrackStatus,
  MediaKind,
  PublishScope,
  RemoteTrackInfo,
  SubscribeScope,
  TrackSource,
} from './protocol.ts';
export { FULL_QUALITY, type Layer, Receiver, type ReceiverEvents, type ReceiverLayers } from './receiver.ts';
export type { RoomPeer, RoomTrack } from './room-view.ts';
export { type PublishOptions, Sender, type SenderChange } from './sender.ts';
export { Session } from './session.ts';
export type {
  ChannelMessage,
  ReconnectAttempt,
  SessionEvents,
  SessionState,
  VoiceActivity,
} from './session-events.ts';
export type { JoinOptions, SessionOptions } from './session-options.ts';
export type { OpenSocket, SignalingSocket, SocketListener } from './signaling-socket.ts';
export { type LocalErrorCode, type SdkErrorCode, SwitchyardError } from './switchyard-error.ts';
