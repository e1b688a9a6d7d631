import { afterAll, beforeAll, describe } from 'vitest';
import { gatewayContract } from '../contract/gateway.ts';
import { YardUnderTest } from '../contract/yard-under-test.ts';
import { FfmpegPublisher, hasFfmpeg } from '../harness/ffmpeg.ts';

describe.skipIf(!hasFfmpeg())('the RTMP gateway keeps the contract', () => {
  const under = new YardUnderTest('rtmp');
  beforeAll(() => under.start());
  afterAll(() => under.stop());

  gatewayContract(() => ({
    probe: (room, peer) => under.probe(room, peer),
    restartCore: () => under.restartCore(),
    publish: async (room) => {
      const ffmpeg = new FfmpegPublisher(`${under.yard.rtmp}/${room}/obs`, {
        bFrames: 0,
        toneHz: 440,
        size: '320x180',
      });
      return { peer: 'obs', track: 'video_main', kind: 'video', leave: async () => ffmpeg.stop() };
    },
  }));
});
