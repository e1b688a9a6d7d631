import type { Page } from 'playwright-core';

interface Moments {
  readonly flashes: number[];
  readonly beeps: number[];
}

/** Notes when the page that watches by WHEP shows a flash (a bright picture) and hears a beep, after dark and silence. */
export const watchFlashesAndBeeps = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const { video, whep } = window as unknown as { video: HTMLVideoElement; whep: RTCPeerConnection };
    const moments: Moments = { flashes: [], beeps: [] };
    Object.assign(window, { moments });
    const canvas = document.createElement('canvas');
    canvas.width = 8;
    canvas.height = 8;
    const draw = canvas.getContext('2d', { willReadFrequently: true });
    let bright = true;
    const onFrame = (_: number, { expectedDisplayTime }: VideoFrameCallbackMetadata): void => {
      video.requestVideoFrameCallback(onFrame);
      if (draw === null) return;
      draw.drawImage(video, 0, 0, 8, 8);
      const isBright = (draw.getImageData(4, 4, 1, 1).data[1] ?? 0) > 128;
      if (isBright && !bright) moments.flashes.push(expectedDisplayTime);
      bright = isBright;
    };
    video.requestVideoFrameCallback(onFrame);
    const audio = new AudioContext({ latencyHint: 0 });
    const track = whep.getReceivers().find((receiver) => receiver.track.kind === 'audio')?.track;
    if (track === undefined) throw new Error('no audio');
    // Short blocks, so that a beep is noted within a few milliseconds.
    const ear = audio.createScriptProcessor(256, 1, 1);
    let loudMs = Number.NEGATIVE_INFINITY;
    ear.onaudioprocess = ({ inputBuffer }) => {
      if (!inputBuffer.getChannelData(0).some((sample) => Math.abs(sample) > 0.1)) return;
      const nowMs = performance.now();
      if (nowMs - loudMs > 200) moments.beeps.push(nowMs);
      loudMs = nowMs;
    };
    audio
      .createMediaStreamSource(new MediaStream([track]))
      .connect(ear)
      .connect(audio.destination);
  });

/** How much later than its flash each beep was heard, milliseconds. */
export async function beepDelays(page: Page): Promise<number[]> {
  const { flashes, beeps } = await page.evaluate(() => (window as unknown as { moments: Moments }).moments);
  return flashes.flatMap((flash) => {
    const nearest = beeps.reduce(
      (best, beep) => (Math.abs(beep - flash) < Math.abs(best - flash) ? beep : best),
      Number.POSITIVE_INFINITY,
    );
    return Math.abs(nearest - flash) < 500 ? [nearest - flash] : [];
  });
}
