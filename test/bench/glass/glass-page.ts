import type { Page } from 'playwright-core';
import { BIT_WIDTH, BITS, BOX, FLASH_S, FPS, HEIGHT, STRIP_HEIGHT, TONE_HZ, WIDTH } from './glass-picture.ts';

const PICTURE = { WIDTH, HEIGHT, FPS, BITS, BIT_WIDTH, STRIP_HEIGHT, BOX, FLASH_S, TONE_HZ };

/** What a viewer measured. Milliseconds. */
export interface GlassReadings {
  /** From drawing to showing, of each frame. */
  readonly delaysMs: readonly number[];
  /** When the box became white, and when the tone began, by the wall clock. */
  readonly flashesMs: readonly number[];
  readonly beepsMs: readonly number[];
  /** From asking for the stream to the first picture. */
  readonly firstPictureMs: number;
  readonly width: number;
  readonly freezes: number;
  /** How long frames and samples waited in the jitter buffers since the beginning, average. */
  readonly videoBufferMs: number;
  readonly audioBufferMs: number;
}

/** Draws the measured picture and makes its tone in `page`, as its camera and microphone. */
async function drawGlass(page: Page): Promise<void> {
  await page.evaluate(async ({ WIDTH, HEIGHT, FPS, BIT_WIDTH, STRIP_HEIGHT, BOX, FLASH_S, TONE_HZ }) => {
    const canvas = document.createElement('canvas');
    canvas.width = WIDTH;
    canvas.height = HEIGHT;
    const draw = canvas.getContext('2d');
    const audio = new AudioContext();
    await audio.resume();
    const tone = audio.createOscillator();
    tone.frequency.value = TONE_HZ;
    const volume = audio.createGain();
    volume.gain.value = 0;
    const out = audio.createMediaStreamDestination();
    tone.connect(volume).connect(out);
    tone.start();
    // The frame goes out when it is drawn, not at the next tick of a clock of its own.
    const track = canvas.captureStream(0).getVideoTracks()[0] as CanvasCaptureMediaStreamTrack | undefined;
    if (draw === null || track === undefined) throw new Error('no canvas');
    let wasWhite = false;
    const paint = (): void => {
      const now = Date.now();
      window.tools.paintBoxes(draw, now, 60, 60, 40);
      const white = now % 1000 < FLASH_S * 1000;
      draw.fillStyle = white ? '#fff' : '#000';
      draw.fillRect(BOX.x, BOX.y, BOX.width, BOX.height);
      if (white !== wasWhite) volume.gain.setValueAtTime(white ? 0.5 : 0, audio.currentTime);
      wasWhite = white;
      window.tools.paintTime(draw, now, BIT_WIDTH, STRIP_HEIGHT);
      track.requestFrame();
    };
    setInterval(paint, 1000 / FPS);
    Object.assign(window, { camera: track, microphone: out.stream.getAudioTracks()[0] });
  }, PICTURE);
}

/** Publishes the measured picture and its tone by WHIP, in one encoding. */
export async function publishGlass(page: Page, url: string): Promise<void> {
  await drawGlass(page);
  await page.evaluate(async (url) => {
    const { camera, microphone } = window as unknown as Record<'camera' | 'microphone', MediaStreamTrack>;
    const pc = new RTCPeerConnection();
    Object.assign(window, { whip: pc });
    pc.addTransceiver(camera, { direction: 'sendonly', sendEncodings: [{ maxBitrate: 2_500_000 }] });
    pc.addTransceiver(microphone, { direction: 'sendonly' });
    await window.tools.negotiate(pc, url);
  }, url);
}

/**
 * Two browsers without a server between them: what of the figures is the browsers' own. Afterwards
 * {@link watchGlass} in `viewer` takes the stream from `publisher`, whatever its address.
 */
export async function publishDirect(publisher: Page, viewer: Page): Promise<void> {
  await drawGlass(publisher);
  await viewer.exposeFunction('answerDirect', (offer: string) =>
    publisher.evaluate(async (offer) => {
      const { camera, microphone } = window as unknown as Record<'camera' | 'microphone', MediaStreamTrack>;
      const pc = new RTCPeerConnection();
      Object.assign(window, { whip: pc });
      await pc.setRemoteDescription({ type: 'offer', sdp: offer });
      // One stream, or the viewer would not keep lips in sync.
      const stream = new MediaStream([camera, microphone]);
      for (const transceiver of pc.getTransceivers()) {
        const track = transceiver.receiver.track.kind === 'video' ? camera : microphone;
        await transceiver.sender.replaceTrack(track);
        transceiver.sender.setStreams(stream);
        transceiver.direction = 'sendonly';
      }
      await pc.setLocalDescription();
      const video = pc.getSenders().find(({ track }) => track?.kind === 'video');
      const parameters = video?.getParameters();
      for (const encoding of parameters?.encodings ?? []) encoding.maxBitrate = 2_500_000;
      if (parameters !== undefined) await video?.setParameters(parameters);
      while (pc.iceGatheringState !== 'complete') await new Promise((resolve) => setTimeout(resolve, 20));
      return pc.localDescription?.sdp ?? '';
    }, offer),
  );
}
/**
 * Watches by WHEP, and reads the picture and the tone from now on. Without `sound` the picture comes as early as it
 * can; with it the browser holds the picture back until its sound is there.
 */
