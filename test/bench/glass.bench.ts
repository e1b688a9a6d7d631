/** Glass to glass: from drawing a picture to seeing it in another browser, and how far lips are off. 720p, loopback. */
import type { Browser, Page } from 'playwright-core';
import { launchChromium, openPage } from '../harness/chromium.ts';
import { waitFor } from '../harness/wait.ts';
import { Yard } from '../harness/yard.ts';
import { CpuMeter, type CpuReading } from './cpu-meter.ts';
import { GlassEncoder } from './glass/glass-encoder.ts';
import {
  type GlassReadings,
  publishDirect,
  publishGlass,
  readGlass,
  resetGlass,
  watchGlass,
} from './glass/glass-page.ts';
import { WIDTH } from './glass/glass-picture.ts';
import { quantile } from './quantile.ts';
import { sleep } from './sleep.ts';
import { ms, percent, printTable, type Row } from './table.ts';

const SETTLE_MS = 6000;
/** A browser brings lips together in small steps. */
const SETTLE_WITH_SOUND_MS = 25_000;
const WINDOW_MS = 15_000;
/** A beep and a flash that are further apart than this are not of the same second. */
const SAME_SECOND_MS = 450;

/** @returns Tone minus picture for each flash that has its beep: positive when the sound is late. */
function lipOffsets({ flashesMs, beepsMs }: GlassReadings): number[] {
  return flashesMs.flatMap((flashMs) => {
    const near = beepsMs.map((beepMs) => beepMs - flashMs).filter((each) => Math.abs(each) < SAME_SECOND_MS);
    return near.length === 0 ? [] : [near.reduce((a, b) => (Math.abs(a) < Math.abs(b) ? a : b))];
  });
}

/** Starts a publisher for what `viewer` watches. @returns What ends it. */
type Publish = (yard: Yard, browser: Browser, viewer: Page) => Promise<() => void>;

/** Watches in a page of its own, and reads when everything has settled. */
async function watch(browser: Browser, yard: Yard, publish: Publish, sound: boolean): Promise<Watched> {
  const { page } = await openPage(browser, yard.http);
  const stop = await publish(yard, browser, page);
  try {
    await watchGlass(page, `${yard.http}/whep/glass`, sound);
    await waitFor(
      'a picture of full size',
      async () => (await readGlass(page)).width === WIDTH,
      40_000,
      () => `${yard.log('rtmp')}\n${yard.log('webrtc')}`,
    );
    await sleep(sound ? SETTLE_WITH_SOUND_MS : SETTLE_MS);
    await resetGlass(page);
    const meter = new CpuMeter([yard.pid('core'), yard.pid('webrtc'), yard.pid('rtmp')]);
    await sleep(WINDOW_MS);
    return { reading: meter.read(), glass: await readGlass(page) };
  } finally {
    stop();
    await page.context().close();
  }
}

interface Watched {
  readonly reading: CpuReading;
  readonly glass: GlassReadings;
}

async function measure(browser: Browser, title: string, target: string, publish: Publish): Promise<Row[]> {
  const yard = await Yard.start(['webrtc', 'rtmp']);
  const delay = ({ delaysMs }: GlassReadings): string =>
    `p50 ${ms(quantile(delaysMs, 0.5))}, p95 ${ms(quantile(delaysMs, 0.95))}`;
  try {
    const { reading, glass } = await watch(browser, yard, publish, false);
    const withSound = await watch(browser, yard, publish, true);
    const offsets = lipOffsets(withSound.glass);
    return [
      {
        what: `${title}, glass to glass`,
        value: delay(glass),
        target,
        note: `picture only, ${Math.round((glass.delaysMs.length * 1000) / reading.wallMs)} fps, ${glass.freezes} freezes, jitter buffer ${ms(glass.videoBufferMs)}; servers ${percent(reading.cpuMs / reading.wallMs)} of a core, machine ${percent(reading.machineBusyShare)}`,
      },
      {
        what: `${title}, with sound`,
        value: `${delay(withSound.glass)}; lips p50 ${ms(quantile(offsets, 0.5))}`,
        note: `lips ${ms(quantile(offsets, 0))} to ${ms(quantile(offsets, 1))} (sound after picture) in ${offsets.length} flashes; the browser holds the picture back for its sound, which waits ${ms(withSound.glass.audioBufferMs)}; machine ${percent(withSound.reading.machineBusyShare)}`,
      },
    ];
  } finally {
    await yard.stop();
  }
}

const publishWithoutServer: Publish = async (yard, browser, viewer) => {
  const { page } = await openPage(browser, yard.http);
  await publishDirect(page, viewer);
  return () => void page.context().close();
};
const publishByWhip: Publish = async (yard, browser) => {
  const { page } = await openPage(browser, yard.http);
  await publishGlass(page, `${yard.http}/whip/glass`);
  return () => void page.context().close();
};
const publishByRtmp =
  (bFrames: number): Publish =>
  async (yard) => {
    const encoder = new GlassEncoder({ url: `${yard.rtmp}/glass`, bFrames, keyframeS: 2 });
    return () => {
      if (encoder.output !== '') process.stderr.write(`${encoder.output}\n`);
      encoder.stop();
    };
  };

const rows: Row[] = [];
for (const [title, target, publish] of [
  ['two browsers without a server', '', publishWithoutServer],
  ['browser → browser', 'p50 ≤ 60 ms, p95 ≤ 90 ms', publishByWhip],
  ['RTMP → browser, passed through', 'p95 ≤ 100 ms', publishByRtmp(0)],
  ['RTMP with B-frames → browser, transcoded', '', publishByRtmp(2)],
] as const) {
  const browser = await launchChromium();
  try {
    rows.push(...(await measure(browser, title, target, publish)));
  } finally {
    await browser.close();
  }
}
printTable('Glass to glass, 1280 × 720, loopback', rows);
