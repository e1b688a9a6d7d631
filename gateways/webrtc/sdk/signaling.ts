import type { SessionMessage, SessionRequestBody } from './protocol.ts';
import { type OpenSocket, openWebSocket, type SignalingSocket } from './signaling-socket.ts';
import { SwitchyardError } from './switchyard-error.ts';

/** How long a WebSocket may take to open, and a request to be answered, milliseconds. */
export const OPEN_DEADLINE_MS: number = 5000;
export const REQUEST_DEADLINE_MS: number = 10_000;

export type SessionResponse = Extract<SessionMessage, { type: 'response' }>;
/** What the server says without being asked. */
export type SessionNotice = Exclude<SessionMessage, { type: 'response' }>;

export interface SignalingListener {
  onNotice(notice: SessionNotice): void;
  /** The socket is gone, by itself. Called once, never after `close()`. */
  onLost(error: SwitchyardError): void;
}

interface Pending {
  resolve(response: SessionResponse): void;
  reject(error: SwitchyardError): void;
  readonly timer: ReturnType<typeof setTimeout>;
}

/**
 * Whether this is a message of the protocol, by its envelope. What is inside is the server's word, of the same
 * version; a type unknown here is passed on and ignored by the exhaustive reader, so that servers may learn to say more.
 */
const isMessage = (value: unknown): value is SessionMessage =>
  typeof value === 'object' &&
  value !== null &&
  'type' in value &&
  typeof value.type === 'string' &&
  (value.type !== 'response' || ('request' in value && typeof value.request === 'number'));

const parseMessage = (text: string): SessionMessage | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return isMessage(value) ? value : undefined;
  } catch {
    return undefined;
  }
};

/**
 * Requests with numbers and deadlines over one WebSocket. Opened once: who wants another connection makes another
 * object.
 *
 *     new ──open()──▶ opening ──onOpen──▶ open ──loss──▶ lost (every pending request is refused `connection-lost`)
 */
export class Signaling {
  readonly #url: string;
  readonly #listener: SignalingListener;
  readonly #openSocket: OpenSocket;
  readonly #pending = new Map<number, Pending>();
  #socket: SignalingSocket | undefined;
  #state: 'new' | 'opening' | 'open' | 'lost' = 'new';
  #lastRequest = 0;
  #refuseOpening: ((reason: SwitchyardError) => void) | undefined;

  constructor(url: string, listener: SignalingListener, openSocket: OpenSocket = openWebSocket) {
    this.#url = url;
    this.#listener = listener;
    this.#openSocket = openSocket;
  }

  /** @throws SwitchyardError `connection-lost` when the server is not to be reached in {@link OPEN_DEADLINE_MS}. */
  open(): Promise<void> {
    if (this.#state !== 'new') return Promise.reject(this.#lost('The connection is used up.'));
    this.#state = 'opening';
    return new Promise((resolve, reject) => {
      const fail = (detail: string): void => this.close(this.#lost('The server cannot be reached.', detail));
      this.#refuseOpening = (reason) => {
        clearTimeout(timer);
        reject(reason);
      };
      const timer = setTimeout(() => fail('no answer'), OPEN_DEADLINE_MS);
      try {
        this.#socket = this.#openSocket(this.#url, {
          onOpen: () => {
            clearTimeout(timer);
            this.#refuseOpening = undefined;
            this.#state = 'open';
            resolve();
          },
          onText: (text) => this.#onText(text),
          onClose: (reason) => {
            if (this.#state === 'opening') fail(reason);
            else this.#onClose(reason);
          },
        });
      } catch (error) {
        // `new WebSocket` throws for an address it cannot read.
        fail(error instanceof Error ? error.message : String(error));
      }
    });
  }

  /** @throws SwitchyardError The server's refusal, `timeout`, or `connection-lost`. */
  request(body: SessionRequestBody, deadlineMs: number = REQUEST_DEADLINE_MS): Promise<SessionResponse> {
    if (this.#state !== 'open') return Promise.reject(this.#lost('There is no connection to the server.'));
    this.#lastRequest += 1;
    const request = this.#lastRequest;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(request);
        reject(new SwitchyardError('timeout', 'The server did not answer in time.', { detail: body.type }));
      }, deadlineMs);
      this.#pending.set(request, { resolve, reject, timer });
      this.#socket?.send(JSON.stringify({ ...body, request }));
    });
  }

  /** Ends quietly: pending requests are refused with `reason`, the listener hears nothing more. */
  close(reason: SwitchyardError = this.#lost('The connection to the server was lost.')): void {
    if (this.#state === 'lost') return;
    this.#state = 'lost';
    this.#socket?.close();
    this.#refuseOpening?.(reason);
    this.#refuseAll(reason);
  }

  #onText(text: string): void {
    if (this.#state !== 'open') return;
    const message = parseMessage(text);
    if (message === undefined) return;
    if (message.type !== 'response') {
      this.#listener.onNotice(message);
      return;
    }
    const pending = this.#pending.get(message.request);
    // An answer after its deadline: whoever asked has been told already.
    if (pending === undefined) return;
    this.#pending.delete(message.request);
    clearTimeout(pending.timer);
    if ('error' in message && message.error !== undefined)
      pending.reject(SwitchyardError.fromServer(message.error));
    else pending.resolve(message);
  }

  #onClose(reason: string): void {
    if (this.#state !== 'open') return;
    this.#state = 'lost';
    const error = this.#lost('The connection to the server was lost.', reason);
    this.#refuseAll(error);
    this.#listener.onLost(error);
  }

  #refuseAll(error: SwitchyardError): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const each of pending) {
      clearTimeout(each.timer);
      each.reject(error);
    }
  }

  #lost(message: string, detail?: string): SwitchyardError {
    return new SwitchyardError('connection-lost', message, detail === undefined ? {} : { detail });
  }
}
