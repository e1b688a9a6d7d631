export {
  CODECS,
  type Codec,
  clockRateOf,
  codecNumber,
  emptyMediaPacket,
  kindOf,
  type MediaKind,
  type MediaPacket,
  NO_AUDIO_LEVEL,
} from './media-packet.ts';
