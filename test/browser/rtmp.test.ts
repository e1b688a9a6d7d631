import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { beepDelays, watchFlashesAndBeeps } from '../harness/av-sync.ts';
import { chromiumPath, launchChromium, openPage } from '../harness/chromium.ts';
import { FfmpegPublisher, hasFfmpeg } from '../harness/ffmpeg.ts';
import { waitFor } from '../harness/wait.ts';
import { waitForEnd } from '../harness/wait-for-end.ts';
import { firstFrameMs, heardHz, viewerStats, watchWhep } from '../harness/web-clients.ts';
import { Yard } from '../harness/yard.ts';

/** Sound may be this far from its picture, milliseconds: what people notice, and what measuring in a page on a busy machine adds. */
const LIP_SYNC_MS = 300;

/** Decodes at least 80 % of 150 frames, and hears the tone. */
async function expectPlays(page: Page, toneHz: number, explain: () => string): Promise<void> {
  await waitFor(
    'the first frames',
    async () => (await viewerStats(page)).framesDecoded > 10,
    20_000,
    explain,
  );
  const before = await viewerStats(page);
  const startMs = performance.now();
  await waitFor(
    '150 more frames',
    async () => (await viewerStats(page)).framesReceived > before.framesReceived + 150,
    15_000,
    explain,
  );
  const after = await viewerStats(page);
  const received = after.framesReceived - before.framesReceived;
  expect((after.framesDecoded - before.framesDecoded) / received).toBeGreaterThan(0.8);
  expect(received / ((performance.now() - startMs) / 1000)).toBeGreaterThan(20);
  expect(after.codec).toBe('video/H264');
  const tone = await waitFor('the tone', async () => (await heardHz(page)) || undefined, 10_000, explain);
  expect(Math.abs(tone - toneHz)).toBeLessThan(15);
}

describe.skipIf(chromiumPath() === undefined || !hasFfmpeg())('RTMP to Chromium', () => {
  let yard: Yard;
  let browser: Browser;

  beforeAll(async () => {
    yard = await Yard.start(['webrtc', 'rtmp']);
    browser = await launchChromium();
  });

  afterAll(async () => {
    await browser?.close();
    await yard?.stop();
  });

  it.each([
    ['without B-frames passes through', 'plain', 0, 440],
    ['with B-frames is transcoded', 'reordered', 2, 660],
  ])('a stream %s: a browser sees and hears it', async (_, room, bFrames, toneHz) => {
    const publisher = new FfmpegPublisher(`${yard.rtmp}/${room}`, { bFrames, toneHz });
    try {
      const explain = (): string => `${yard.log('rtmp')}\n${yard.log('webrtc')}\n${publisher.output}`;
      const viewer = await openPage(browser, yard.http);
      await watchWhep(viewer.page, `${yard.http}/whep/${room}`);
      await expectPlays(viewer.page, toneHz, explain);
      expect(yard.log('rtmp').includes('transcoding video')).toBe(bFrames > 0);
      await viewer.page.context().close();
    } finally {
      publisher.stop();
    }
  });

  it.each([
    ['passed through', 'sync', 0],
    ['transcoded', 'sync-b', 2],
  ])('lips are in sync when the picture is %s', async (_, room, bFrames) => {
    const options = { bFrames, toneHz: 1000, size: '640x360', metronome: true };
    const publisher = new FfmpegPublisher(`${yard.rtmp}/${room}`, options);
    const viewer = await openPage(browser, yard.http);
    try {
      await watchWhep(viewer.page, `${yard.http}/whep/${room}`);
      await waitFor('pictures', async () => (await viewerStats(viewer.page)).framesDecoded > 30, 20_000);
      await watchFlashesAndBeeps(viewer.page);
      const delays = await waitFor(
        'six flashes with their beeps',
        async () => {
          const all = await beepDelays(viewer.page);
          return all.length >= 6 ? all.slice(2).sort((a, b) => a - b) : undefined;
        },
        20_000,
      );
      const median = delays[Math.floor(delays.length / 2)] ?? Number.NaN;
      console.info(`sound behind the picture, ${room}: ${Math.round(median)} ms`);
      expect(Math.abs(median)).toBeLessThan(LIP_SYNC_MS);
    } finally {
      publisher.stop();
      await viewer.page.context().close();
    }
  });

  it('shows who joins in the middle of a long group of pictures at once', async () => {
    const publisher = new FfmpegPublisher(`${yard.rtmp}/long`, { bFrames: 0, toneHz: 440, keyframeS: 20 });
    try {
      const first = await openPage(browser, yard.http);
      await watchWhep(first.page, `${yard.http}/whep/long`);
      await waitFor(
        'the first viewer plays',
        async () => (await viewerStats(first.page)).framesDecoded > 90,
        20_000,
      );
      const late = await openPage(browser, yard.http);
      await watchWhep(late.page, `${yard.http}/whep/long`);
      const firstMs = await waitFor('the late viewer sees a picture', () => firstFrameMs(late.page), 10_000);
      console.info(`first picture of a late viewer: ${Math.round(firstMs)} ms`);
      expect(firstMs).toBeLessThan(2000);
      const before = await viewerStats(late.page);
      await waitFor(
        'it goes on',
        async () => (await viewerStats(late.page)).framesDecoded > before.framesDecoded + 60,
        8000,
      );
      await first.page.context().close();
      await late.page.context().close();
    } finally {
      publisher.stop();
    }
  });

  it('refuses with a sentence that ffmpeg shows', async () => {
    const first = new FfmpegPublisher(`${yard.rtmp}/taken`, { bFrames: 0, toneHz: 440 });
    await waitFor('the first publishes', async () => {
      const room = (await yard.get('/v1/rooms/taken')) as { peers?: { tracks: unknown[] }[] } | undefined;
      return room?.peers?.[0]?.tracks.length === 2;
    });
    for (const [url, sentence] of [
      [`${yard.rtmp}/taken`, 'Somebody with this name is already in the room'],
      [`${yard.rtmp}/bad%20name`, 'The stream key must be ROOM or ROOM/PEER'],
      [`${yard.rtmp}x/room`, 'The server address must end in /live'],
    ] as const) {
      const second = new FfmpegPublisher(url, { bFrames: 0, toneHz: 440 });
      await waitForEnd('ffmpeg', second);
      expect(second.output).toContain(sentence);
    }
    first.stop();
  });
});