export async function watchGlass(page: Page, url: string, sound: boolean): Promise<void> {
  await page.evaluate(
    async ({ url, sound, WIDTH, HEIGHT, BITS, STRIP_HEIGHT, BOX }) => {
      const readings = {
        delaysMs: [] as number[],
        flashesMs: [] as number[],
        beepsMs: [] as number[],
        firstPictureMs: -1,
        width: 0,
      };
      const startedMs = performance.now();
      const pc = new RTCPeerConnection();
      Object.assign(window, { whep: pc, readings });
      const context = new AudioContext();
      const analyser = context.createAnalyser();
      analyser.fftSize = 256;
      const video = window.tools.play(pc, (track) =>
        context.createMediaStreamSource(new MediaStream([track])).connect(analyser),
      );
      document.body.replaceChildren(video);
      const samples = new Float32Array(analyser.fftSize);
      let wasLoud = false;
      setInterval(() => {
        analyser.getFloatTimeDomainData(samples);
        const loud = samples.some((sample) => Math.abs(sample) > 0.1);
        if (loud && !wasLoud) readings.beepsMs.push(Date.now());
        wasLoud = loud;
      }, 5);
      // Four columns a bit, of which one inside is read; one more row for the box.
      const columns = BITS * 4;
      const canvas = new OffscreenCanvas(columns, 2);
      const draw = canvas.getContext('2d', { willReadFrequently: true });
      let wasWhite = false;
      const onFrame = (): void => {
        const nowMs = Date.now();
        if (readings.firstPictureMs < 0) readings.firstPictureMs = performance.now() - startedMs;
        readings.width = video.videoWidth;
        const scale = video.videoWidth / WIDTH;
        if (draw !== null) {
          draw.drawImage(
            video,
            0,
            (STRIP_HEIGHT / 4) * scale,
            WIDTH * scale,
            (STRIP_HEIGHT / 2) * scale,
            0,
            0,
            columns,
            1,
          );
          const middle = { x: (BOX.x + BOX.width / 4) * scale, y: (BOX.y + BOX.height / 4) * scale };
          draw.drawImage(
            video,
            middle.x,
            middle.y,
            (BOX.width / 2) * scale,
            (BOX.height / 2) * scale,
            0,
            1,
            4,
            1,
          );
          const { data } = draw.getImageData(0, 0, columns, 2);
          let code = 0;
          for (let bit = 0; bit < BITS; bit += 1) {
            // The strip's lower sixteen rows in HEIGHT are far from its edges in every layer.
            const green = data[(bit * 4 + 2) * 4 + 1] ?? 0;
            code = ((code << 1) | (green > 127 ? 1 : 0)) >>> 0;
          }
          const delayMs = ((nowMs >>> 0) - code) | 0;
          // Anything else was misread: a frame that came out damaged.
          if (delayMs >= 0 && delayMs < 60_000 && HEIGHT > 0) readings.delaysMs.push(delayMs);
          const white = (data[(columns + 1) * 4 + 1] ?? 0) > 127;
          if (white && !wasWhite) readings.flashesMs.push(nowMs);
          wasWhite = white;
        }
        video.requestVideoFrameCallback(onFrame);
      };
      video.requestVideoFrameCallback(onFrame);
      pc.addTransceiver('video', { direction: 'recvonly' });
      if (sound) pc.addTransceiver('audio', { direction: 'recvonly' });
      const { answerDirect } = window as unknown as { answerDirect?: (offer: string) => Promise<string> };
      if (answerDirect === undefined) {
        await window.tools.negotiate(pc, url);
        return;
      }
      await pc.setLocalDescription();
      while (pc.iceGatheringState !== 'complete') await new Promise((resolve) => setTimeout(resolve, 20));
      const sdp = await answerDirect(pc.localDescription?.sdp ?? '');
      await pc.setRemoteDescription({ type: 'answer', sdp });
    },
    { url, sound, ...PICTURE },
  );
}

/** What was read since {@link watchGlass} or the last reset. */
export const readGlass = (page: Page): Promise<GlassReadings> =>
  page.evaluate(async () => {
    const { whep, readings } = window as unknown as {
      whep: RTCPeerConnection;
      readings: Omit<GlassReadings, 'freezes' | 'videoBufferMs' | 'audioBufferMs'>;
    };
    const measured = { freezes: 0, videoBufferMs: 0, audioBufferMs: 0 };
    (await whep.getStats()).forEach((each) => {
      if (each.type !== 'inbound-rtp') return;
      const waitedMs = ((each.jitterBufferDelay ?? 0) / (each.jitterBufferEmittedCount ?? 1)) * 1000;
      if (each.kind === 'audio') measured.audioBufferMs = waitedMs;
      else Object.assign(measured, { freezes: each.freezeCount ?? 0, videoBufferMs: waitedMs });
    });
    return { ...readings, ...measured };
  });

/** Forgets what was read so far. */
export const resetGlass = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const { readings } = window as unknown as { readings: Record<string, unknown> };
    Object.assign(readings, { delaysMs: [], flashesMs: [], beepsMs: [] });
  });

/** Ends the viewer, so that the page can watch again. */
export const stopWatching = (page: Page): Promise<void> =>
  page.evaluate(() => (window as unknown as { whep: RTCPeerConnection }).whep.close());
