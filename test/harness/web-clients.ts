import type { Page } from 'playwright-core';

/** What a viewer's browser measured, from getStats. */
export interface ViewerStats {
  readonly framesDecoded: number;
  readonly framesReceived: number;
  readonly framesDropped: number;
  readonly freezeCount: number;
  readonly width: number;
  readonly height: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
  readonly audioPackets: number;
  readonly audioEnergy: number;
  readonly codec: string;
  readonly state: string;
}

/** Publishes a moving canvas and a tone by WHIP, with simulcast. Stays as `window.whip` in the page. */
export async function publishWhip(
  page: Page,
  url: string,
  options: { readonly simulcast: boolean; readonly toneHz: number; readonly codec?: string },
): Promise<void> {
  await page.evaluate(
    async ({ url, simulcast, toneHz, codec }) => {
      const canvas = document.createElement('canvas');
      canvas.width = 1280;
      canvas.height = 720;
      const draw = canvas.getContext('2d');
      const paint = (): void => {
        if (draw === null) return;
        const now = Date.now();
        draw.fillStyle = `hsl(${(now / 20) % 360} 70% 50%)`;
        draw.fillRect(0, 0, 1280, 720);
        for (let i = 0; i < 60; i += 1) {
          draw.fillStyle = `hsl(${(i * 37 + now / 9) % 360} 90% 40%)`;
          draw.fillRect((i * 173 + now / 7) % 1280, (i * 97 + now / 11) % 720, 60, 40);
        }
        // The time as a bar code of 32 bits, most significant first.
        for (let bit = 0; bit < 32; bit += 1) {
          draw.fillStyle = ((Math.floor(now) >>> (31 - bit)) & 1) === 1 ? '#fff' : '#000';
          draw.fillRect(bit * 40, 0, 40, 80);
        }
      };
      setInterval(paint, 1000 / 30);
      paint();
      const video = canvas.captureStream(30).getVideoTracks()[0];
      const audio = new AudioContext();
      const tone = audio.createOscillator();
      tone.frequency.value = toneHz;
      const volume = audio.createGain();
      volume.gain.value = 0.3;
      const out = audio.createMediaStreamDestination();
      tone.connect(volume).connect(out);
      tone.start();
      const pc = new RTCPeerConnection();
      Object.assign(window, { whip: pc });
      if (video === undefined) throw new Error('no canvas track');
      const transceiver = pc.addTransceiver(video, {
        direction: 'sendonly',
        sendEncodings: simulcast
          ? [
              { rid: 'l', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
              { rid: 'm', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
              { rid: 'h', maxBitrate: 2_500_000 },
            ]
          : [{ maxBitrate: 2_500_000 }],
      });
      if (codec !== undefined) {
        const all = RTCRtpReceiver.getCapabilities('video')?.codecs ?? [];
        const wanted = all.filter(
          ({ mimeType }) => mimeType === `video/${codec}` || mimeType === 'video/rtx',
        );
        transceiver.setCodecPreferences(wanted);
      }
      const [microphone] = out.stream.getAudioTracks();
      if (microphone !== undefined) pc.addTransceiver(microphone, { direction: 'sendonly' });
      await pc.setLocalDescription();
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/sdp' },
        body: pc.localDescription?.sdp ?? '',
      });
      const sdp = await response.text();
      if (response.status !== 201) throw new Error(`${response.status} ${sdp}`);
      await pc.setRemoteDescription({ type: 'answer', sdp });
    },
    { url, ...options },
  );
}

/** Watches by WHEP. Stays as `window.whep` in the page, with an analyser of what is heard. */
export async function watchWhep(page: Page, url: string): Promise<void> {
  await page.evaluate(async (url) => {
    const pc = new RTCPeerConnection();
    const video = document.createElement('video');
    video.autoplay = true;
    video.muted = true;
    video.playsInline = true;
    document.body.append(video);
    const stream = new MediaStream();
    video.srcObject = stream;
    const startMs = performance.now();
    video.requestVideoFrameCallback(() =>
      Object.assign(window, { firstFrameMs: performance.now() - startMs }),
    );
    const audio = new AudioContext();
    const analyser = audio.createAnalyser();
    analyser.fftSize = 8192;
    Object.assign(window, { whep: pc, video, analyser, audioContext: audio });
    pc.ontrack = ({ track }) => {
      stream.addTrack(track);
      if (track.kind !== 'audio') return;
      // Chromium pulls remote audio only through an element.
      const element = new Audio();
      element.srcObject = new MediaStream([track]);
      element.muted = true;
      void element.play();
      audio.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    };
    pc.addTransceiver('video', { direction: 'recvonly' });
    pc.addTransceiver('audio', { direction: 'recvonly' });
    await pc.setLocalDescription();
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/sdp' },
      body: pc.localDescription?.sdp ?? '',
    });
    const sdp = await response.text();
    if (response.status !== 201) throw new Error(`${response.status} ${sdp}`);
    await pc.setRemoteDescription({ type: 'answer', sdp });
  }, url);
}

/** Time from the beginning of {@link watchWhep} to its first picture, milliseconds; undefined while there is none. */
export const firstFrameMs = (page: Page): Promise<number | undefined> =>
  page.evaluate(() => (window as unknown as { firstFrameMs?: number }).firstFrameMs);

/** The loudest frequency that the WHEP page hears, Hertz; 0 for silence. */
export const heardHz = (page: Page): Promise<number> =>
  page.evaluate(() => {
    const { analyser, audioContext } = window as unknown as {
      analyser: AnalyserNode;
      audioContext: AudioContext;
    };
    const bins = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(bins);
    let best = 1;
    for (let i = 2; i < bins.length; i += 1) if ((bins[i] ?? 0) > (bins[best] ?? 0)) best = i;
    return (bins[best] ?? -200) < -70 ? 0 : (best * audioContext.sampleRate) / analyser.fftSize;
  });

/** Statistics of the peer connection `window[name]`. */
export const viewerStats = (page: Page, name = 'whep'): Promise<ViewerStats> =>
  page.evaluate(async (name) => {
    const pc = (window as unknown as Record<string, RTCPeerConnection>)[name];
    const stats = {
      framesDecoded: 0,
      framesReceived: 0,
      framesDropped: 0,
      freezeCount: 0,
      width: 0,
      height: 0,
      packetsReceived: 0,
      packetsLost: 0,
      audioPackets: 0,
      audioEnergy: 0,
      codec: '',
      state: pc?.connectionState ?? '',
    };
    const report = await pc?.getStats();
    report?.forEach((each) => {
      if (each.type !== 'inbound-rtp') return;
      if (each.kind === 'audio') {
        stats.audioPackets = each.packetsReceived ?? 0;
        stats.audioEnergy = each.totalAudioEnergy ?? 0;
        return;
      }
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
  }, name);
