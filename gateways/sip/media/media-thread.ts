import { Worker } from 'node:worker_threads';
// The Opus addon crashes the process when a worker that loaded it first ends: the main thread loads it before.
import '@switchyard/shared/transcode';
import type { Logger } from '@switchyard/shared/runtime';
import type { NegotiatedAudio } from '../sdp-negotiation.ts';
import type { AudioTarget, MediaCommand, MediaEvent, MediaWorkerData } from './worker-messages.ts';

export interface CallMediaEvents {
  onVoice(payload: Uint8Array, timestamp: number, levelDbov: number): void;
  onSilent(): void;
}

interface Opening {
  readonly resolve: (port: number | undefined) => void;
}

/** The media worker as the main thread sees it. */
export class MediaThread {
  readonly #worker: Worker;
  readonly #opening = new Map<number, Opening>();
  readonly #calls = new Map<number, CallMediaEvents>();
  readonly #onLost: () => void;

  /** @param onLost The worker died, with the media of every call. */
  constructor(data: MediaWorkerData, logger: Logger, onLost: () => void) {
    this.#onLost = onLost;
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    this.#worker = new Worker(new URL(`./media-worker.${extension}`, import.meta.url), { workerData: data });
    this.#worker.on('message', (event: MediaEvent) => this.#onEvent(event));
    this.#worker.on('error', (error) => {
      logger.error({ err: error }, 'the media thread failed');
      this.#onLost();
    });
  }

  /** @returns The RTP port of the call, undefined when none is free. */
  async open(call: number, slots: readonly number[], events: CallMediaEvents): Promise<number | undefined> {
    this.#calls.set(call, events);
    this.#send({ type: 'open', call, slots });
    return await new Promise((resolve) => this.#opening.set(call, { resolve }));
  }

  negotiated(call: number, audio: NegotiatedAudio): void {
    this.#send({ type: 'negotiated', call, audio });
  }

  /** @param payload Copied. */
  play(payload: Uint8Array, targets: readonly AudioTarget[]): void {
    this.#send({ type: 'audio', payload: payload.slice(), targets });
  }

  /** @param speaker undefined: nobody. */
  setSlot(call: number, slot: number, speaker: string | undefined): void {
    this.#send({ type: 'slot', call, slot, speaker });
  }

  close(call: number): void {
    this.#calls.delete(call);
    this.#opening.get(call)?.resolve(undefined);
    this.#opening.delete(call);
    this.#send({ type: 'close', call });
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }

  #send(command: MediaCommand): void {
    this.#worker.postMessage(command);
  }

  #onEvent(event: MediaEvent): void {
    switch (event.type) {
      case 'ready':
        return;
      case 'opened':
      case 'no-port': {
        const opening = this.#opening.get(event.call);
        this.#opening.delete(event.call);
        opening?.resolve(event.type === 'opened' ? event.port : undefined);
        return;
      }
      case 'voice':
        this.#calls.get(event.call)?.onVoice(event.payload, event.timestamp, event.levelDbov);
        return;
      case 'silent':
        this.#calls.get(event.call)?.onSilent();
        return;
    }
  }
}
