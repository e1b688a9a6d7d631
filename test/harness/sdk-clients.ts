import type { Page } from 'playwright-core';
import type { ViewerStats } from './web-clients.ts';

/** What {@link openSdkSession} leaves in the page as `window.yard`. */
interface SdkPage {
  // biome-ignore lint/suspicious/noExplicitAny: the SDK of the server that is tested, loaded by the page.
  readonly session: any;
  readonly events: string[];
  picture(width: number, height: number): MediaStreamTrack;
  tone(hz: number): MediaStreamTrack;
  loudestHz(): number;
  levelDb(hz: number): number;
}

/** Loads the SDK that the server serves, joins a room, and plays what the mixer gives. */
export async function openSdkSession(
  page: Page,
  options: { readonly room: string; readonly peer: string },
): Promise<void> {
  // As text: the test runner rewrites the imports of its own files.
  await page.evaluate(`import('/sdk/index.js').then((sdk) => { window.sdk = sdk; })`);
  await page.evaluate(async ({ room, peer }) => {
    // biome-ignore lint/suspicious/noExplicitAny: loaded by the page.
    const { Session } = (window as any).sdk;
    const session = new Session({ receivers: { video: 2 } });
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
        // Chromium pulls remote audio only through an element.
        const element = new Audio();
        element.srcObject = new MediaStream([track]);
        element.muted = true;
        void element.play();
        const source = audio.createMediaStreamSource(new MediaStream([track]));
        source.connect(analyser);
        heard.set(track.id, source);
      }
    };
    const spectrum = (): Float32Array => {
      listen();
      const bins = new Float32Array(analyser.frequencyBinCount);
      analyser.getFloatFrequencyData(bins);
      return bins;
    };
    const yard: SdkPage = {
      session,
      events,
      picture: (width, height) => {
        const canvas = document.createElement('canvas');
        canvas.width = width;
        canvas.height = height;
        const draw = canvas.getContext('2d');
        const paint = (): void => {
          if (draw === null) return;
          const now = Date.now();
          draw.fillStyle = `hsl(${(now / 20) % 360} 70% 50%)`;
          draw.fillRect(0, 0, width, height);
          for (let i = 0; i < 40; i += 1) {
            draw.fillStyle = `hsl(${(i * 37 + now / 9) % 360} 90% 40%)`;
            draw.fillRect((i * 173 + now / 7) % width, (i * 97 + now / 11) % height, width / 20, height / 16);
          }
        };
        setInterval(paint, 1000 / 30);
        paint();
        const [track] = canvas.captureStream(30).getVideoTracks();
        if (track === undefined) throw new Error('no canvas track');
        return track;
      },
      tone: (hz) => {
        const oscillator = audio.createOscillator();
        oscillator.frequency.value = hz;
        const volume = audio.createGain();
        volume.gain.value = 0.3;
        const out = audio.createMediaStreamDestination();
        oscillator.connect(volume).connect(out);
        oscillator.start();
        const [track] = out.stream.getAudioTracks();
        if (track === undefined) throw new Error('no tone');
        return track;
      },
      levelDb: (hz) => {
        const bins = spectrum();
        const at = Math.round((hz * analyser.fftSize) / audio.sampleRate);
        return Math.max(...bins.subarray(at - 2, at + 3));
      },
      loudestHz: () => {
        const bins = spectrum();
        let best = 1;
        for (let i = 2; i < bins.length; i += 1) if ((bins[i] ?? -200) > (bins[best] ?? -200)) best = i;
        return (bins[best] ?? -200) < -70 ? 0 : (best * audio.sampleRate) / analyser.fftSize;
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
      await yard.session.publish(yard.picture(width, height), { name });
    },
    { name, width, height },
  );

/** Publishes a tone as `audio_main`. */
export const publishTone = (page: Page, hz: number): Promise<void> =>
  page.evaluate(async (hz) => {
    const { yard } = window as unknown as { yard: SdkPage };
    await yard.session.publish(yard.tone(hz), { name: 'audio_main' });
  }, hz);

/** Attaches receiver `index` of the pool, and shows it. */
export const watchTrack = (page: Page, index: number, peer: string, track: string): Promise<void> =>
  page.evaluate(
    async ({ index, peer, track }) => {
      const { yard } = window as unknown as { yard: SdkPage };
      const receiver = yard.session.receivers[index];
      await receiver.attach({ peer, track });
      if (document.querySelector(`#receiver-${index}`) !== null) return;
      const video = document.createElement('video');
      video.id = `receiver-${index}`;
      video.autoplay = true;
      video.muted = true;
      video.srcObject = receiver.stream;
      document.body.append(video);
    },
    { index, peer, track },
  );

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

/** Statistics of what receiver `index` shows. */
export const receiverStats = (
  page: Page,
  index: number,
): Promise<Omit<ViewerStats, 'audioPackets' | 'audioEnergy'>> =>
  page.evaluate(async (index) => {
    const { yard } = window as unknown as { yard: SdkPage };
    const stats = {
      framesDecoded: 0,
      framesReceived: 0,
      framesDropped: 0,
      freezeCount: 0,
      width: 0,
      height: 0,
      packetsReceived: 0,
      packetsLost: 0,
      codec: '',
      state: String(yard.session.state),
    };
    const report: RTCStatsReport | undefined = await yard.session.stats();
    report?.forEach((each) => {
      if (each.type !== 'inbound-rtp' || each.trackIdentifier !== yard.session.receivers[index].track?.id)
        return;
      stats.framesDecoded = each.framesDecoded ?? 0;
      stats.framesReceived = each.framesReceived ?? 0;
      stats.framesDropped = each.framesDropped ?? 0;
      stats.freezeCount = each.freezeCount ?? 0;
      stats.width = each.frameWidth ?? 0;
      stats.height = each.frameHeight ?? 0;
      stats.packetsReceived = each.packetsReceived ?? 0;
      stats.packetsLost = each.packetsLost ?? 0;
      stats.codec = report.get(each.codecId)?.mimeType ?? '';
    });
    return stats;
  }, index);
