import type { Socket } from 'node:net';
import { describeError, type ProtocolError } from '@switchyard/shared/protocol';
import type {
  Access,
  AccessControl,
  Config,
  CorePort,
  LinkEndpoint,
  Logger,
} from '@switchyard/shared/runtime';
import { Publisher } from './publisher.ts';
import { RtmpSession } from './rtmp-session.ts';
import { DEFAULT_PEER, type StreamKey } from './stream-key.ts';

/** Time to handshake, connect and publish, milliseconds. */
const SETUP_TIMEOUT_MS = 10_000;
/** A publisher that sends nothing for this long is gone. */
const SILENCE_TIMEOUT_MS = 15_000;
/** Unsent bytes above which a client that does not read is cut. */
const SEND_QUEUE_MAX_BYTES = 1 << 20;
/** A publisher that was silent this long gives way to one with the same name. */
export const REPLACEABLE_AFTER_MS: number = 3000;
/** Time to read the last sentence before the socket is cut. */
const LINGER_MS = 1000;

/** The name under which a stream is published; unique in the process. */
export interface StreamName {
  readonly app: string;
  readonly room: string;
  readonly peer: string;
}

export interface RtmpConnectionHome {
  readonly core: CorePort;
  readonly access: AccessControl;
  /** The process ends: nobody new. */
  readonly isDraining: boolean;
  /** Connections that were cut for what they sent. */
  faults: number;
  readonly policy: Config['rtmp']['transcode'];
  readonly logger: Logger;
  /** The connection that publishes under this name now, if any. */
  holderOf(name: StreamName): RtmpConnection | undefined;
  claim(name: StreamName, connection: RtmpConnection): void;
  gone(connection: RtmpConnection): void;
}

const nowMs = (): number => performance.timeOrigin + performance.now();

/** One RTMP client: its socket, its session and, once it publishes, its endpoint in the core. */
export class RtmpConnection {
  readonly #socket: Socket;
  readonly #home: RtmpConnectionHome;
  readonly #session: RtmpSession;
  #endpoint: LinkEndpoint | undefined;
  #publisher: Publisher | undefined;
  #heardMs = nowMs();
  #closed = false;
  name: StreamName | undefined;

  constructor(socket: Socket, home: RtmpConnectionHome) {
    this.#socket = socket;
    this.#home = home;
    this.#session = new RtmpSession({
      onPublish: (key) => {
        // What is sent before the answer waits in the socket.
        socket.pause();
        this.#publish(key).finally(() => socket.resume());
      },
      onMedia: (kind, timestampMs, payload) => {
        this.#heardMs = nowMs();
        this.#publisher?.handle(kind, timestampMs, payload);
      },
      onUnpublish: () => this.#leave(),
      send: (bytes) => {
        if (socket.writableLength > SEND_QUEUE_MAX_BYTES) socket.destroy();
        else if (socket.writable) socket.write(bytes);
      },
      end: () => this.#linger(),
    });
    socket.setNoDelay(true);
    socket.setTimeout(SETUP_TIMEOUT_MS, () => socket.destroy());
    socket.on('data', (bytes: Buffer) => {
      const fault = this.#session.receive(bytes);
      if (fault === undefined) return;
      home.faults += 1;
      home.logger.info({ fault, address: socket.remoteAddress }, 'bad RTMP');
      socket.destroy();
    });
    // 'close' follows every 'error'.
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#leave();
      home.gone(this);
    });
  }

  /** How long nothing came, milliseconds. */
  get silentMs(): number {
    return nowMs() - this.#heardMs;
  }

  get isPublishing(): boolean {
    return this.#endpoint !== undefined;
  }

  /** Ends the stream with a sentence for the person who publishes. */
  close(sentence: string): void {
    this.#leave();
    this.#session.close(sentence);
  }

  async #publish({ token, room, peer }: StreamKey): Promise<void> {
    if (this.#home.isDraining) {
      this.#refuse({ code: 'draining' });
      return;
    }
    const admission = await this.#home.access.admit({ token, room, peer, needs: ['publish'] });
    if (this.#closed || this.#socket.destroyed) return;
    if (!admission.ok) {
      this.#refuse(admission.error);
      return;
    }
    const { access } = admission;
    await this.#join({ app: access.app, room, peer: peer ?? access.peer ?? DEFAULT_PEER }, access);
  }

  #refuse(error: ProtocolError): void {
    this.#home.logger.info({ error, address: this.#socket.remoteAddress }, 'refused');
    this.#session.refuse(describeError(error), error.code);
  }

  async #join(name: StreamName, { permissions }: Access): Promise<void> {
    const { core, logger } = this.#home;
    const { room, peer } = name;
    const holder = this.#home.holderOf(name);
    // OBS reconnects before the old connection has timed out.
    if (holder !== undefined && holder.silentMs >= REPLACEABLE_AFTER_MS)
      holder.close('The same stream was published from elsewhere.');
    const endpoint = core.openEndpoint('rtmp', this.#socket.remoteAddress, {
      onEvent: (event) => {
        if (event.type === 'closed') this.close(describeError(event.error));
        else if (event.type === 'remote-track-keyframe-request') this.#publisher?.requestKeyframe();
        else if (event.type === 'error') {
          // A publisher asks for nothing but its tracks: without one of them the stream is not what it sends.
          logger.warn({ error: event.error }, 'refused by the core');
          this.close(describeError(event.error));
        }
      },
    });
    const error = await endpoint.request({
      type: 'join',
      ...name,
      publish: { peer: true, tracks: true },
      subscribe: { peers: false, tracks: false },
      permissions,
      replace: false,
    });
    if (error !== undefined || this.#closed || this.#socket.destroyed) {
      endpoint.close();
      if (error !== undefined) this.#refuse(error);
      return;
    }
    this.name = name;
    this.#endpoint = endpoint;
    this.#home.claim(name, this);
    this.#heardMs = nowMs();
    this.#publisher = new Publisher({
      endpoint,
      policy: this.#home.policy,
      nowMs,
      onRefused: (sentence) => this.close(sentence),
      log: (fields, message) => logger.info({ room, peer, ...fields }, message),
    });
    this.#socket.setTimeout(SILENCE_TIMEOUT_MS, () => this.#socket.destroy());
    this.#session.accept();
    logger.info({ room, peer }, 'publishing');
  }

  /** Out of the room; idempotent. */
  #leave(): void {
    this.#closed = true;
    this.#publisher?.close();
    this.#publisher = undefined;
    if (this.#endpoint === undefined) return;
    this.#endpoint.close();
    this.#endpoint = undefined;
    this.#home.logger.info({ room: this.name?.room, peer: this.name?.peer }, 'unpublished');
  }

  /** Lets the client read the last message, then cuts. */
  #linger(): void {
    this.#socket.end();
    setTimeout(() => this.#socket.destroy(), LINGER_MS).unref();
  }
}
