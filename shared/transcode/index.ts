export * from './aac-to-opus.ts';
export * from './audio-level.ts';
export * from './opus-codec.ts';
export * from './resampler.ts';
export * from './video-transcoder.ts';
