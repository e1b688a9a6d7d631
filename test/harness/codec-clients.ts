import type { Page } from 'playwright-core';

/** One encoding as `addTransceiver` takes it; `scalabilityMode` is not yet in the DOM library. */
export interface OfferedEncoding {
  readonly rid?: string;
  readonly scaleResolutionDownBy?: number;
  readonly maxBitrate: number;
  readonly scalabilityMode?: string;
}

export interface Publication {
  /** As in SDP: VP8, VP9, H264, AV1. */
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  /** Frames a second. */
  readonly fps: number;
  readonly encodings: readonly OfferedEncoding[];
  /** URIs of header extensions that are not offered. */
  readonly without?: readonly string[];
}

/** What a video element showed since it was asked last. */
export interface Shown {
  readonly frames: number;
  /** Longest time between two frames that were shown, milliseconds. */
  readonly longestGapMs: number;
  readonly height: number;
  /** Frames a second between the first and the last one. */
  readonly fps: number;
}

/** Publishes a moving picture by WHIP in one codec. Stays in the page. */
export async function publishEncodings(page: Page, url: string, publication: Publication): Promise<void> {
  await page.evaluate(
    async ({ url, codec, width, height, fps, encodings, without = [] }) => {
      const track = window.tools.movingPicture(width, height, fps);
      const pc = new RTCPeerConnection();
      const held = window as unknown as { published?: RTCPeerConnection[] };
      held.published ??= [];
      held.published.push(pc);
      const transceiver = pc.addTransceiver(track, {
        direction: 'sendonly',
        sendEncodings: encodings.map((each) => ({ ...each })),
      });
      const all = RTCRtpReceiver.getCapabilities('video')?.codecs ?? [];
      const ours = all.filter(({ mimeType }) => mimeType === `video/${codec}`);
      if (ours.length === 0) throw new Error(`this browser has no ${codec}`);
      transceiver.setCodecPreferences([...ours, ...all.filter(({ mimeType }) => mimeType === 'video/rtx')]);
      // Not yet in the DOM library (webrtc-extensions §5.3).
      const extended = transceiver as unknown as {
        getHeaderExtensionsToNegotiate(): { uri: string; direction: string }[];
        setHeaderExtensionsToNegotiate(extensions: readonly { uri: string; direction: string }[]): void;
      };
      const extensions = extended.getHeaderExtensionsToNegotiate();
      for (const each of extensions) if (without.includes(each.uri)) each.direction = 'stopped';
      if (without.length > 0) extended.setHeaderExtensionsToNegotiate(extensions);
      await window.tools.negotiate(pc, url);
    },
    { url, ...publication },
  );
}

/** Switches one encoding of what the page published last off or on. */
export const switchEncoding = (page: Page, index: number, active: boolean): Promise<void> =>
  page.evaluate(
    async ({ index, active }) => {
      const held = window as unknown as { published?: RTCPeerConnection[] };
      const [sender] = held.published?.at(-1)?.getSenders() ?? [];
      const parameters = sender?.getParameters();
      const encoding = parameters?.encodings[index];
      if (sender === undefined || parameters === undefined || encoding === undefined)
        throw new Error(`no encoding ${index}`);
      encoding.active = active;
      await sender.setParameters(parameters);
    },
    { index, active },
  );

/** Ends what the page publishes. */
export const unpublishAll = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const held = window as unknown as { published?: RTCPeerConnection[] };
    for (const pc of held.published?.splice(0) ?? []) pc.close();
  });

/** What the page's encoders do, for messages of tests that fail. */
export const encoderReport = (page: Page): Promise<string> =>
  page.evaluate(async () => {
    const held = window as unknown as { published?: RTCPeerConnection[] };
    const lines: string[] = [];
    for (const pc of held.published ?? [])
      (await pc.getStats()).forEach((each) => {
        if (each.type === 'outbound-rtp')
          lines.push(
            `${each.rid ?? '-'} ${each.scalabilityMode ?? '-'} ${each.frameWidth}x${each.frameHeight} ` +
              `${each.framesEncoded} frames, ${each.keyFramesEncoded} key, ${each.pliCount} PLI, ` +
              `${each.targetBitrate} bps, ${each.qualityLimitationReason}`,
          );
      });
    return lines.join('\n');
  });

/** Begins to note the frames that the element `selector` shows. */
export const noteFrames = (page: Page, selector: string): Promise<void> =>
  page.evaluate((selector) => {
    const video = document.querySelector<HTMLVideoElement>(selector);
    if (video === null) throw new Error(`no ${selector}`);
    const times: number[] = [];
    const held = window as unknown as { shown?: Record<string, number[]> };
    held.shown ??= {};
    held.shown[selector] = times;
    const note = (nowMs: number): void => {
      times.push(nowMs);
      video.requestVideoFrameCallback(note);
    };
    video.requestVideoFrameCallback(note);
  }, selector);

/** What it showed since the last call; the time since its last frame counts as a gap too. */
export const takeShown = (page: Page, selector: string): Promise<Shown> =>
  page.evaluate((selector) => {
    const held = window as unknown as { shown?: Record<string, number[]> };
    const times = held.shown?.[selector] ?? [];
    const video = document.querySelector<HTMLVideoElement>(selector);
    const first = times[0] ?? 0;
    const last = times.at(-1) ?? 0;
    let longestGapMs = times.length === 0 ? Number.POSITIVE_INFINITY : performance.now() - last;
    for (let i = 1; i < times.length; i += 1)
      longestGapMs = Math.max(longestGapMs, (times[i] ?? 0) - (times[i - 1] ?? 0));
    const frames = times.length;
    // The next period begins with the last frame of this one.
    times.splice(0, Math.max(0, frames - 1));
    return {
      frames,
      longestGapMs,
      height: video?.videoHeight ?? 0,
      fps: last > first ? ((frames - 1) * 1000) / (last - first) : 0,
    };
  }, selector);
