import { type ChildProcess, spawn, spawnSync } from 'node:child_process';

export const hasFfmpeg = (): boolean => spawnSync('ffmpeg', ['-version']).status === 0;

export interface FfmpegOptions {
  readonly bFrames: number;
  readonly toneHz: number;
  /** Seconds between keyframes. */
  readonly keyframeS?: number;
  readonly size?: string;
  readonly audioRate?: 44_100 | 48_000;
  readonly audioChannels?: 1 | 2;
  /** Once a second, for a tenth of it: a white picture and the tone. Dark and silent otherwise. */
  readonly metronome?: boolean;
  readonly video?: boolean;
  readonly audio?: boolean;
}

/** For who only has to be there: a small picture without sound. */
export const SMALL_PICTURE: FfmpegOptions = { bFrames: 0, toneHz: 440, size: '160x120', audio: false };

/** ffmpeg as a publisher: a moving picture with a clock, and a tone. */
export class FfmpegPublisher {
  readonly #child: ChildProcess;
  #output = '';
  #exitCode: number | null | undefined;

  constructor(url: string, options: FfmpegOptions) {
    const {
      bFrames,
      toneHz,
      keyframeS = 2,
      size = '1280x720',
      audioRate = 48_000,
      audioChannels = 2,
    } = options;
    const picture =
      options.metronome === true
        ? `color=c=black:size=${size}:rate=30,drawbox=t=fill:c=white:enable='lt(mod(t,1),0.1)'`
        : `testsrc2=size=${size}:rate=30`;
    const sound =
      options.metronome === true
        ? `aevalsrc='0.5*sin(2*PI*${toneHz}*t)*lt(mod(t,1),0.1)':s=${audioRate}`
        : `sine=frequency=${toneHz}:sample_rate=${audioRate}`;
    const video = options.video ?? true;
    const audio = options.audio ?? true;
    const args = [
      ['-hide_banner', '-loglevel', 'verbose', '-re'],
      video ? ['-f', 'lavfi', '-i', picture] : [],
      audio ? ['-f', 'lavfi', '-i', sound] : [],
      video
        ? [
            '-c:v',
            'libx264',
            '-preset',
            'ultrafast',
            '-profile:v',
            bFrames > 0 ? 'high' : 'main',
            '-pix_fmt',
            'yuv420p',
          ]
        : [],
      video ? ['-bf', `${bFrames}`, '-g', `${keyframeS * 30}`, '-b:v', '2500k'] : [],
      audio ? ['-c:a', 'aac', '-b:a', '128k', '-ac', `${audioChannels}`] : [],
      ['-f', 'flv', url],
    ].flat();
    this.#child = spawn('ffmpeg', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#output = (this.#output + chunk.toString()).slice(-20_000);
    });
    this.#child.once('exit', (code) => {
      this.#exitCode = code;
    });
  }

  get output(): string {
    return this.#output;
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** undefined while it runs. */
  get exitCode(): number | null | undefined {
    return this.#exitCode;
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}
