import { OpusEncoder } from '@switchyard/shared/transcode';
import { expect, it } from 'vitest';
import { Speakers } from './speakers.ts';

const packet = (): Uint8Array =>
  new OpusEncoder({ channels: 1, bitrateBps: 32_000, application: 'voip' }).encode(
    new Int16Array(960).fill(1000),
  );

it('a speaker is kept as long as somebody listens', () => {
  const speakers = new Speakers();
  expect(speakers.decode('demo/ann/audio_main', packet())).toBeUndefined();
  speakers.take('demo/ann/audio_main');
  speakers.take('demo/ann/audio_main');
  speakers.release('demo/ann/audio_main');
  expect(speakers.decode('demo/ann/audio_main', packet())).toHaveLength(960);
  speakers.release('demo/ann/audio_main');
  speakers.release('demo/ann/audio_main');
  expect(speakers.size).toBe(0);
});

it('a packet that is no Opus says nothing and breaks nothing', () => {
  const speakers = new Speakers();
  speakers.take('a');
  expect(speakers.decode('a', new Uint8Array([0xff, 0xff, 0xff]))).toBeUndefined();
  expect(speakers.decode('a', packet())).toHaveLength(960);
});
