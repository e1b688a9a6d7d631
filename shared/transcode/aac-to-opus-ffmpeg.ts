import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { AacToOpus, OpusSink } from './aac-to-opus.ts';
import { OpusEncoder } from './opus-codec.ts';
import { OpusFramer } from './opus-framer.ts';

const RATES = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000,
] as const;
const ADTS_BYTES = 7;
const BYTES_PER_SAMPLE = 4;
/** Unread input above this is dropped: ffmpeg hangs. */
const QUEUE_MAX_BYTES = 1 << 20;
const BITRATE_BPS = 96_000;

/** AAC → PCM by the system's ffmpeg as a child process, PCM → Opus by libopus in WebAssembly. */
export class AacToOpusFfmpeg implements AacToOpus {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #header: (length: number) => Buffer;
  readonly #encoder = new OpusEncoder({ channels: 2, bitrateBps: BITRATE_BPS, application: 'audio' });
  /** Time of the first sample that comes out. */
  #baseMs: number | undefined;
  #samplesOut = 0;
  #rest: Buffer = Buffer.alloc(0);

  private constructor(
    child: ChildProcessByStdio<Writable, Readable, null>,
    header: (length: number) => Buffer,
    sink: OpusSink,
  ) {
    this.#child = child;
    this.#header = header;
    const framer = new OpusFramer((pcm, pts, level) => sink(this.#encoder.encode(pcm), pts / 48, level));
    child.stdin.on('error', () => {});
    child.stdout.on('data', (chunk: Buffer) => {
      const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
      const whole = bytes.length - (bytes.length % BYTES_PER_SAMPLE);
      const pcm = new Int16Array(whole / 2);
      for (let i = 0; i < pcm.length; i += 1) pcm[i] = bytes.readInt16LE(i * 2);
      this.#rest = bytes.subarray(whole);
      framer.push(pcm, (this.#baseMs ?? 0) + this.#samplesOut / 48);
      this.#samplesOut += whole / BYTES_PER_SAMPLE;
    });
  }

  static async create(config: Uint8Array, sink: OpusSink): Promise<AacToOpusFfmpeg> {
    const header = adtsHeader(config);
    const args = [
      '-hide_banner',
      '-loglevel',
      'error',
      '-probesize',
      '32',
      '-analyzeduration',
      '0',
      '-f',
      'aac',
      '-i',
      'pipe:0',
    ];
    const out = ['-f', 's16le', '-ar', '48000', '-ac', '2', '-flush_packets', '1', 'pipe:1'];
    const child = spawn('ffmpeg', [...args, ...out], { stdio: ['pipe', 'pipe', 'ignore'] });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', () =>
        reject(new Error('AAC needs a decoder: install ffmpeg, or the optional npm package node-av.')),
      );
    });
    return new AacToOpusFfmpeg(child, header, sink);
  }

  push(accessUnit: Uint8Array, ptsMs: number): void {
    this.#baseMs ??= ptsMs;
    if (this.#child.stdin.writableLength > QUEUE_MAX_BYTES) return;
    this.#child.stdin.write(this.#header(accessUnit.length));
    this.#child.stdin.write(Buffer.from(accessUnit));
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }
}

/** ADTS header (ISO/IEC 14496-3 §1.A.2.2) for access units of a configuration. */
function adtsHeader(config: Uint8Array): (length: number) => Buffer {
  const word = ((config[0] ?? 0) << 8) | (config[1] ?? 0);
  const objectType = word >> 11;
  const rateIndex = (word >> 7) & 15;
  const channels = (word >> 3) & 15;
  if (objectType < 1 || objectType > 4 || rateIndex >= RATES.length)
    throw new Error('The AAC configuration of the stream is not readable.');
  return (length) => {
    const total = length + ADTS_BYTES;
    return Buffer.from([
      0xff,
      0xf1,
      ((objectType - 1) << 6) | (rateIndex << 2) | (channels >> 2),
      ((channels & 3) << 6) | (total >> 11),
      (total >> 3) & 255,
      ((total & 7) << 5) | 0x1f,
      0xfc,
    ]);
  };
}
