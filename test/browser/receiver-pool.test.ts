import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, launchChromium, openPage } from '../harness/chromium.ts';
import { noteFrames, takeShown } from '../harness/codec-clients.ts';
import {
  openSdkSession,
  publishPicture,
  receiverCount,
  receiverStats,
  sessionEvents,
  watchAnother,
} from '../harness/sdk-clients.ts';
import { waitFor } from '../harness/wait.ts';
import { Yard } from '../harness/yard.ts';

/** A viewer's receivers when it began with one and has watched a second: one step more. */
const GROWN = 5;
/** Longest time that a picture may stand still while the pool grows, milliseconds. */
const STILL_MAX_MS = 1000;
const PICTURES = [
  { name: 'first', width: 320, height: 180 },
  { name: 'second', width: 288, height: 162 },
  { name: 'third', width: 256, height: 144 },
] as const;

describe.skipIf(chromiumPath() === undefined)('a pool of receivers that is used up, in Chromium', () => {
  let yard: Yard;
  let browser: Browser;
  let bob: Page;

  const moves = async (index: number): Promise<void> => {
    const { framesDecoded } = await receiverStats(bob, index);
    await waitFor(
      `picture ${index} moves`,
      async () => (await receiverStats(bob, index)).framesDecoded > framesDecoded + 20,
      20_000,
      () => yard.log('webrtc'),
    );
  };

  beforeAll(async () => {
    yard = await Yard.start(['webrtc']);
    browser = await launchChromium();
    const ann = (await openPage(browser, `${yard.http}/sdk/index.js`)).page;
    bob = (await openPage(browser, `${yard.http}/sdk/index.js`)).page;
    await openSdkSession(ann, { room: 'pool', peer: 'ann' });
    for (const { name, width, height } of PICTURES) await publishPicture(ann, name, width, height);
    await openSdkSession(bob, { room: 'pool', peer: 'bob', videoReceivers: 1 });
    await waitFor('bob is told of all', async () => {
      const events = await sessionEvents(bob);
      return PICTURES.every(({ name }) => events.includes(`track-started ${name}`));
    });
  });

  afterAll(async () => {
    await browser?.close();
    await yard?.stop();
  });

  it('grows without a freeze of what plays, whose stream stays the same', async () => {
    expect(await watchAnother(bob, 'ann', 'first')).toBe(0);
    await moves(0);
    const { ssrc } = await receiverStats(bob, 0);
    await noteFrames(bob, '#receiver-0');
    expect(await watchAnother(bob, 'ann', 'second')).toBe(1);
    expect(await watchAnother(bob, 'ann', 'third')).toBe(2);
    expect(await receiverCount(bob)).toBe(GROWN);
    for (const index of [0, 1, 2]) await moves(index);
    const shown = await takeShown(bob, '#receiver-0');
    expect(shown.longestGapMs).toBeLessThan(STILL_MAX_MS);
    expect((await receiverStats(bob, 0)).ssrc).toBe(ssrc);
    for (const [index, { height }] of PICTURES.entries())
      await waitFor(
        `picture ${index} is its own`,
        async () => (await receiverStats(bob, index)).height === height,
        20_000,
      );
    expect((await sessionEvents(bob)).filter((event) => event.startsWith('error'))).toEqual([]);
  });

  it('may be as large as the server allows, in one offer, and is told so beyond', async () => {
    const carl = (await openPage(browser, `${yard.http}/sdk/index.js`)).page;
    // With the three of the mixer these are 64.
    await openSdkSession(carl, { room: 'large', peer: 'carl', videoReceivers: 61 });
    expect(await receiverCount(carl)).toBe(61);
    await expect(openSdkSession(carl, { room: 'large', peer: 'dora', videoReceivers: 62 })).rejects.toThrow(
      'A limit of the server was reached.',
    );
    await carl.close();
  });

  it('is there at its size after the gateway came back', async () => {
    await yard.kill('webrtc');
    await yard.run('webrtc');
    await waitFor(
      'bob is back',
      async () => (await sessionEvents(bob)).join().includes('state reconnecting,state joined'),
      30_000,
    );
    expect(await receiverCount(bob)).toBe(GROWN);
    for (const index of [0, 1, 2]) await moves(index);
    expect(yard.errors()).toEqual([]);
  });
});
