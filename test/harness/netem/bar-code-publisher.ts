import type { Page } from 'playwright-core';

/** Simulcast of the bad-network tests, lowest first, bits per second. */
export const LAYER_BPS = [150_000, 500_000, 2_500_000] as const;
/** Large enough for three encodings, small enough for a machine that also decodes. */
export const PICTURE = { width: 960, height: 540 } as const;

/**
 * Publishes by WHIP a picture that is hard to compress, so that every encoding uses its bitrate, with the time as a bar
 * code of 32 bits on top, and a tone. Stays as `window.whip` in the page.
 */
export async function publishBarCode(page: Page, url: string): Promise<void> {
  await page.evaluate(
    async ({ url, layers, picture }) => {
      const { width, height } = picture;
      const canvas = document.createElement('canvas');
      canvas.width = width;
      canvas.height = height;
      const draw = canvas.getContext('2d');
      const noise = document.createElement('canvas');
      noise.width = 320;
      noise.height = 180;
      const grain = noise.getContext('2d');
      const image = grain?.createImageData(320, 180);
      if (draw === null || grain === null || image === undefined) throw new Error('no canvas');
      let seed = 1;
      for (let i = 0; i < image.data.length; i += 4) {
        seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
        const grey = 90 + ((seed >>> 24) & 63);
        image.data.set([grey, grey, grey, 255], i);
      }
      grain.putImageData(image, 0, 0);
      const paint = (): void => {
        const now = Date.now();
        const shift = (now / 20) % 320;
        draw.drawImage(noise, -shift * 3, 0, width, height);
        draw.drawImage(noise, width - shift * 3, 0, width, height);
        for (let i = 0; i < 30; i += 1) {
          draw.fillStyle = `hsl(${(i * 37 + now / 9) % 360} 90% 40%)`;
          draw.fillRect((i * 173 + now / 7) % width, 80 + ((i * 97 + now / 11) % (height - 120)), 60, 40);
        }
        const bar = width / 32;
        for (let bit = 0; bit < 32; bit += 1) {
          draw.fillStyle = ((now >>> (31 - bit)) & 1) === 1 ? '#fff' : '#000';
          draw.fillRect(bit * bar, 0, bar, 60);
        }
      };
      setInterval(paint, 1000 / 30);
      paint();
      const audio = new AudioContext();
      const tone = audio.createOscillator();
      const out = audio.createMediaStreamDestination();
      tone.connect(out);
      tone.start();
      const [video] = canvas.captureStream(30).getVideoTracks();
      const [microphone] = out.stream.getAudioTracks();
      if (video === undefined || microphone === undefined) throw new Error('no tracks');
      const pc = new RTCPeerConnection();
      Object.assign(window, { whip: pc });
      pc.addTransceiver(video, {
        direction: 'sendonly',
        sendEncodings: [
          { rid: 'l', scaleResolutionDownBy: 4, maxBitrate: layers[0] },
          { rid: 'm', scaleResolutionDownBy: 2, maxBitrate: layers[1] },
          { rid: 'h', maxBitrate: layers[2] },
        ],
      });
      pc.addTransceiver(microphone, { direction: 'sendonly' });
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
    { url, layers: LAYER_BPS, picture: PICTURE },
  );
}

/** Bits per second of each encoding that the publisher's page sends, lowest first, over the last second. */
export const publishedBps = (page: Page): Promise<number[]> =>
  page.evaluate(async () => {
    const { whip } = window as unknown as { whip: RTCPeerConnection };
    const read = async (): Promise<Map<string, number>> => {
      const bytes = new Map<string, number>();
      for (const each of (await whip.getStats()).values())
        if (each.type === 'outbound-rtp' && each.kind === 'video') bytes.set(each.rid, each.bytesSent);
      return bytes;
    };
    const before = await read();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const after = await read();
    return ['l', 'm', 'h'].map((rid) => ((after.get(rid) ?? 0) - (before.get(rid) ?? 0)) * 8);
  });
