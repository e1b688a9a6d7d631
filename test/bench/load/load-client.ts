import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type {
  LoadFigures,
  LoadReply,
  LoadRequest,
  PublishOptions,
  SubscribeOptions,
} from './load-messages.ts';

const ENTRY = fileURLToPath(new URL('./load-process.ts', import.meta.url));

/**
 * WebRTC load in a process of its own, so that what it costs is not counted with the server: a WHIP publisher of
 * synthetic media, and N WHEP subscribers with real ICE, DTLS and SRTP.
 */
export class LoadClient {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve(reply: LoadReply): void; reject(error: Error): void }>();
  #next = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (reply: LoadReply) => {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if (reply.error === undefined) waiting?.resolve(reply);
      else waiting?.reject(new Error(reply.error));
    });
    child.once('exit', (code) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the load process ended: ${code}`));
    });
  }

  static async start(): Promise<LoadClient> {
    const child = fork(ENTRY, { execArgv: ['--import', 'tsx'], stdio: 'inherit' });
    const client = new LoadClient(child);
    await new Promise<LoadReply>((resolve, reject) => client.#waiting.set(0, { resolve, reject }));
    return client;
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** Resolves when the publisher sends. */
  async publish(options: PublishOptions): Promise<void> {
    await this.#ask({ type: 'publish', options });
  }

  /** Changes the rate of all publishers' video. */
  async setRate(packetsPerSecond: number): Promise<void> {
    await this.#ask({ type: 'rate', packetsPerSecond });
  }

  /** Adds subscribers; resolves when all are connected. */
  async subscribe(options: SubscribeOptions): Promise<void> {
    await this.#ask({ type: 'subscribe', options });
  }

  /** Ends all subscribers: politely with DELETE, otherwise with the DTLS close only. */
  async unsubscribe(polite = true): Promise<void> {
    await this.#ask({ type: 'unsubscribe', polite });
  }

  /** Counters back to 0, without touching connections. */
  async reset(): Promise<void> {
    await this.#ask({ type: 'reset' });
  }

  async figures(): Promise<LoadFigures> {
    const { figures } = await this.#ask({ type: 'figures' });
    if (figures === undefined) throw new Error('no figures');
    return figures;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    this.#child.disconnect();
    await ended;
  }

  #ask(request: LoadRequest): Promise<LoadReply> {
    this.#next += 1;
    const id = this.#next;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, request });
    });
  }
}
