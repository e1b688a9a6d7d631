import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, launchChromium, openPage } from '../harness/chromium.ts';
import { waitFor } from '../harness/wait.ts';
import {
  heardHz,
  publishWhip,
  selectLayer,
  viewerStats,
  watchWhep,
  whepEvents,
} from '../harness/web-clients.ts';
import { Yard } from '../harness/yard.ts';

describe.skipIf(chromiumPath() === undefined)('WHIP to WHEP in Chromium', () => {
  let yard: Yard;
  let browser: Browser;

  beforeAll(async () => {
    yard = await Yard.start(['webrtc']);
    browser = await launchChromium();
  });

  // Who encodes on in the background takes the top layer from the next test.
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
  });

  afterAll(async () => {
    await browser?.close();
    await yard?.stop();
  });

  it('a viewer sees the top layer of a simulcast and hears the tone', async () => {
    const publisher = await openPage(browser, yard.http);
    await publishWhip(publisher.page, `${yard.http}/whip/demo?peer=camera`, { simulcast: true, toneHz: 440 });
    const viewer = await openPage(browser, yard.http);
    await watchWhep(viewer.page, `${yard.http}/whep/demo`);
    const explain = (): string => `${yard.log('webrtc')}\n${yard.log('core')}\n${viewer.lines.join('\n')}`;
    await waitFor(
      'the first frames',
      async () => (await viewerStats(viewer.page)).framesDecoded > 30,
      20_000,
      explain,
    );
    // On a busy machine the publishing browser takes its time until it encodes it.
    await waitFor(
      'the top layer',
      async () => (await viewerStats(viewer.page)).height === 720,
      45_000,
      explain,
    );
    const before = await viewerStats(viewer.page);
    const startMs = performance.now();
    await waitFor(
      '150 more frames',
      async () => (await viewerStats(viewer.page)).framesReceived > before.framesReceived + 150,
      20_000,
    );
    const after = await viewerStats(viewer.page);
    const received = after.framesReceived - before.framesReceived;
    expect((after.framesDecoded - before.framesDecoded) / received).toBeGreaterThan(0.8);
    expect(received / ((performance.now() - startMs) / 1000)).toBeGreaterThan(15);
    const tone = await waitFor(
      'the tone',
      async () => (await heardHz(viewer.page)) || undefined,
      10_000,
      explain,
    );
    expect(Math.abs(tone - 440)).toBeLessThan(15);
  });

  it('a viewer chooses the low layer, sees its height, and returns to automatic', async () => {
    const publisher = await openPage(browser, yard.http);
    await publishWhip(publisher.page, `${yard.http}/whip/layers?peer=camera`, {
      simulcast: true,
      toneHz: 440,
    });
    // Another origin than the server's: what a page needs of CORS is there.
    const viewer = await openPage(browser, yard.http.replace('127.0.0.1', 'localhost'));
    await watchWhep(viewer.page, `${yard.http}/whep/layers`);
    const shows = async (height: number): Promise<void> => {
      await waitFor(
        `a picture of ${height} lines`,
        async () => (await viewerStats(viewer.page)).height === height,
        40_000,
        () => `${yard.log('webrtc')}\n${viewer.lines.join('\n')}`,
      );
      const { framesDecoded } = await viewerStats(viewer.page);
      await waitFor(
        'it moves',
        async () => (await viewerStats(viewer.page)).framesDecoded > framesDecoded + 30,
      );
    };
    await shows(720);
    expect((await whepEvents(viewer.page))[0]).toBe('active {}');
    const layers = await waitFor('every layer is measured', async () => {
      const told = (await whepEvents(viewer.page)).filter((event) => event.startsWith('layers')).at(-1);
      const list: { encodingId: string; bitrate?: number }[] = JSON.parse(told?.replace('layers ', '') ?? '')[
        '0'
      ].layers;
      return list.every(({ bitrate = 0 }) => bitrate > 0) && list;
    });
    expect([...new Set(layers.map(({ encodingId }) => encodingId))]).toEqual(['l', 'm', 'h']);
    const low = layers.filter(({ encodingId }) => encodingId === 'l').at(-1);
    // As it was told, with everything that is in it.
    expect(await selectLayer(viewer.page, { mediaId: '0', ...low })).toBe(200);
    await shows(180);
    expect(await selectLayer(viewer.page, { maxSpatialLayerId: 1 })).toBe(200);
    await shows(360);
    expect(await selectLayer(viewer.page, { encodingId: 'nothing' })).toBe(404);
    expect(await selectLayer(viewer.page, {})).toBe(200);
    await shows(720);
    const small = await openPage(browser, yard.http);
    await watchWhep(small.page, `${yard.http}/whep/layers?maxSpatial=0`);
    await waitFor(
      'the low one by the address',
      async () => (await viewerStats(small.page)).height === 180,
      25_000,
    );
    await publisher.page.close();
    await waitFor('it is told of the end', async () =>
      (await whepEvents(viewer.page)).includes('inactive {}'),
    );
    expect(yard.errors()).toEqual([]);
  });
});
