import type { Page } from 'playwright-core';

/** What a browser measured of a video track that it receives, from getStats; zeros where there is none. */
export interface InboundVideo {
  readonly framesDecoded: number;
  readonly framesReceived: number;
  readonly framesDropped: number;
  readonly freezeCount: number;
  readonly width: number;
  readonly height: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
  readonly codec: string;
  readonly ssrc: number;
}

/** What the tests' code in a page has in common, there as `window.tools`. */
export interface PageTools {
  /**
   * Offers by WHIP or WHEP at `url`, and takes the answer, as `rewriteAnswer` leaves it.
   * @returns The `Link` headers of the answer.
   * @throws what the server says when it refuses.
   */
  negotiate(pc: RTCPeerConnection, url: string, rewriteAnswer?: (sdp: string) => string): Promise<string>;
  /** An element, not yet in the document, that plays what `pc` receives; `onAudio` gets the audio track too. */
  play(pc: RTCPeerConnection, onAudio?: (track: MediaStreamTrack) => void): HTMLVideoElement;
  /** Lets the samples of a remote audio track flow, for who analyses them. */
  pullAudio(track: MediaStreamTrack): void;
  /** Of a page's analyser: the loudest frequency, Hertz; 0 for silence. */
  loudestHz(analyser: AnalyserNode): number;
  /** A tone. `gain` 1 is full scale. */
  tone(audio: AudioContext, hz: number, gain: number): MediaStreamTrack;
  /** A picture that `paint` draws `fps` times a second. */
  drawnPicture(
    width: number,
    height: number,
    fps: number,
    paint: (pen: CanvasRenderingContext2D) => void,
  ): MediaStreamTrack;
  /** A picture in which everything moves. */
  movingPicture(width: number, height: number, fps: number): MediaStreamTrack;
  /** Paints a moving picture: a background that changes colour, with `boxes` boxes of a size in pixels. */
  paintBoxes(
    pen: CanvasRenderingContext2D,
    nowMs: number,
    boxes: number,
    boxWidth: number,
    boxHeight: number,
  ): void;
  /** Paints the lower 32 bits of the time as a bar code in the top left corner, most significant first. */
  paintTime(pen: CanvasRenderingContext2D, nowMs: number, barWidth: number, barHeight: number): void;
  /** Statistics of the inbound stream for which `isWanted` holds. */
  inboundVideo(
    report: RTCStatsReport | undefined,
    isWanted: (stream: { readonly kind: string; readonly trackIdentifier: string }) => boolean,
  ): InboundVideo;
}

declare global {
  interface Window {
    tools: PageTools;
  }
}

/** Runs in the page, as text: it may use nothing of this file. */
function makeTools(): void {
  const tools: PageTools = {
    negotiate: async (pc, url, rewriteAnswer = (sdp) => sdp) => {
      await pc.setLocalDescription();
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/sdp' },
        body: pc.localDescription?.sdp ?? '',
      });
      const text = await response.text();
      if (response.status !== 201) throw new Error(`${response.status} ${text}`);
      await pc.setRemoteDescription({ type: 'answer', sdp: rewriteAnswer(text) });
      return response.headers.get('link') ?? '';
    },
    play: (pc, onAudio) => {
      const video = document.createElement('video');
      video.autoplay = true;
      video.muted = true;
      video.playsInline = true;
      const stream = new MediaStream();
      video.srcObject = stream;
      pc.ontrack = ({ track }) => {
        stream.addTrack(track);
        if (track.kind !== 'audio') return;
        tools.pullAudio(track);
        onAudio?.(track);
      };
      return video;
    },
    pullAudio: (track) => {
      // Chromium pulls remote audio only through an element.
      const element = new Audio();
      element.srcObject = new MediaStream([track]);
      element.muted = true;
      void element.play();
    },
    loudestHz: (analyser) => {
      const bins = new Float32Array(analyser.frequencyBinCount);
      analyser.getFloatFrequencyData(bins);
      let best = 1;
      for (let i = 2; i < bins.length; i += 1) if ((bins[i] ?? -200) > (bins[best] ?? -200)) best = i;
      return (bins[best] ?? -200) < -70 ? 0 : (best * analyser.context.sampleRate) / analyser.fftSize;
    },
    tone: (audio, hz, gain) => {
      const oscillator = audio.createOscillator();
      oscillator.frequency.value = hz;
      const volume = audio.createGain();
      volume.gain.value = gain;
      const out = audio.createMediaStreamDestination();
      oscillator.connect(volume).connect(out);
      oscillator.start();
      const [track] = out.stream.getAudioTracks();
      if (track === undefined) throw new Error('no tone');
      return track;
    },
    drawnPicture: (width, height, fps, paint) => {
      const canvas = document.createElement('canvas');
      canvas.width = width;
      canvas.height = height;
      const pen = canvas.getContext('2d');
      if (pen === null) throw new Error('no canvas');
      setInterval(() => paint(pen), 1000 / fps);
      paint(pen);
      const [track] = canvas.captureStream(fps).getVideoTracks();
      if (track === undefined) throw new Error('no canvas track');
      return track;
    },
    movingPicture: (width, height, fps) =>
      tools.drawnPicture(width, height, fps, (pen) =>
        tools.paintBoxes(pen, Date.now(), 40, width / 20, height / 16),
      ),
    paintBoxes: (pen, nowMs, boxes, boxWidth, boxHeight) => {
      const { width, height } = pen.canvas;
      pen.fillStyle = `hsl(${(nowMs / 20) % 360} 70% 50%)`;
      pen.fillRect(0, 0, width, height);
      for (let i = 0; i < boxes; i += 1) {
        pen.fillStyle = `hsl(${(i * 37 + nowMs / 9) % 360} 90% 40%)`;
        pen.fillRect((i * 173 + nowMs / 7) % width, (i * 97 + nowMs / 11) % height, boxWidth, boxHeight);
      }
    },
    paintTime: (pen, nowMs, barWidth, barHeight) => {
      for (let bit = 0; bit < 32; bit += 1) {
        pen.fillStyle = ((nowMs >>> (31 - bit)) & 1) === 1 ? '#fff' : '#000';
        pen.fillRect(bit * barWidth, 0, barWidth, barHeight);
      }
    },
    inboundVideo: (report, isWanted) => {
      let video: InboundVideo = {
        framesDecoded: 0,
        framesReceived: 0,
        framesDropped: 0,
        freezeCount: 0,
        width: 0,
        height: 0,
        packetsReceived: 0,
        packetsLost: 0,
        codec: '',
        ssrc: 0,
      };
      report?.forEach((each) => {
        if (each.type !== 'inbound-rtp' || !isWanted(each)) return;
        video = {
          framesDecoded: each.framesDecoded ?? 0,
          framesReceived: each.framesReceived ?? 0,
          framesDropped: each.framesDropped ?? 0,
          freezeCount: each.freezeCount ?? 0,
          width: each.frameWidth ?? 0,
          height: each.frameHeight ?? 0,
          packetsReceived: each.packetsReceived ?? 0,
          packetsLost: each.packetsLost ?? 0,
          codec: report.get(each.codecId)?.mimeType ?? '',
          ssrc: each.ssrc,
        };
      });
      return video;
    },
  };
  window.tools = tools;
}

/** Gives every document that `page` opens from now on its `window.tools`. */
export async function installPageTools(page: Page): Promise<void> {
  // A bench's loader marks functions with a helper that a page does not have; as text, or it would mark this one too.
  const keepNames = 'globalThis.__name = (named) => named';
  await page.addInitScript(`${keepNames};\n(${makeTools})();`);
}
