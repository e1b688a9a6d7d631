import { readU24 } from '@switchyard/shared/media';

/** One video message of FLV (Video File Format §E.4.3, and the enhanced RTMP form for avc1). */
export type FlvVideo =
  | { readonly kind: 'config'; readonly data: Buffer }
  | {
      readonly kind: 'picture';
      readonly keyframe: boolean;
      /** pts − dts, milliseconds. */
      readonly compositionMs: number;
      readonly data: Buffer;
    }
  | { readonly kind: 'other' }
  /** A codec that is not H.264: its name for people. */
  | { readonly kind: 'unsupported'; readonly codec: string };

export type FlvAudio =
  | { readonly kind: 'config'; readonly data: Buffer }
  | { readonly kind: 'frame'; readonly data: Buffer }
  | { readonly kind: 'other' }
  | { readonly kind: 'unsupported'; readonly codec: string };

const OTHER = { kind: 'other' } as const;
const KEYFRAME = 1;
const VIDEO_CODECS: ReadonlyMap<number, string> = new Map([
  [2, 'Sorenson H.263'],
  [4, 'VP6'],
  [7, 'H.264'],
  [12, 'H.265'],
]);
const AVC = 7;
const AAC = 10;
const AUDIO_CODECS: ReadonlyMap<number, string> = new Map([
  [2, 'MP3'],
  [7, 'G.711 A-law'],
  [8, 'G.711 µ-law'],
  [11, 'Speex'],
  [14, 'MP3'],
]);
const FOUR_CC: ReadonlyMap<string, string> = new Map([
  ['hvc1', 'H.265'],
  ['av01', 'AV1'],
  ['vp09', 'VP9'],
  ['vp08', 'VP8'],
]);
const EX_PACKET = { sequenceStart: 0, codedFrames: 1, sequenceEnd: 2, codedFramesX: 3 } as const;

/** A signed 24-bit number: composition times of B-frames may be negative. */
const signed24 = (bytes: Buffer, at: number): number => (readU24(bytes, at) << 8) >> 8;

export function readFlvVideo(tag: Buffer): FlvVideo {
  const first = tag[0];
  if (first === undefined) return OTHER;
  if ((first & 0x80) !== 0) return readEnhancedVideo(tag, first);
  const codec = first & 15;
  if (codec !== AVC) return { kind: 'unsupported', codec: VIDEO_CODECS.get(codec) ?? `number ${codec}` };
  if (tag.length < 5) return OTHER;
  if (tag[1] === 0) return { kind: 'config', data: tag.subarray(5) };
  if (tag[1] !== 1) return OTHER;
  return {
    kind: 'picture',
    keyframe: first >> 4 === KEYFRAME,
    compositionMs: signed24(tag, 2),
    data: tag.subarray(5),
  };
}

function readEnhancedVideo(tag: Buffer, first: number): FlvVideo {
  if (tag.length < 5) return OTHER;
  const fourCc = tag.toString('latin1', 1, 5);
  if (fourCc !== 'avc1')
    return { kind: 'unsupported', codec: FOUR_CC.get(fourCc) ?? fourCc.replace(/[^ -~]/g, '?') };
  const keyframe = ((first >> 4) & 7) === KEYFRAME;
  switch (first & 15) {
    case EX_PACKET.sequenceStart:
      return { kind: 'config', data: tag.subarray(5) };
    case EX_PACKET.codedFrames:
      if (tag.length < 8) return OTHER;
      return { kind: 'picture', keyframe, compositionMs: signed24(tag, 5), data: tag.subarray(8) };
    case EX_PACKET.codedFramesX:
      return { kind: 'picture', keyframe, compositionMs: 0, data: tag.subarray(5) };
    default:
      return OTHER;
  }
}

/** One audio message of FLV (§E.4.2). */
export function readFlvAudio(tag: Buffer): FlvAudio {
  const first = tag[0];
  if (first === undefined || tag.length < 2) return OTHER;
  const codec = first >> 4;
  if (codec !== AAC) return { kind: 'unsupported', codec: AUDIO_CODECS.get(codec) ?? `number ${codec}` };
  const data = tag.subarray(2);
  if (data.length === 0) return OTHER;
  return tag[1] === 0 ? { kind: 'config', data } : { kind: 'frame', data };
}
