import type { Page } from 'playwright-core';
import type { InboundVideo } from './page-tools.ts';

/** What {@link openSdkSession} leaves in the page as `window.yard`. */
interface SdkPage {
  // biome-ignore lint/suspicious/noExplicitAny: the SDK of the server that is tested, loaded by the page.
  readonly session: any;
  readonly events: string[];
  readonly audio: AudioContext;
  /** Shows receiver `index` of the pool as `#receiver-<index>`. */
  show(index: number): void;
  loudestHz(): number;
  levelDb(hz: number): number;
}

/** Loads the SDK that the server serves, joins a room, and plays what the mixer gives. */
export async function openSdkSession(
  page: Page,
  options: { readonly room: string; readonly peer: string; readonly videoReceivers?: number },
): Promise<void> {
  // As text: the test runner rewrites the imports of its own files.
  await page.evaluate(`import('/sdk/index.js').then((sdk) => { window.sdk = sdk; })`);
  await page.evaluate(async ({ room, peer, videoReceivers }) => {
    // biome-ignore lint/suspicious/noExplicitAny: loaded by the page.
    const { Session } = (window as any).sdk;
    const session = new Session({ receivers: { video: videoReceivers ?? 2 } });
    const events: string[] = [];
    for (const name of ['state', 'error', 'closed', 'message', 'track-started', 'track-stopped'])
      session.on(name, (about: unknown) => {
        const { name: trackName, data, message } = Object(about);
        events.push(`${name} ${trackName ?? data ?? message ?? String(about)}`);
      });
    const audio = new AudioContext();
    const analyser = audio.createAnalyser();
    analyser.fftSize = 8192;
    const heard = new Map<string, MediaStreamAudioSourceNode>();
    const listen = (): void => {
      for (const { track } of session.mixerSlots) {
        if (track === undefined || heard.has(track.id)) continue;
        window.tools.pullAudio(track);
        const source = audio.createMediaStreamSource(new MediaStream([track]));
        source.connect(analyser);
        heard.set(track.id, source);
      }
    };
    const yard: SdkPage = {
      session,
      events,
      audio,
      show: (index) => {
        const video = document.createElement('video');
        video.id = `receiver-${index}`;
        video.autoplay = true;
        video.muted = true;
        video.srcObject = session.receivers[index].stream;
        document.body.append(video);
      },
      loudestHz: () => {
        listen();
        return window.tools.loudestHz(analyser);
      },
      levelDb: (hz) => {
        listen();
        const bins = new Float32Array(analyser.frequencyBinCount);
        analyser.getFloatFrequencyData(bins);
        const at = Math.round((hz * analyser.fftSize) / audio.sampleRate);
        return Math.max(...bins.subarray(at - 2, at + 3));
      },
    };
    Object.assign(window, { yard });
    await session.join({ room, peer });
    listen();
  }, options);
}

/** Publishes a moving picture, with the layers that the SDK chooses. */
export const publishPicture = (page: Page, name: string, width: number, height: number): Promise<void> =>
  page.evaluate(
    async ({ name, width, height }) => {
      const { yard } = window as unknown as { yard: SdkPage };
      await yard.session.publish(window.tools.movingPicture(width, height, 30), { name });
    },
    { name, width, height },
  );

/** Publishes a tone as `audio_main`. */
export const publishTone = (page: Page, hz: number): Promise<void> =>
  page.evaluate(async (hz) => {
    const { yard } = window as unknown as { yard: SdkPage };
    await yard.session.publish(window.tools.tone(yard.audio, hz, 0.3), { name: 'audio_main' });
  }, hz);

/** Attaches receiver `index` of the pool, and shows it. */
export const watchTrack = (page: Page, index: number, peer: string, track: string): Promise<void> =>
  page.evaluate(
    async ({ index, peer, track }) => {
      const { yard } = window as unknown as { yard: SdkPage };
      const receiver = yard.session.receivers[index];
      await receiver.attach({ peer, track });
      if (document.querySelector(`#receiver-${index}`) !== null) return;
      yard.show(index);
    },
    { index, peer, track },
  );

/** Watches with a receiver that is free, and shows it as `#receiver-<index>`. @returns Its place in the pool. */
export const watchAnother = (page: Page, peer: string, track: string): Promise<number> =>
  page.evaluate(
    async ({ peer, track }) => {
      const { yard } = window as unknown as { yard: SdkPage };
      const receiver = await yard.session.watch({ peer, track });
      const index: number = yard.session.receivers.indexOf(receiver);
      yard.show(index);
      return index;
    },
    { peer, track },
  );

/** How many receivers the session has. */
export const receiverCount = (page: Page): Promise<number> =>
  page.evaluate(() => (window as unknown as { yard: SdkPage }).yard.session.receivers.length);

/** Limits receiver `index` to a spatial layer, and to a temporal one when that is given. */
export const limitLayer = (
  page: Page,
  index: number,
  maxSpatial: number,
  maxTemporal?: number,
): Promise<void> =>
  page.evaluate(
    async ({ index, limits }) => {
      const { yard } = window as unknown as { yard: SdkPage };
      await yard.session.receivers[index].configure(limits);
    },
    { index, limits: maxTemporal === undefined ? { maxSpatial } : { maxSpatial, maxTemporal } },
  );

/** Runs a method of the session. */
export const callSession = (page: Page, method: string, ...parameters: string[]): Promise<void> =>
  page.evaluate(
    async ({ method, parameters }) => {
      const { yard } = window as unknown as { yard: SdkPage };
      await yard.session[method](...parameters);
    },
    { method, parameters },
  );

/** The loudest frequency of all mixer slots together, Hertz; 0 for silence. */
export const mixerHz = (page: Page): Promise<number> =>
  page.evaluate(() => (window as unknown as { yard: SdkPage }).yard.loudestHz());

/** How loud one frequency is in all mixer slots together, dB of full scale; below −70 is silence. */
export const mixerDb = (page: Page, hz: number): Promise<number> =>
  page.evaluate((hz) => (window as unknown as { yard: SdkPage }).yard.levelDb(hz), hz);

/** What the session told, oldest first. */
export const sessionEvents = (page: Page): Promise<string[]> =>
  page.evaluate(() => (window as unknown as { yard: SdkPage }).yard.events);

/** Statistics of what receiver `index` shows, and the session's state. */
export const receiverStats = (
  page: Page,
  index: number,
): Promise<InboundVideo & { readonly state: string }> =>
  page.evaluate(async (index) => {
    const { session } = (window as unknown as { yard: SdkPage }).yard;
    const state = String(session.state);
    const isShown = ({ trackIdentifier }: { readonly trackIdentifier: string }): boolean =>
      trackIdentifier === session.receivers[index].track?.id;
    return { ...window.tools.inboundVideo(await session.stats(), isShown), state };
  }, index);
