import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, launchChromium, openPage } from '../harness/chromium.ts';
import { FfmpegPublisher, hasFfmpeg } from '../harness/ffmpeg.ts';
import { freePorts } from '../harness/free-ports.ts';
import { Baresip, hasBaresip, hasSipp, SCENARIOS, Sipp } from '../harness/phone.ts';
import { mixerDb, openSdkSession, publishTone, sessionEvents } from '../harness/sdk-clients.ts';
import { waitFor } from '../harness/wait.ts';
import { Yard } from '../harness/yard.ts';

const BROWSER_HZ = 440;
const PHONE_HZ = 1000;
const STREAM_HZ = 660;
const OTHER_PHONE_HZ = 1700;
/** A tone that is there is far above the first, one that is not far below the second: dB of full scale. */
const AUDIBLE_DB = -50;
const SILENT_DB = -70;
/** Of what a phone recorded: a tone that is alone has nearly all energy, one that is not there nearly none. */
const ALONE = 0.8;
const ABSENT = 0.01;
const PART = 0.03;
const LISTEN_S = 1.5;
/** baresip listens on the port above its own too. */
const PHONE_PORTS = 2;

const installed = chromiumPath() !== undefined && hasFfmpeg() && hasSipp() && hasBaresip();

describe.skipIf(!installed)('phones and browsers', () => {
  let yard: Yard;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    yard = await Yard.start(['webrtc', 'rtmp', 'sip']);
    browser = await launchChromium();
  });

  afterAll(async () => {
    await browser?.close();
    await yard?.stop();
  });

  /** Phones and streams of one test, ended with it. */
  const guests: { readonly output: string; stop(): void }[] = [];

  afterEach(async () => {
    for (const guest of guests.splice(0)) guest.stop();
    await page?.context().close();
  });

  const joinFromBrowser = async (room: string): Promise<void> => {
    page = (await openPage(browser, `${yard.http}/sdk/index.js`)).page;
    await openSdkSession(page, { room, peer: 'browser' });
    await publishTone(page, BROWSER_HZ);
  };
  const guest = <Guest extends (typeof guests)[number]>(each: Guest): Guest => {
    guests.push(each);
    return each;
  };
  const call = async (
    room: string,
    options: Partial<ConstructorParameters<typeof Baresip>[0]> = {},
  ): Promise<Baresip> =>
    guest(
      new Baresip({
        server: yard.sipPort,
        room,
        port: await freePorts(PHONE_PORTS),
        toneHz: PHONE_HZ,
        ...options,
      }),
    );
  const eventually = (what: string, condition: () => boolean | Promise<boolean>): Promise<boolean> =>
    waitFor(what, condition, 15_000, () =>
      [...guests.map(({ output }) => output), yard.log('sip'), yard.log('webrtc')].join('\n'),
    );
  const browserHears = (hz: number): Promise<boolean> =>
    eventually(`the browser hears ${hz} Hz`, async () => (await mixerDb(page, hz)) > AUDIBLE_DB);

  it.each([
    ['PCMU', 'udp'],
    ['PCMA', 'udp'],
    ['opus', 'udp'],
    ['PCMU', 'tcp'],
    ['PCMA', 'tcp'],
    ['opus', 'tcp'],
  ] as const)(
    '%s over %s: phone and browser hear each other, and neither itself',
    async (codec, transport) => {
      const room = `${codec}-${transport}`;
      await joinFromBrowser(room);
      const phone = await call(room, { codec, transport });
      await browserHears(PHONE_HZ);
      await eventually('the phone hears the browser alone', () => phone.heard(BROWSER_HZ, LISTEN_S) > ALONE);
      expect(phone.heard(PHONE_HZ, LISTEN_S)).toBeLessThan(ABSENT);
      expect(await mixerDb(page, BROWSER_HZ)).toBeLessThan(SILENT_DB);
      expect(yard.log('sip')).toContain(`"codec":"${codec}"`);
    },
  );

  it('a tone that sipp plays is heard in the browser, and who hung up is gone', async () => {
    await joinFromBrowser('sipp');
    const scenario = SCENARIOS.call('sipp', 4000);
    const sipp = guest(new Sipp({ server: yard.sipPort, scenario, toneHz: 700 }));
    await browserHears(700);
    await eventually('sipp ends', () => sipp.exitCode !== undefined);
    expect(sipp.exitCode, sipp.output).toBe(0);
    await eventually('the phone is gone', async () =>
      (await sessionEvents(page)).includes('track-stopped audio_main'),
    );
    await eventually('silence', async () => (await mixerDb(page, 700)) < SILENT_DB);
  });

  it('a phone hears the mix of a stream, a browser and another phone', async () => {
    const room = 'mix';
    guest(new FfmpegPublisher(`${yard.rtmp}/${room}`, { bFrames: 0, toneHz: STREAM_HZ }));
    await joinFromBrowser(room);
    const phone = await call(room);
    const other = await call(room, { toneHz: OTHER_PHONE_HZ, codec: 'opus' });
    for (const hz of [STREAM_HZ, BROWSER_HZ, OTHER_PHONE_HZ])
      await eventually(`the phone hears ${hz} Hz`, () => phone.heard(hz, LISTEN_S) > PART);
    for (const hz of [STREAM_HZ, PHONE_HZ, OTHER_PHONE_HZ]) await browserHears(hz);
    await eventually('the other phone hears the first', () => other.heard(PHONE_HZ, LISTEN_S) > PART);
    expect(phone.heard(PHONE_HZ, LISTEN_S)).toBeLessThan(ABSENT);
    expect(other.heard(OTHER_PHONE_HZ, LISTEN_S)).toBeLessThan(ABSENT);
    expect(yard.errors()).toEqual([]);
  });
});
