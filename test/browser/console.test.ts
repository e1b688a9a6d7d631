import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, launchChromium } from '../harness/chromium.ts';
import { FfmpegPublisher, hasFfmpeg } from '../harness/ffmpeg.ts';
import { freePorts } from '../harness/free-ports.ts';
import { Baresip, hasBaresip } from '../harness/phone.ts';
import { waitFor } from '../harness/wait.ts';
import { Yard } from '../harness/yard.ts';

/** Where pictures of the page go; none when unset. */
const PICTURES = process.env['CONSOLE_PICTURES'];
const DEADLINE_MS = 20_000;
const SIZE = { width: 1280, height: 800 };

const installed = chromiumPath() !== undefined && hasFfmpeg() && hasBaresip();

/** One story: the tests build on each other. */
describe.skipIf(!installed)('the console page', () => {
  let yard: Yard;
  let browser: Browser;
  let stream: FfmpegPublisher;
  let phone: Baresip;
  let ann: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    yard = await Yard.start(['webrtc', 'rtmp', 'sip']);
    browser = await launchChromium();
  });

  afterAll(async () => {
    await browser?.close();
    stream?.stop();
    phone?.stop();
    await yard?.stop();
  });

  const openConsole = async (query: string): Promise<Page> => {
    const context = await browser.newContext({ permissions: ['camera', 'microphone'], viewport: SIZE });
    const page = await context.newPage();
    page.setDefaultTimeout(DEADLINE_MS);
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(`${yard.http}/${query}`);
    return page;
  };
  const byId = (page: Page, id: string, more = ''): Locator => page.locator(`[data-testid="${id}"]${more}`);
  const picture = async (page: Page, name: string): Promise<void> => {
    if (PICTURES === undefined) return;
    mkdirSync(PICTURES, { recursive: true });
    await page.screenshot({ path: join(PICTURES, `${name}.png`) });
  };
  const eventually = (what: string, condition: () => Promise<boolean>): Promise<boolean> =>
    waitFor(what, condition, DEADLINE_MS, () => [...complaints, yard.log('webrtc')].join('\n'));
  /** Names of the tiles that show a moving picture. */
  const shown = async (page: Page): Promise<string[]> =>
    page.evaluate(async () => {
      const tiles = [...document.querySelectorAll<HTMLElement>('[data-testid="tile"]')];
      const videos = tiles.map((tile) => tile.querySelector('video'));
      const before = videos.map((video) => video?.currentTime ?? 0);
      await new Promise((resolve) => setTimeout(resolve, 400));
      return tiles.flatMap((tile, index) => {
        const video = videos[index];
        const plays = video != null && video.videoWidth > 16 && video.currentTime > (before[index] ?? 0);
        return plays ? [tile.querySelector('[data-testid="tile-name"]')?.textContent ?? ''] : [];
      });
    });
  const joined = async (page: Page): Promise<void> => {
    await byId(page, 'app', '[data-state="joined"]').waitFor();
  };

  it('opens with a lobby that says how to come in, and refuses an impossible name', async () => {
    ann = await openConsole('');
    await byId(ann, 'live-empty').waitFor();
    const ways = (await byId(ann, 'ways-in').textContent()) ?? '';
    expect(ways).toContain(yard.rtmp);
    expect(ways).toContain(`sip:demo@127.0.0.1:${yard.sipPort}`);
    expect(ways).toContain('/whip/demo');
    await byId(ann, 'join-name').fill('');
    await byId(ann, 'join-button').click();
    await ann.locator('#join-name-rule').waitFor();
    expect(await byId(ann, 'app').getAttribute('data-state')).toBe('idle');
    await picture(ann, 'lobby');
  });

  it('joins with camera and microphone, and is alone', async () => {
    await byId(ann, 'camera-button').click();
    await byId(ann, 'mic-button').click();
    await byId(ann, 'preview-video').waitFor();
    await byId(ann, 'join-name').fill('ann');
    await byId(ann, 'join-button').click();
    await joined(ann);
    await byId(ann, 'self-tile').waitFor();
    await byId(ann, 'alone').waitFor();
    await eventually('ann publishes', async () => {
      const room = (await yard.get('/v1/rooms/demo')) as { peers?: { tracks: unknown[] }[] } | undefined;
      return room?.peers?.[0]?.tracks.length === 2;
    });
    await picture(ann, 'alone');
  });

  it('shows a browser, a stream and a phone that come in', async () => {
    const bob = await openConsole('?room=demo&name=bob&publish=pattern&autojoin=1');
    stream = new FfmpegPublisher(`${yard.rtmp}/demo/studio`, { bFrames: 0, toneHz: 440, size: '640x360' });
    phone = new Baresip({
      server: yard.sipPort,
      room: 'demo',
      port: await freePorts(2),
      toneHz: 500,
    });
    await joined(bob);
    for (const [page, others] of [
      [ann, ['bob', 'studio']],
      [bob, ['ann', 'studio']],
    ] as const)
      await eventually(`the pictures of ${others} move`, async () => {
        const names = await shown(page);
        return others.every((other) => names.some((name) => name.includes(other)));
      });
    await byId(ann, 'tab-people').or(byId(ann, 'people-count')).first().waitFor();
    if (!(await byId(ann, 'panel').isVisible())) await byId(ann, 'panel-button').click();
    await byId(ann, 'tab-people').click();
    for (const [peer, badge] of [
      ['bob', 'Browser'],
      ['studio', 'RTMP'],
      ['alice', 'Phone'],
    ]) {
      const person = byId(ann, 'person', `[data-peer^="${peer}"]`);
      await person.waitFor();
      await eventually(
        `${peer} is a ${badge}`,
        async () => (await person.textContent())?.includes(badge ?? '') === true,
      );
    }
    await picture(ann, 'room-people');
  });

  it('lists rooms, peers and tracks live', async () => {
    await byId(ann, 'tab-live').click();
    const room = byId(ann, 'live-room', '[data-room="demo"]');
    await room.waitFor();
    for (const [peer, client, codec] of [
      ['ann', 'sdk', 'opus'],
      ['bob', 'sdk', 'opus'],
      ['studio', 'rtmp', 'h264'],
      ['alice', 'sip', 'opus'],
    ])
      await room
        .locator(
          `[data-peer^="${peer}"][data-client="${client}"] [data-testid="live-track"][data-codec="${codec}"]`,
        )
        .first()
        .waitFor();
    await eventually('bitrates are there', async () => /\d (k|M)bps/.test((await room.textContent()) ?? ''));
    expect(await room.textContent()).toContain('4 peers');
    // One node: there is nothing to say of nodes.
    expect(await byId(ann, 'cluster').count()).toBe(0);
    await picture(ann, 'room-live');
    phone.stop();
    stream.stop();
    await eventually(
      'the stream goes from the list',
      async () => (await room.textContent())?.includes('studio') === false,
    );
  });

  it('comes back by itself when the gateway does', async () => {
    await yard.kill('webrtc');
    await byId(ann, 'reconnecting').waitFor();
    await picture(ann, 'reconnecting');
    await yard.run('webrtc');
    await joined(ann);
    await eventually('the picture of bob moves', async () =>
      (await shown(ann)).some((name) => name.includes('bob')),
    );
  });

  it('leaves for the lobby, which lists who is there', async () => {
    complaints.length = 0;
    await byId(ann, 'leave-button').click();
    await byId(ann, 'lobby').waitFor();
    await byId(ann, 'live-peer', '[data-peer="bob"]').waitFor();
    await eventually(
      'ann is gone',
      async () => (await byId(ann, 'live-peer', '[data-peer="ann"]').count()) === 0,
    );
    await picture(ann, 'lobby-live');
    expect(complaints).toEqual([]);
    expect(yard.errors()).toEqual([]);
  });
});
