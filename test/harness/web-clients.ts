import type { Page } from 'playwright-core';
import type { InboundVideo } from './page-tools.ts';

/** What a viewer's browser measured, from getStats. */
export interface ViewerStats extends InboundVideo {
  readonly audioPackets: number;
  readonly audioEnergy: number;
  readonly state: string;
}

/** Publishes a moving canvas and a tone by WHIP, with simulcast. Stays as `window.whip` in the page. */
export async function publishWhip(
  page: Page,
  url: string,
  options: { readonly simulcast: boolean; readonly toneHz: number },
): Promise<void> {
  await page.evaluate(
    async ({ url, simulcast, toneHz }) => {
      const video = window.tools.movingPicture(1280, 720, 30);
      const microphone = window.tools.tone(new AudioContext(), toneHz, 0.3);
      const pc = new RTCPeerConnection();
      Object.assign(window, { whip: pc });
      pc.addTransceiver(video, {
        direction: 'sendonly',
        sendEncodings: simulcast
          ? [
              { rid: 'l', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
              { rid: 'm', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
              { rid: 'h', maxBitrate: 2_500_000 },
            ]
          : [{ maxBitrate: 2_500_000 }],
      });
      pc.addTransceiver(microphone, { direction: 'sendonly' });
      await window.tools.negotiate(pc, url);
    },
    { url, ...options },
  );
}

/** Watches by WHEP. Stays as `window.whep` in the page, with an analyser of what is heard and what its event stream says. */
export async function watchWhep(page: Page, url: string): Promise<void> {
  await page.evaluate(async (url) => {
    const startMs = performance.now();
    const pc = new RTCPeerConnection();
    const audio = new AudioContext();
    const analyser = audio.createAnalyser();
    analyser.fftSize = 8192;
    const video = window.tools.play(pc, (track) =>
      audio.createMediaStreamSource(new MediaStream([track])).connect(analyser),
    );
    document.body.append(video);
    video.requestVideoFrameCallback(() =>
      Object.assign(window, { firstFrameMs: performance.now() - startMs }),
    );
    Object.assign(window, { whep: pc, video, analyser });
    pc.addTransceiver('video', { direction: 'recvonly' });
    pc.addTransceiver('audio', { direction: 'recvonly' });
    const link = await window.tools.negotiate(pc, url);
    const extension = (name: string): string => {
      const found = new RegExp(`<([^>]+)>; rel="urn:ietf:params:whep:ext:core:${name}"`);
      return new URL(found.exec(link)?.[1] ?? '', url).href;
    };
    const whepEvents: string[] = [];
    const source = new EventSource(extension('server-sent-events'));
    for (const name of ['active', 'inactive', 'layers'])
      source.addEventListener(name, ({ data }) => whepEvents.push(`${name} ${data}`));
    Object.assign(window, { whepEvents, layerUrl: extension('layer') });
  }, url);
}

/** What the event stream of {@link watchWhep} said, oldest first. */
export const whepEvents = (page: Page): Promise<readonly string[]> =>
  page.evaluate(() => (window as unknown as { whepEvents: string[] }).whepEvents);

/** Asks the layer resource of {@link watchWhep}. @returns The status. */
export const selectLayer = (page: Page, wish: object): Promise<number> =>
  page.evaluate(async (body) => {
    const { layerUrl } = window as unknown as { layerUrl: string };
    const headers = { 'content-type': 'application/json' };
    return (await fetch(layerUrl, { method: 'POST', headers, body })).status;
  }, JSON.stringify(wish));

/** Time from the beginning of {@link watchWhep} to its first picture, milliseconds; undefined while there is none. */
export const firstFrameMs = (page: Page): Promise<number | undefined> =>
  page.evaluate(() => (window as unknown as { firstFrameMs?: number }).firstFrameMs);

/** The loudest frequency that the WHEP page hears, Hertz; 0 for silence. */
export const heardHz = (page: Page): Promise<number> =>
  page.evaluate(() => window.tools.loudestHz((window as unknown as { analyser: AnalyserNode }).analyser));

/** Statistics of what the WHEP page sees and hears. */
export const viewerStats = (page: Page): Promise<ViewerStats> =>
  page.evaluate(async () => {
    const { whep } = window as unknown as { whep: RTCPeerConnection };
    const state = whep.connectionState;
    const heard = { audioPackets: 0, audioEnergy: 0 };
    const report = await whep.getStats();
    report.forEach((each) => {
      if (each.type !== 'inbound-rtp' || each.kind !== 'audio') return;
      heard.audioPackets = each.packetsReceived ?? 0;
      heard.audioEnergy = each.totalAudioEnergy ?? 0;
    });
    return { ...window.tools.inboundVideo(report, ({ kind }) => kind === 'video'), ...heard, state };
  });
