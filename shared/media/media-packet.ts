/** Codecs that may travel in a room. The number is the wire value on the link. */
export const CODECS = ['opus', 'vp8', 'vp9', 'h264', 'av1'] as const;
export type Codec = (typeof CODECS)[number];
export type MediaKind = 'audio' | 'video';

/** Index of `codec` in {@link CODECS}: its one-byte value on the link. */
export const codecNumber = (codec: Codec): number => CODECS.indexOf(codec);

export const kindOf = (codec: Codec): MediaKind => (codec === 'opus' ? 'audio' : 'video');

/** RTP clock rate in Hertz. */
export const clockRateOf = (codec: Codec): number => (codec === 'opus' ? 48_000 : 90_000);

/** `audioLevel` of a packet that carries none. */
export const NO_AUDIO_LEVEL: number = -128;

/**
 * The one packet type of the system: an RTP packet whose codec facts were read once, at the edge.
 *
 * The object and its buffers belong to whoever made it and are valid only during the call that passes it:
 * who keeps a packet copies it. Numeric absence is a negative value, not `undefined`, so that one reused
 * object keeps one shape (hot path).
 */
export interface MediaPacket {
  codec: Codec;
  /** RTP sequence number of the encoding it belongs to, 16 bits. Each simulcast encoding counts on its own. */
  seq: number;
  /** RTP timestamp, 32 bits, in {@link clockRateOf} units. Each simulcast encoding has its own offset. */
  timestamp: number;
  /** RTP marker: last packet of a video frame; first packet of a talk spurt for audio. */
  marker: boolean;
  /**
   * Capture time in milliseconds, on one clock for all tracks and encodings of a peer, close to the
   * server's wall clock (Unix epoch). From sender reports (WebRTC), pts (RTMP) or arrival (before the first report).
   * Sender reports to viewers and timestamp offsets between encodings come from it.
   */
  captureMs: number;
  /** Simulcast encoding or SVC spatial layer, 0 is lowest. */
  spatial: number;
  /** Temporal layer, 0 is lowest. */
  temporal: number;
  /** The packet belongs to a frame that can be decoded without an earlier frame (of its encoding). */
  keyframe: boolean;
  /** First packet of a frame (VP8 S bit with PID 0, VP9 B, H.264 first NAL of an access unit, AV1 DD start of frame). */
  frameStart: boolean;
  /** Last packet of a frame of its spatial layer (VP9 E, AV1 DD end of frame, otherwise the marker). */
  frameEnd: boolean;
  /** From here the receiver may go up to this temporal layer (VP8 Y, VP9 U). */
  switchingPoint: boolean;
  /** VP9: frame is predicted from the lower spatial layer of the same picture (D). */
  interLayer: boolean;
  /** VP9: frame is not used by higher spatial layers of the same picture (Z, RFC 9628 §4.2). */
  notReference: boolean;
  /** Spatial layers share one RTP stream (SVC); false for simulcast and single streams. */
  svc: boolean;
  /** VP8/VP9 PictureID, −1 when absent. */
  pictureId: number;
  /** 7 or 15; 0 when absent. */
  pictureIdBits: number;
  /** Offset of the PictureID's first byte in `payload`, when there is one. */
  pictureIdOffset: number;
  /** VP8/VP9 TL0PICIDX, −1 when absent. */
  tl0PicIdx: number;
  /** Offset of TL0PICIDX in `payload`, when there is one. */
  tl0PicIdxOffset: number;
  /** Audio level in dBov, 0 (loudest) … −127; {@link NO_AUDIO_LEVEL} when unknown (RFC 6464). */
  audioLevel: number;
  /** Dependency descriptor extension (AV1 RTP payload, appendix A); empty when absent. At most 255 bytes. */
  dependencyDescriptor: Uint8Array;
  /** Bit of `dependencyDescriptor` where its mask of active decode targets begins. */
  maskBit: number;
  /** Bits of that mask, at most 16; 0 when it has none. */
  maskBits: number;
  /** RTP payload, without padding. At most 1,300 bytes for video. */
  payload: Uint8Array;
}

const EMPTY = new Uint8Array(0);

/** A packet with every field at its neutral value: what parsers fill in and decoders reuse. */
export function emptyMediaPacket(codec: Codec): MediaPacket {
  return {
    codec,
    seq: 0,
    timestamp: 0,
    marker: false,
    captureMs: 0,
    spatial: 0,
    temporal: 0,
    keyframe: false,
    frameStart: false,
    frameEnd: false,
    switchingPoint: false,
    interLayer: false,
    notReference: false,
    svc: false,
    pictureId: -1,
    pictureIdBits: 0,
    pictureIdOffset: 0,
    tl0PicIdx: -1,
    tl0PicIdxOffset: 0,
    audioLevel: NO_AUDIO_LEVEL,
    dependencyDescriptor: EMPTY,
    maskBit: 0,
    maskBits: 0,
    payload: EMPTY,
  };
}

/**
 * Sets what a codec's payload may say to neutral, before a payload is read into a reused packet. What does not come
 * from the payload (codec, numbers, marker, captureMs, spatial of a simulcast encoding, extensions) stays.
 */
export function resetCodecFacts(packet: MediaPacket): void {
  packet.temporal = 0;
  packet.keyframe = false;
  packet.frameStart = false;
  packet.frameEnd = false;
  packet.switchingPoint = false;
  packet.interLayer = false;
  packet.notReference = false;
  packet.svc = false;
  packet.pictureId = -1;
  packet.pictureIdBits = 0;
  packet.pictureIdOffset = 0;
  packet.tl0PicIdx = -1;
  packet.tl0PicIdxOffset = 0;
}
