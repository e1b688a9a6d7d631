import { type ChildProcess, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { BIT_WIDTH, BITS, BOX, FLASH_S, FPS, HEIGHT, STRIP_HEIGHT, TONE_HZ, WIDTH } from './glass-picture.ts';

const LUMA_BYTES = WIDTH * HEIGHT;
const FRAME_BYTES = (LUMA_BYTES * 3) / 2;
const SAMPLE_RATE = 48_000;
const TICK_MS = 4;
/** The texture moves so many rows a frame. */
const ROWS_PER_FRAME = 3;
const WHITE = 235;
const BLACK = 16;
const GREY = 128;

export interface GlassEncoderOptions {
  readonly url: string;
  readonly bFrames: number;
  /** Seconds between keyframes. */
  readonly keyframeS: number;
}

/**
 * OBS's part: the measured picture and tone, made now and here, encoded by ffmpeg and published over RTMP. Picture and
 * tone go into ffmpeg by pipes at the pace of the wall clock.
 */
export class GlassEncoder {
  readonly #child: ChildProcess;
  readonly #timer: NodeJS.Timeout;
  readonly #startMs = performance.now();
  readonly #texture = makeTexture();
  #frames = 0;
  #samples = 0;
  #output = '';

  constructor({ url, bFrames, keyframeS }: GlassEncoderOptions) {
    const raw = ['-probesize', '32', '-analyzeduration', '0', '-thread_queue_size', '64'];
    const args = [
      ['-hide_banner', '-loglevel', 'warning', '-fflags', 'nobuffer'],
      [
        ...raw,
        '-f',
        'rawvideo',
        '-pix_fmt',
        'yuv420p',
        '-s',
        `${WIDTH}x${HEIGHT}`,
        '-r',
        `${FPS}`,
        '-i',
        'pipe:0',
      ],
      [...raw, '-f', 's16le', '-ar', `${SAMPLE_RATE}`, '-ac', '1', '-i', 'pipe:3'],
      ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-b:v', '2500k'],
      ['-g', `${keyframeS * FPS}`, '-bf', `${bFrames}`],
      bFrames === 0
        ? ['-tune', 'zerolatency', '-profile:v', 'main']
        : ['-profile:v', 'high', '-threads', '1'],
      ['-c:a', 'aac', '-b:a', '128k', '-flush_packets', '1', '-f', 'flv', url],
    ].flat();
    this.#child = spawn('ffmpeg', args, { stdio: ['pipe', 'ignore', 'pipe', 'pipe'] });
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#output = (this.#output + chunk.toString()).slice(-10_000);
    });
    for (const pipe of [this.#child.stdin, this.#child.stdio[3]]) pipe?.on('error', () => {});
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  get output(): string {
    return this.#output;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#child.kill('SIGKILL');
  }

  #tick(): void {
    const elapsedMs = performance.now() - this.#startMs;
    const framesDue = Math.floor((elapsedMs * FPS) / 1000);
    const samplesDue = Math.floor((elapsedMs * SAMPLE_RATE) / 1000);
    const audio = this.#child.stdio[3] as Writable | null | undefined;
    if (samplesDue > this.#samples) {
      audio?.write(toneOf(this.#samples, samplesDue));
      this.#samples = samplesDue;
    }
    for (; this.#frames < framesDue; this.#frames += 1) this.#child.stdin?.write(this.#frame(this.#frames));
  }

  #frame(index: number): Buffer {
    const frame = Buffer.allocUnsafe(FRAME_BYTES);
    const shift = ((index * ROWS_PER_FRAME) % HEIGHT) * WIDTH;
    this.#texture.copy(frame, 0, shift, shift + LUMA_BYTES);
    frame.fill(GREY, LUMA_BYTES);
    const white = (index / FPS) % 1 < FLASH_S;
    for (let row = BOX.y; row < BOX.y + BOX.height; row += 1)
      frame.fill(white ? WHITE : BLACK, row * WIDTH + BOX.x, row * WIDTH + BOX.x + BOX.width);
    const now = Date.now();
    for (let bit = 0; bit < BITS; bit += 1) {
      const one = ((now >>> (BITS - 1 - bit)) & 1) === 1;
      frame.fill(one ? WHITE : BLACK, bit * BIT_WIDTH, (bit + 1) * BIT_WIDTH);
    }
    for (let row = 1; row < STRIP_HEIGHT; row += 1) frame.copy(frame, row * WIDTH, 0, WIDTH);
    return frame;
  }
}

/** Twice the picture's height, so that it can be scrolled. */
function makeTexture(): Buffer {
  const texture = Buffer.alloc(LUMA_BYTES * 2);
  for (let row = 0; row < HEIGHT * 2; row += 1)
    for (let column = 0; column < WIDTH; column += 1)
      texture[row * WIDTH + column] =
        GREY +
        Math.round(
          60 *
            Math.sin(column / 31 + ((row % HEIGHT) * 2 * Math.PI) / HEIGHT) *
            Math.cos(((row % HEIGHT) * 18 * Math.PI) / HEIGHT),
        );
  return texture;
}

function toneOf(from: number, to: number): Buffer {
  const bytes = Buffer.alloc((to - from) * 2);
  for (let sample = from; sample < to; sample += 1) {
    const seconds = sample / SAMPLE_RATE;
    const value = seconds % 1 < FLASH_S ? 0.5 * Math.sin(2 * Math.PI * TONE_HZ * seconds) : 0;
    bytes.writeInt16LE(Math.round(value * 32_767), (sample - from) * 2);
  }
  return bytes;
}
