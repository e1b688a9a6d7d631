import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, launchChromium, openPage } from '../harness/chromium.ts';
import {
  encoderReport,
  noteFrames,
  type OfferedEncoding,
  type Publication,
  publishEncodings,
  type Shown,
  switchEncoding,
  takeShown,
  unpublishAll,
} from '../harness/codec-clients.ts';
import { limitLayer, openSdkSession, receiverStats, watchTrack } from '../harness/sdk-clients.ts';
import { waitFor } from '../harness/wait.ts';
import { Yard } from '../harness/yard.ts';

/** No viewer waits longer than this for the next picture, milliseconds. */
const FREEZE_MS = 1000;
/** Without a word of the publisher a layer is given up after this time without packets, milliseconds. */
const DEAD_LAYER_MS = 500;
/** Encoders in software share the machine with everything else. */
const FPS = 20;
const SMALL = { width: 640, height: 360, fps: FPS };
/** Chromium makes three spatial layers from this size on. */
const LARGE = { width: 960, height: 540, fps: FPS };

const simulcast = (scalabilityMode?: string): OfferedEncoding[] => [
  { rid: 'low', scaleResolutionDownBy: 2, maxBitrate: 200_000, ...(scalabilityMode && { scalabilityMode }) },
  { rid: 'top', scaleResolutionDownBy: 1, maxBitrate: 800_000, ...(scalabilityMode && { scalabilityMode }) },
];
/** Rids in the order of the offer, by how much smaller each is: any names, any order. */
const named = (...rids: readonly (readonly [rid: string, by: number])[]): OfferedEncoding[] =>
  rids.map(([rid, by]) => ({
    rid,
    scaleResolutionDownBy: by,
    maxBitrate: 800_000 / by ** 2,
    scalabilityMode: 'L1T3',
  }));
const single = (scalabilityMode: string): OfferedEncoding[] => [{ maxBitrate: 1_200_000, scalabilityMode }];

/** Video of the room in few words. */
const receiversOf = (room: unknown): string =>
  JSON.stringify(room, (key, value) => (key === 'receivers' ? value.filter(isVideo) : value));
const isVideo = (each: { readonly kind?: unknown }): boolean => each.kind === 'video';

/** What is looked at of `/v1/rooms/{room}`. */
interface RoomOfApi {
  readonly peers: readonly {
    readonly peer: string;
    readonly tracks: readonly {
      readonly kind: string;
      readonly layers: readonly { readonly temporal: number; readonly height?: number }[];
    }[];
  }[];
}

interface Row extends Publication {
  readonly name: string;
  /** Lines of each spatial layer. */
  readonly heights: readonly number[];
}

const two = { ...SMALL, heights: [180, 360] };
const three = { ...LARGE, heights: [136, 270, 540] };
const quarters = { ...LARGE, heights: [135, 270, 540] };
const ROWS: readonly Row[] = [
  { name: 'VP8 simulcast', codec: 'VP8', encodings: simulcast('L1T3'), ...two },
  { name: 'H.264 simulcast', codec: 'H264', encodings: simulcast('L1T3'), ...two },
  { name: 'VP9 simulcast', codec: 'VP9', encodings: simulcast('L1T3'), ...two },
  { name: 'VP9 SVC', codec: 'VP9', encodings: single('L3T3'), ...three },
  { name: 'VP9 K-SVC', codec: 'VP9', encodings: single('L3T3_KEY'), ...three },
  { name: 'AV1, temporal layers only', codec: 'AV1', encodings: single('L1T3'), ...SMALL, heights: [360] },
  { name: 'AV1 SVC', codec: 'AV1', encodings: single('L2T2'), ...two },
  { name: 'AV1 K-SVC', codec: 'AV1', encodings: single('L3T3_KEY'), ...three },
  { name: 'AV1 simulcast', codec: 'AV1', encodings: simulcast('L1T3'), ...two },
  { name: 'VP8, highest first', codec: 'VP8', encodings: named(['c', 1], ['a', 2], ['b', 4]), ...quarters },
  { name: 'H.264, 0 is the highest', codec: 'H264', encodings: named(['0', 1], ['1', 2]), ...two },
  { name: 'VP9, h below l', codec: 'VP9', encodings: named(['h', 2], ['l', 1]), ...two },
  // As with browsers that do not know the extension: what is known comes from keyframes.
  ...['VP8', 'H264', 'AV1'].map((codec) => ({
    name: `${codec}, highest first, sizes told by keyframes alone`,
    codec,
    encodings: named(['x', 1], ['a', 2]),
    without: ['http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00'],
    ...two,
  })),
];

