/**
 * What the SDK and the WebRTC gateway say to each other. The one file of the SDK that looks outside of it, and for
 * types only: nothing of the server reaches the bundle.
 */
export type { Codec, MediaKind } from '@switchyard/shared/media';
export type {
  BitrateMode,
  ErrorCode,
  IceServer,
  LayerInfo,
  LayerReason,
  LocalTrackConfig,
  LocalTrackStatus,
  ProtocolError,
  PublishScope,
  RemoteTrackInfo,
  SessionMessage,
  SessionReceiver,
  SessionRequestBody,
  SessionSender,
  SubscribeScope,
  TrackSource,
} from '@switchyard/shared/protocol';
