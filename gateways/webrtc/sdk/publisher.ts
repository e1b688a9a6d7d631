import type { Connection } from './connection.ts';
import type { SessionRequestBody } from './protocol.ts';
import { type PublishOptions, Sender } from './sender.ts';
import { SwitchyardError } from './switchyard-error.ts';

export interface PublisherPort {
  /** Resolves in a joined session; waits for one that is reconnecting. @throws SwitchyardError */
  whenJoined(): Promise<void>;
  /** The joined connection, if there is one. */
  connection(): Connection | undefined;
  /** Passed on now, or unnecessary because the next connection starts with it. @throws SwitchyardError */
  request(body: SessionRequestBody): Promise<void>;
  onSender(event: 'sender-added' | 'sender-removed' | 'sender-limit', sender: Sender): void;
}

/** What a session publishes. */
export class Publisher {
  readonly #port: PublisherPort;
  readonly #senders = new Map<string, Sender>();

  constructor(port: PublisherPort) {
    this.#port = port;
  }

  /** By track name: what the server has taken, and takes again on the next connection. */
  get senders(): ReadonlyMap<string, Sender> {
    return this.#senders;
  }

  /** @throws SwitchyardError */
  async publish(track: MediaStreamTrack, options: PublishOptions): Promise<Sender> {
    const sender = new Sender(track, options, {
      update: async (which, change) => {
        if (this.#senders.get(which.name) === which)
          await this.#port.request({ type: 'sender-update', name: which.name, ...change });
      },
      unpublish: (which) => this.#unpublish(which),
    });
    for (;;) {
      await this.#port.whenJoined();
      try {
        await this.#start(sender);
        return sender;
      } catch (error) {
        if (!(error instanceof SwitchyardError) || error.code !== 'connection-lost') throw error;
      }
    }
  }

  onLimit(name: string, maxBps: number): void {
    const sender = this.#senders.get(name);
    if (sender === undefined) return;
    sender.onLimit(maxBps);
    this.#port.onSender('sender-limit', sender);
  }

  onEncodings(name: string, wanted: readonly boolean[]): void {
    const sender = this.#senders.get(name);
    if (sender === undefined) return;
    sender.onEncodings(wanted);
    this.#port.onSender('sender-limit', sender);
  }

  /** The session is over. */
  clear(): void {
    for (const sender of this.#senders.values()) sender.unbind();
    this.#senders.clear();
  }

  async #start(sender: Sender): Promise<void> {
    if (this.#senders.has(sender.name))
      throw new SwitchyardError('invalid-request', 'A track of this name is published already.', {
        detail: sender.name,
      });
    const connection = this.#port.connection();
    if (connection === undefined) throw new SwitchyardError('connection-lost', 'The connection was lost.');
    await connection.renegotiate(
      (link) => {
        sender.bind(link);
        this.#senders.set(sender.name, sender);
      },
      () => {
        sender.unbind();
        if (this.#senders.get(sender.name) === sender) this.#senders.delete(sender.name);
      },
    );
    this.#port.onSender('sender-added', sender);
  }

  async #unpublish(sender: Sender): Promise<void> {
    if (this.#senders.get(sender.name) !== sender) return;
    this.#senders.delete(sender.name);
    this.#port.onSender('sender-removed', sender);
    try {
      await this.#port.connection()?.renegotiate(
        () => sender.unbind(),
        () => undefined,
      );
    } catch (error) {
      // With the connection the track is gone too, and the next one starts without it.
      if (!(error instanceof SwitchyardError) || error.code !== 'connection-lost') throw error;
    } finally {
      sender.unbind();
    }
  }
}
