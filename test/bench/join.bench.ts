/** How long a viewer waits for the first picture: from asking for the stream to seeing it, in Chromium over WHEP. */
import type { Browser } from 'playwright-core';
import { launchChromium, openPage } from '../harness/chromium.ts';
import { waitFor } from '../harness/wait.ts';
import { Yard } from '../harness/yard.ts';
import { GlassEncoder } from './glass/glass-encoder.ts';
import { publishGlass, readGlass, stopWatching, watchGlass } from './glass/glass-page.ts';
import { quantile } from './quantile.ts';
import { sleep } from './sleep.ts';
import { ms, printTable, type Row } from './table.ts';

const JOINS = 12;
/** No divisor of the keyframe interval: joins come at every time between two keyframes. */
const BETWEEN_JOINS_MS = 1300;
const KEYFRAME_INTERVAL_S = 8;
const SETTLE_MS = 4000;

async function joins(browser: Browser, yard: Yard, title: string, target: string): Promise<Row> {
  await sleep(SETTLE_MS);
  const { page } = await openPage(browser, yard.http);
  const waitedMs: number[] = [];
  for (let join = 0; join < JOINS; join += 1) {
    await watchGlass(page, `${yard.http}/whep/join`, true);
    const firstPictureMs = await waitFor(
      'the first picture',
      async () => {
        const { firstPictureMs } = await readGlass(page);
        return firstPictureMs > 0 && firstPictureMs;
      },
      20_000,
    );
    waitedMs.push(firstPictureMs);
    await stopWatching(page);
    await sleep(BETWEEN_JOINS_MS);
  }
  // The first join also warms up the browser's decoder.
  const warm = waitedMs.slice(1);
  return {
    what: title,
    value: `p50 ${ms(quantile(warm, 0.5))}, worst ${ms(quantile(warm, 1))}`,
    target,
    note: `${warm.length} joins; the very first ${ms(waitedMs[0] ?? Number.NaN)}`,
  };
}

const rows: Row[] = [];
const yard = await Yard.start(['webrtc', 'rtmp']);
try {
  const browser = await launchChromium();
  try {
    const { page: publisher } = await openPage(browser, yard.http);
    await publishGlass(publisher, `${yard.http}/whip/join`);
    rows.push(await joins(browser, yard, 'WebRTC source', '≤ 500 ms'));
    await publisher.context().close();
  } finally {
    await browser.close();
  }
  const encoder = new GlassEncoder({ url: `${yard.rtmp}/join`, bFrames: 0, keyframeS: KEYFRAME_INTERVAL_S });
  const viewers = await launchChromium();
  try {
    rows.push(
      await joins(viewers, yard, `RTMP source, a keyframe every ${KEYFRAME_INTERVAL_S} s`, '≤ 300 ms'),
    );
  } finally {
    encoder.stop();
    await viewers.close();
  }
} finally {
  await yard.stop();
}
printTable('First picture for a joiner', rows);
