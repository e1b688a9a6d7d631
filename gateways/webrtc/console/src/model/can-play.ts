import type { Codec } from '@switchyard/sdk';

const NAMES: Readonly<Record<Codec, string>> = {
  opus: 'Opus',
  vp8: 'VP8',
  vp9: 'VP9',
  h264: 'H.264',
  av1: 'AV1',
};

/** The codec as people write it. */
export const codecName = (codec: Codec): string => NAMES[codec];

/** Whether this browser takes the codec by WebRTC: Firefox has H.264 only once it has fetched a plugin for it. */
export const canPlay = (codec: Codec): boolean => {
  const known = RTCRtpReceiver.getCapabilities?.(codec === 'opus' ? 'audio' : 'video')?.codecs;
  return known === undefined || known.some(({ mimeType }) => mimeType.toLowerCase().endsWith(`/${codec}`));
};
