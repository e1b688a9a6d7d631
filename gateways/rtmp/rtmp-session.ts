import type { ErrorCode } from '@switchyard/shared/protocol';
import { type MediaPhase, RtmpProtocol, type RtmpProtocolListener } from './rtmp-protocol.ts';
import { readStreamKey, type StreamKey } from './stream-key.ts';

const WINDOW_BYTES = 5_000_000;
const CHUNK_BYTES = 65_535;
const NAME_MAX_LENGTH = 1024;

export interface RtmpSessionListener {
  /** Asks for the permission to publish; answered by {@link RtmpSession.accept} or {@link RtmpSession.refuse}. */
  onPublish(key: StreamKey): void;
  /** Media of an accepted publisher. */
  onMedia(kind: 'audio' | 'video', timestampMs: number, payload: Buffer): void;
  /** The publisher ended its stream. */
  onUnpublish(): void;
  /** Bytes for the client. */
  send(bytes: Buffer): void;
  /** Nothing more will come of this connection: flush and close it. */
  end(): void;
}

/** One RTMP client as a pure machine: handshake → connect → permission → publish. */
export class RtmpSession implements RtmpProtocolListener {
  readonly #listener: RtmpSessionListener;
  readonly #protocol: RtmpProtocol;
  #app: string | undefined;
  #streamId = 1;
  #phase: MediaPhase = 'none';
  #ended = false;

  constructor(listener: RtmpSessionListener) {
    this.#listener = listener;
    this.#protocol = new RtmpProtocol(this, (bytes) => {
      if (!this.#ended) listener.send(bytes);
    });
  }

  get phase(): MediaPhase {
    return this.#phase;
  }

  get isPublishing(): boolean {
    return this.#phase === 'publish' && !this.#ended;
  }

  /** @returns What is wrong with the connection: destroy it. */
  receive(bytes: Buffer): string | undefined {
    return this.#ended ? undefined : this.#protocol.receive(bytes);
  }

  accept(): void {
    if (this.#ended || this.#phase !== 'early') return;
    this.#phase = 'publish';
    this.#status('status', 'NetStream.Publish.Start', 'Publishing.');
  }

  /**
   * @param sentence What the person in front of OBS or ffmpeg reads.
   * @param code Why, for the program: becomes RTMP's own code.
   */
  refuse(sentence: string, code: ErrorCode = 'invalid-name'): void {
    if (this.#ended) return;
    this.#status('error', statusOf(code), sentence);
    this.#end();
  }

  /** Ends a stream that runs, with a sentence. */
  close(sentence: string): void {
    if (this.#ended) return;
    this.#status('error', 'NetStream.Publish.Denied', sentence);
    this.#end();
  }

  onMedia(kind: 'audio' | 'video' | 'data', timestampMs: number, payload: Buffer): void {
    if (this.isPublishing && kind !== 'data') this.#listener.onMedia(kind, timestampMs, payload);
  }

  onCommand(command: Readonly<Record<string, unknown>>, streamId: number): void {
    if (this.#ended) return;
    const transaction = typeof command['transId'] === 'number' ? command['transId'] : 0;
    switch (command['cmd']) {
      case 'connect':
        this.#connect(command['cmdObj'], transaction);
        return;
      case 'createStream':
        this.#protocol.respondCreateStream(transaction);
        return;
      case 'publish':
        this.#publish(command['streamName'], streamId);
        return;
      case 'play':
        this.#streamId = streamId;
        this.#status(
          'error',
          'NetStream.Play.StreamNotFound',
          'This server does not play streams over RTMP: watch in a browser.',
        );
        this.#end();
        return;
      case 'FCUnpublish':
      case 'deleteStream':
      case 'closeStream':
        if (this.#phase !== 'publish') return;
        this.#listener.onUnpublish();
        this.#end();
        return;
      default:
        // releaseStream, FCPublish, _checkbw: nobody waits for an answer.
        return;
    }
  }

  #connect(object: unknown, transaction: number): void {
    const app = typeof object === 'object' && object !== null && 'app' in object ? object.app : undefined;
    if (this.#app !== undefined || typeof app !== 'string' || app.length > NAME_MAX_LENGTH) {
      this.#end();
      return;
    }
    this.#app = app;
    this.#protocol.objectEncoding = 0;
    this.#protocol.sendWindowACK(WINDOW_BYTES);
    this.#protocol.setPeerBandwidth(WINDOW_BYTES, 2);
    this.#protocol.setChunkSize(CHUNK_BYTES);
    this.#protocol.sendInvokeMessage(0, {
      cmd: '_result',
      transId: transaction,
      cmdObj: { fmsVer: 'FMS/3,0,1,123', capabilities: 31 },
      info: {
        level: 'status',
        code: 'NetConnection.Connect.Success',
        description: 'Connected.',
        objectEncoding: 0,
      },
    });
  }

  #publish(name: unknown, streamId: number): void {
    if (this.#app === undefined || this.#phase !== 'none') {
      this.#end();
      return;
    }
    this.#streamId = streamId;
    if (typeof name !== 'string' || name.length > NAME_MAX_LENGTH) {
      this.refuse('The stream key is missing or too long.');
      return;
    }
    const key = readStreamKey(this.#app, name);
    if (typeof key === 'string') {
      this.refuse(key);
      return;
    }
    this.#phase = 'early';
    this.#listener.onPublish(key);
  }

  #status(level: 'status' | 'error', code: string, description: string): void {
    this.#protocol.sendStatusMessage(this.#streamId, level, code, description);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#listener.end();
  }
}

/** An error in RTMP's words: of its codes, encoders show the sentence of these two. */
const statusOf = (code: ErrorCode): string =>
  code === 'invalid-name' || code === 'peer-name-taken' || code === 'replaced'
    ? 'NetStream.Publish.BadName'
    : 'NetStream.Publish.Denied';
