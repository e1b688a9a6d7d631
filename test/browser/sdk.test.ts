import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, launchChromium, openPage } from '../harness/chromium.ts';
import {
  callSession,
  limitLayer,
  mixerHz,
  openSdkSession,
  publishPicture,
  publishTone,
  receiverStats,
  sessionEvents,
  watchTrack,
} from '../harness/sdk-clients.ts';
import { waitFor } from '../harness/wait.ts';
import { Yard } from '../harness/yard.ts';

/** A tone is recognised this exactly, Hertz: a bin of the analyser and half of one. */
const TONE_TOLERANCE_HZ = 15;

describe.skipIf(chromiumPath() === undefined)('SDK to SDK in Chromium', () => {
  let yard: Yard;
  let browser: Browser;
  let ann: Page;
  let bob: Page;

  const explain = async (): Promise<string> =>
    [
      yard.log('webrtc'),
      yard.log('core'),
      ...(await sessionEvents(ann)),
      '--- bob',
      ...(await sessionEvents(bob)),
      JSON.stringify(await receiverStats(bob, 0)),
    ].join('\n');
  const eventually = (
    what: string,
    condition: () => Promise<boolean>,
    deadlineMs = 20_000,
  ): Promise<boolean> => waitFor(what, condition, deadlineMs, explain);
  const hears = (page: Page, hz: number): Promise<boolean> =>
    eventually(`${hz} Hz is heard`, async () => Math.abs((await mixerHz(page)) - hz) < TONE_TOLERANCE_HZ);
  /** `count` more frames come, and at least four of five of those received are shown. */
  const plays = async (what: string, count: number): Promise<void> => {
    const before = await receiverStats(bob, 0);
    await eventually(
      what,
      async () => (await receiverStats(bob, 0)).framesReceived >= before.framesReceived + count,
    );
    const after = await receiverStats(bob, 0);
    const received = after.framesReceived - before.framesReceived;
    expect((after.framesDecoded - before.framesDecoded) / received).toBeGreaterThan(0.8);
  };
  const hasHeight = (height: number): Promise<boolean> =>
    eventually(`a picture of ${height} lines`, async () => (await receiverStats(bob, 0)).height === height);

  beforeAll(async () => {
    yard = await Yard.start(['webrtc']);
    browser = await launchChromium();
    ann = (await openPage(browser, `${yard.http}/sdk/index.js`)).page;
    bob = (await openPage(browser, `${yard.http}/sdk/index.js`)).page;
    await openSdkSession(ann, { room: 'demo', peer: 'ann' });
    await openSdkSession(bob, { room: 'demo', peer: 'bob' });
  });

  afterAll(async () => {
    await browser?.close();
    await yard?.stop();
  });

  it('one sees the other, and each hears the other but never itself', async () => {
    await publishPicture(ann, 'video_main', 640, 360);
    await publishTone(ann, 440);
    await publishTone(bob, 880);
    await watchTrack(bob, 0, 'ann', 'video_main');
    await eventually('the first frames', async () => (await receiverStats(bob, 0)).framesDecoded > 10);
    await plays('the picture goes on', 60);
    await hears(bob, 440);
    await hears(ann, 880);
  });

  it('a limit switches to a lower layer and back, and the picture goes on', async () => {
    await hasHeight(360);
    await limitLayer(bob, 0, 0);
    await hasHeight(180);
    await plays('the lower layer goes on', 30);
    await limitLayer(bob, 0, 2);
    await hasHeight(360);
    await plays('the upper layer goes on', 30);
  });

  it('a receiver switches to another source without a new negotiation', async () => {
    await publishPicture(ann, 'screen', 480, 270);
    await eventually('bob is told of it', async () =>
      (await sessionEvents(bob)).includes('track-started screen'),
    );
    const { packetsReceived } = await receiverStats(bob, 0);
    await watchTrack(bob, 0, 'ann', 'screen');
    await hasHeight(270);
    await plays('the other source goes on', 30);
    await watchTrack(bob, 0, 'ann', 'video_main');
    await hasHeight(360);
    // The same stream all along.
    expect((await receiverStats(bob, 0)).packetsReceived).toBeGreaterThan(packetsReceived);
  });

  it('a message reaches who subscribed to its channel', async () => {
    await callSession(bob, 'subscribe', 'chat');
    await callSession(ann, 'send', 'chat', 'hello');
    await eventually('the message', async () => (await sessionEvents(bob)).includes('message hello'));
  });

  it('a core that is killed and comes back takes nobody: the picture goes on without a new negotiation', async () => {
    await yard.kill('core');
    await yard.run('core');
    await yard.waitAttached(1);
    await plays('the picture goes on', 30);
    await hears(bob, 440);
    const states = (await sessionEvents(bob)).filter((event) => event.startsWith('state'));
    expect(states).toEqual(['state joining', 'state joined']);
  });

  it('a gateway that is killed and comes back has its clients back by themselves', async () => {
    await yard.kill('webrtc');
    await yard.run('webrtc');
    for (const page of [ann, bob])
      await eventually('a session is back', async () =>
        (await sessionEvents(page)).slice(-40).join().includes('state reconnecting,state joined'),
      );
    await plays('the picture goes on', 30);
    await hears(bob, 440);
    await hears(ann, 880);
  });

  it('leaving is told to the others', async () => {
    await callSession(ann, 'leave');
    await eventually('the tracks stop', async () =>
      (await sessionEvents(bob)).slice(-4).join().includes('track-stopped video_main'),
    );
    expect(yard.errors()).toEqual([]);
  });
});
