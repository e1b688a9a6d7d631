import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { TranscoderInput, TranscoderOutput } from './video-transcoder-process.ts';

/** Pictures that may wait for the child; above it pictures are dropped until it has caught up. */
const QUEUE_MAX = 90;
/** A child that dies is replaced, but not more often than this many times in a minute. */
const RESTARTS_MAX = 5;
const RESTART_WINDOW_MS = 60_000;

export interface VideoTranscoderOptions {
  /** AVCDecoderConfigurationRecord of the source. */
  readonly config: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly bitrateBps: number;
}

export interface VideoTranscoderListener {
  /** One access unit without reordering: NAL units without start codes, in order. */
  onPicture(nals: readonly Uint8Array[], ptsMs: number): void;
  /** It cannot go on; `reason` is a sentence. Called once. */
  onFailed(reason: string): void;
}

/**
 * H.264 with B-frames → H.264 that browsers can play (baseline, no reordering, keyframes on request). The work is done in a child
 * process: a crash of native code ends no other stream.
 */
export class VideoTranscoder {
  readonly #options: VideoTranscoderOptions;
  readonly #listener: VideoTranscoderListener;
  #child: ChildProcess;
  #waiting = 0;
  #dropping = false;
  #closed = false;
  #restarts: number[] = [];

  constructor(options: VideoTranscoderOptions, listener: VideoTranscoderListener) {
    this.#options = options;
    this.#listener = listener;
    this.#child = this.#start();
  }

  /** Process id of the child, for tests and measurements. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** One access unit as FLV has it (length-prefixed), in decoding order. */
  push(picture: Uint8Array, dtsMs: number, ptsMs: number, keyframe: boolean): void {
    if (this.#closed || !this.#child.connected) return;
    if (this.#waiting > QUEUE_MAX) this.#dropping = true;
    // After a drop the decoder needs a keyframe to go on.
    if (this.#dropping && (!keyframe || this.#waiting > QUEUE_MAX / 3)) return;
    this.#dropping = false;
    this.#waiting += 1;
    this.#send({ type: 'picture', data: Buffer.from(picture), dtsMs, ptsMs });
  }

  requestKeyframe(): void {
    this.#send({ type: 'keyframe' });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#child.kill('SIGKILL');
  }

  #start(): ChildProcess {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const path = fileURLToPath(new URL(`./video-transcoder-process.${extension}`, import.meta.url));
    const child = fork(path, [], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    child.on('message', (message: TranscoderOutput) => this.#onMessage(message));
    child.on('error', () => {});
    child.once('exit', () => this.#onExit());
    this.#waiting = 0;
    this.#child = child;
    this.#send({ type: 'open', ...this.#options, config: Buffer.from(this.#options.config) });
    return child;
  }

  #send(message: TranscoderInput): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  #onMessage(message: TranscoderOutput): void {
    if (this.#closed) return;
    if (message.type === 'consumed') this.#waiting -= 1;
    else if (message.type === 'picture') this.#listener.onPicture(message.nals, message.ptsMs);
    else this.#fail(message.reason);
  }

  #onExit(): void {
    if (this.#closed) return;
    const nowMs = performance.now();
    this.#restarts = this.#restarts.filter((at) => nowMs - at < RESTART_WINDOW_MS);
    this.#restarts.push(nowMs);
    if (this.#restarts.length > RESTARTS_MAX)
      this.#fail('The video transcoder keeps crashing on this stream.');
    else {
      this.#dropping = true;
      this.#start();
    }
  }

  #fail(reason: string): void {
    if (this.#closed) return;
    this.close();
    this.#listener.onFailed(reason);
  }
}
