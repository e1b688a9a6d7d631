import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe } from 'vitest';
import { gatewayContract } from '../contract/gateway.ts';
import { YardUnderTest } from '../contract/yard-under-test.ts';
import { chromiumPath, launchChromium, openPage } from '../harness/chromium.ts';
import { publishWhip, viewerStats, watchWhep } from '../harness/web-clients.ts';

describe.skipIf(chromiumPath() === undefined)('the WebRTC gateway keeps the contract', () => {
  const under = new YardUnderTest('webrtc');
  let browser: Browser;
  beforeAll(async () => {
    await under.start();
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await under.stop();
  });

  const open = async (): Promise<Page> => (await openPage(browser, under.yard.http)).page;

  gatewayContract(() => ({
    probe: (room, peer) => under.probe(room, peer),
    restartCore: () => under.restartCore(),
    publish: async (room) => {
      const page = await open();
      await publishWhip(page, `${under.yard.http}/whip/${room}?peer=camera`, {
        simulcast: true,
        toneHz: 440,
      });
      return { peer: 'camera', track: 'video_main', kind: 'video', leave: () => page.context().close() };
    },
    view: async (room) => {
      const page = await open();
      await watchWhep(page, `${under.yard.http}/whep/${room}`);
      return {
        received: async () => (await viewerStats(page)).audioPackets,
        leave: () => page.context().close(),
      };
    },
  }));
});
