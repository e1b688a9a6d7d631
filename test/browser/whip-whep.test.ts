import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, launchChromium, openPage } from '../harness/chromium.ts';
import { waitFor } from '../harness/wait.ts';
import { heardHz, publishWhip, viewerStats, watchWhep } from '../harness/web-clients.ts';
import { Yard } from '../harness/yard.ts';

describe.skipIf(chromiumPath() === undefined)('WHIP to WHEP in Chromium', () => {
  let yard: Yard;
  let browser: Browser;

  beforeAll(async () => {
    yard = await Yard.start(['webrtc']);
    browser = await launchChromium();
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
    await waitFor(
      'the top layer',
      async () => (await viewerStats(viewer.page)).height === 720,
      25_000,
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
});
