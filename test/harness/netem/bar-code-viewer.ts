import type { Page } from 'playwright-core';

/** What a viewer saw and heard in a span of time. */
export interface ViewerSpan {
  readonly seconds: number;
  readonly framesPerSecond: number;
  /** Longest time between two pictures that were shown, milliseconds. */
  readonly longestGapMs: number;
  /** Times between two pictures of more than half a second. */
  readonly freezes: number;
  /** From drawing at the publisher to showing, milliseconds. */
  readonly delayP50Ms: number;
  readonly delayP95Ms: number;
  /** Samples that the decoder made up, 0…1. */
  readonly audioConcealed: number;
  readonly receivedBps: number;
  /** Lines of the picture at the end. */
  readonly height: number;
  /** How often the number of lines changed. */
  readonly switches: number;
  readonly packetsLost: number;
  readonly retransmitted: number;
  readonly keyframeRequests: number;
}

interface Meter {
  frames: { readonly shownMs: number; readonly delayMs: number; readonly height: number }[];
  last: Record<string, number>;
  sinceMs: number;
}

/**
 * Watches by WHEP through a proxy: of the answer's candidates the page takes only 127.0.0.1, with the proxy's port.
 * Stays as `window.whep`; every picture that is shown is read and written down.
 */
export async function watchThrough(page: Page, url: string, proxyPort: number): Promise<void> {
  await page.evaluate(
    async ({ url, proxyPort }) => {
      const pc = new RTCPeerConnection();
      const video = window.tools.play(pc);
      video.width = 480;
      document.body.append(video);
      const canvas = document.createElement('canvas');
      canvas.width = 32;
      canvas.height = 1;
      const pen = canvas.getContext('2d', { willReadFrequently: true });
      const meter: Meter = { frames: [], last: {}, sinceMs: performance.now() };
      Object.assign(window, { whep: pc, meter });
      const onFrame = (shownMs: number): void => {
        video.requestVideoFrameCallback(onFrame);
        const { videoWidth, videoHeight } = video;
        pen?.drawImage(video, 0, videoHeight / 27, videoWidth, videoHeight / 27, 0, 0, 32, 1);
        const pixels = pen?.getImageData(0, 0, 32, 1).data;
        let time = 0;
        for (let bit = 0; bit < 32; bit += 1) time = (time << 1) | ((pixels?.[bit * 4] ?? 0) > 127 ? 1 : 0);
        meter.frames.push({ shownMs, delayMs: (Date.now() - time) | 0, height: videoHeight });
      };
      video.requestVideoFrameCallback(onFrame);
      pc.addTransceiver('video', { direction: 'recvonly' });
      pc.addTransceiver('audio', { direction: 'recvonly' });
      await window.tools.negotiate(pc, url, (sdp) =>
        sdp
          .split('\r\n')
          .filter((line) => !line.startsWith('a=candidate') || line.includes(' 127.0.0.1 '))
          .map((line) => line.replace(/ 127\.0\.0\.1 \d+ typ/, ` 127.0.0.1 ${proxyPort} typ`))
          .join('\r\n'),
      );
    },
    { url, proxyPort },
  );
}

/** What was seen since this was asked last. */
export const readSpan = (page: Page): Promise<ViewerSpan> =>
  page.evaluate(async () => {
    const { whep, meter } = window as unknown as { whep: RTCPeerConnection; meter: Meter };
    const now: Record<string, number> = {};
    for (const each of (await whep.getStats()).values()) {
      if (each.type !== 'inbound-rtp') continue;
      now['bytes'] = (now['bytes'] ?? 0) + each.bytesReceived + each.headerBytesReceived;
      if (each.kind === 'audio') {
        now['concealed'] = each.concealedSamples;
        now['samples'] = each.totalSamplesReceived;
      } else {
        now['lost'] = each.packetsLost;
        now['retransmitted'] = each.retransmittedPacketsReceived ?? 0;
        now['pli'] = each.pliCount + (each.firCount ?? 0);
      }
    }
    const since = (name: string): number => (now[name] ?? 0) - (meter.last[name] ?? 0);
    const endMs = performance.now();
    const seconds = (endMs - meter.sinceMs) / 1000;
    const frames = meter.frames;
    let longestGapMs = frames.length === 0 ? endMs - meter.sinceMs : 0;
    let freezes = 0;
    let switches = 0;
    for (let i = 1; i < frames.length; i += 1) {
      const gapMs = (frames[i]?.shownMs ?? 0) - (frames[i - 1]?.shownMs ?? 0);
      longestGapMs = Math.max(longestGapMs, gapMs);
      if (gapMs > 500) freezes += 1;
      if (frames[i]?.height !== frames[i - 1]?.height) switches += 1;
    }
    // A bar code that could not be read gives any number.
    const delays = frames
      .map(({ delayMs }) => delayMs)
      .filter((delayMs) => delayMs > 0 && delayMs < 20_000)
      .sort((a, b) => a - b);
    const last = frames.at(-1);
    if (last !== undefined) {
      const gapMs = endMs - last.shownMs;
      if (gapMs > 500) freezes += 1;
      longestGapMs = Math.max(longestGapMs, gapMs);
    }
    const span = {
      seconds,
      framesPerSecond: frames.length / seconds,
      longestGapMs,
      freezes,
      delayP50Ms: delays[Math.floor(delays.length / 2)] ?? 0,
      delayP95Ms: delays[Math.floor(delays.length * 0.95)] ?? 0,
      audioConcealed: since('samples') === 0 ? 1 : since('concealed') / since('samples'),
      receivedBps: (since('bytes') * 8) / seconds,
      height: last?.height ?? 0,
      switches,
      packetsLost: since('lost'),
      retransmitted: since('retransmitted'),
      keyframeRequests: since('pli'),
    };
    meter.last = now;
    // The last picture stays: the first gap of the next span begins with it.
    meter.frames = frames.slice(-1);
    meter.sinceMs = endMs;
    return span;
  });