describe.skipIf(chromiumPath() === undefined)('codecs and layers in Chromium', () => {
  let yard: Yard;
  let browser: Browser;
  let publisher: Page;
  let viewer: Page;

  const explain = async (): Promise<string> =>
    [
      await encoderReport(publisher),
      JSON.stringify(await receiverStats(viewer, 0)),
      receiversOf(await (await fetch(`${yard.api}/v1/rooms/codecs`)).json()),
    ].join('\n');
  const eventually = (
    what: string,
    condition: () => Promise<boolean>,
    deadlineMs = 30_000,
  ): Promise<boolean> => waitFor(what, condition, deadlineMs, explain);
  /** Until `is` holds of a second of what is shown; no freeze on the way. */
  const shows = async (what: string, is: (shown: Shown) => boolean): Promise<void> => {
    await eventually(what, async () => {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const shown = await takeShown(viewer, '#receiver-0');
      expect(shown.longestGapMs, `${what}\n${JSON.stringify(shown)}\n${await explain()}`).toBeLessThan(
        FREEZE_MS,
      );
      return is(shown);
    });
  };
  /** Lines of the layers that the room knows, from the lowest. */
  const layerHeights = async (peer: string): Promise<(number | undefined)[] | undefined> => {
    const room = (await (await fetch(`${yard.api}/v1/rooms/codecs`)).json()) as RoomOfApi;
    const tracks = room.peers.find((each) => each.peer === peer)?.tracks;
    const layers = tracks?.find(({ kind }) => kind === 'video')?.layers;
    return layers?.filter(({ temporal }) => temporal === 0).map(({ height }) => height);
  };
  const publish = (peer: string, publication: Publication): Promise<void> =>
    publishEncodings(publisher, `${yard.http}/whip/codecs?peer=${peer}`, publication);
  const watch = async (peer: string): Promise<void> => {
    const before = (await receiverStats(viewer, 0)).framesDecoded;
    await watchTrack(viewer, 0, peer, 'video_main');
    await limitLayer(viewer, 0, 2, 2);
    await eventually(
      'the first frames',
      async () => (await receiverStats(viewer, 0)).framesDecoded > before + 5,
    );
    await noteFrames(viewer, '#receiver-0');
  };

  beforeAll(async () => {
    yard = await Yard.start(['webrtc']);
    browser = await launchChromium();
    publisher = (await openPage(browser, `${yard.http}/sdk/index.js`)).page;
    viewer = (await openPage(browser, `${yard.http}/sdk/index.js`)).page;
    await openSdkSession(viewer, { room: 'codecs', peer: 'viewer' });
  });

  afterEach(async () => {
    await unpublishAll(publisher);
  });

  afterAll(async () => {
    await browser?.close();
    await yard?.stop();
  });

  it.for(ROWS)('$name: down and up again without a freeze', { timeout: 120_000 }, async (row) => {
    const peer = row.name.replaceAll(/[^A-Za-z0-9]/g, '');
    await publish(peer, row);
    await watch(peer);
    const top = row.heights.length - 1;
    if (row.encodings.length > 1)
      await eventually('layers in order', async () => `${await layerHeights(peer)}` === `${row.heights}`);
    await shows('the top layer', ({ height }) => height === row.heights[top]);
    for (const spatial of top === 0 ? [] : [0, top, ...(top > 1 ? [1, top] : [])]) {
      await limitLayer(viewer, 0, spatial);
      await shows(`layer ${spatial}`, ({ height }) => height === row.heights[spatial]);
    }
    await limitLayer(viewer, 0, top, 0);
    await shows('the lowest frame rate', ({ fps }) => fps < FPS * 0.65 && fps > FPS * 0.1);
    await limitLayer(viewer, 0, top, 2);
    await shows('the full frame rate', ({ fps }) => fps > FPS * 0.75);
    expect((await receiverStats(viewer, 0)).codec).toBe(`video/${row.codec}`);
  });

  it('viewers leave a layer that its publisher switches off before it counts as dead', {
    timeout: 120_000,
  }, async () => {
    await publish('switching', { ...SMALL, codec: 'VP8', encodings: named(['hi', 1], ['lo', 2]) });
    await watch('switching');
    await shows('the top layer', ({ height }) => height === 360);
    await takeShown(viewer, '#receiver-0');
    await switchEncoding(publisher, 0, false);
    let gapMs = 0;
    await eventually('the lower layer', async () => {
      const shown = await takeShown(viewer, '#receiver-0');
      if (shown.frames > 1) gapMs = Math.max(gapMs, shown.longestGapMs);
      return shown.height === 180;
    });
    expect(gapMs, await explain()).toBeLessThan(DEAD_LAYER_MS);
    await switchEncoding(publisher, 0, true);
    await shows('the top layer again', ({ height }) => height === 360);
  });

  it('one slot shows one codec after the other, twice', { timeout: 120_000 }, async () => {
    const codecs = ['VP8', 'H264', 'VP9', 'AV1'];
    for (const codec of codecs)
      await publish(`any${codec}`, { ...SMALL, codec, encodings: [{ maxBitrate: 300_000 }] });
    await watch('anyVP8');
    for (const codec of [...codecs, ...codecs]) {
      await watchTrack(viewer, 0, `any${codec}`, 'video_main');
      await eventually(codec, async () => (await receiverStats(viewer, 0)).codec === `video/${codec}`);
      await shows(codec, ({ frames }) => frames > 10);
    }
  });
});
