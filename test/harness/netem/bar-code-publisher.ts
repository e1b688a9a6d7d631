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
      const noise = document.createElement('canvas');
      noise.width = 320;
      noise.height = 180;
      const grain = noise.getContext('2d');
      const image = grain?.createImageData(320, 180);
      if (grain === null || image === undefined) throw new Error('no canvas');
      let seed = 1;
      for (let i = 0; i < image.data.length; i += 4) {
        seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
        const grey = 90 + ((seed >>> 24) & 63);
        image.data.set([grey, grey, grey, 255], i);
      }
      grain.putImageData(image, 0, 0);
      const paint = (pen: CanvasRenderingContext2D): void => {
        const now = Date.now();
        const shift = (now / 20) % 320;
        pen.drawImage(noise, -shift * 3, 0, width, height);
        pen.drawImage(noise, width - shift * 3, 0, width, height);
        for (let i = 0; i < 30; i += 1) {
          pen.fillStyle = `hsl(${(i * 37 + now / 9) % 360} 90% 40%)`;
          pen.fillRect((i * 173 + now / 7) % width, 80 + ((i * 97 + now / 11) % (height - 120)), 60, 40);
        }
        window.tools.paintTime(pen, now, width / 32, 60);
      };
      const video = window.tools.drawnPicture(width, height, 30, paint);
      const microphone = window.tools.tone(new AudioContext(), 440, 1);
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
      await window.tools.negotiate(pc, url);
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
