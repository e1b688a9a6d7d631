import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ProtocolError } from '@switchyard/shared/protocol';
import { isLocalHost, isLocalOrigin } from '@switchyard/shared/runtime';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { PeerSession } from '../session/peer-session.ts';
import type { SessionEnvironment } from '../session/session-environment.ts';
import { explain } from '../session/session-error.ts';
import { parseSessionRequest } from '../session/session-request-schema.ts';
import { RateLimit } from './rate-limit.ts';

const PATH = '/ws';
/** An offer of that length with its line ends escaped, and what goes with it. */
const FRAME_MAX_BYTES = 786_432;
/** A client that takes in nothing is dropped at this much unsent, bytes. */
const UNSENT_MAX_BYTES = 4_194_304;
/** Messages a second, and at once. */
const MESSAGES_PER_S = 50;
const MESSAGES_BURST = 200;
/** Offers a second, and at once: one with many m-lines takes tens of milliseconds. */
const OFFERS_PER_S = 2;
const OFFERS_BURST = 40;
/** A client that has not answered a ping by the next one is gone, milliseconds. */
const PING_INTERVAL_MS = 10_000;
/** Most clients of the process. */
const CLIENTS_MAX = 10_000;

export interface WsSignalingOptions {
  readonly environment: SessionEnvironment;
  isDraining(): boolean;
  /** One line per lifecycle transition. */
  log(fields: object, message: string): void;
}

interface Client {
  readonly session: PeerSession;
  readonly socket: WebSocket;
  readonly offers: RateLimit;
  alive: boolean;
}

/** The SDK's WebSocket at `/ws`: frames in and out, limits, keep-alive. What they mean is {@link PeerSession}'s. */
export class WsSignaling {
  readonly #options: WsSignalingOptions;
  readonly #server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: FRAME_MAX_BYTES,
    perMessageDeflate: false,
  });
  readonly #clients = new Set<Client>();
  readonly #timer: NodeJS.Timeout;

  constructor(server: Server, options: WsSignalingOptions) {
    this.#options = options;
    server.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket, head));
    this.#timer = setInterval(() => this.#ping(), PING_INTERVAL_MS);
    this.#timer.unref();
  }

  get size(): number {
    return this.#clients.size;
  }

  /** Tells every client to reconnect elsewhere. */
  goAway(reason: string): void {
    for (const { session } of this.#clients) session.goAway(reason);
  }

  /** Ends every session and connection. */
  close(): void {
    clearInterval(this.#timer);
    for (const { session, socket } of this.#clients) {
      session.close();
      socket.close(1001, 'draining');
    }
    // A client that does not answer the close frame must not keep the process.
    setTimeout(() => {
      for (const { socket } of this.#clients) socket.terminate();
    }, 500).unref();
    this.#server.close();
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const refusal = this.#refuse(request);
    if (refusal !== undefined) {
      socket.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (client) =>
      this.#onClient(client, request.socket.remoteAddress),
    );
  }

  /** @returns The status line to refuse an upgrade with, or undefined. */
  #refuse({ url = '', headers }: IncomingMessage): string | undefined {
    if (url.split('?')[0] !== PATH) return '404 Not Found';
    const { isOpen } = this.#options.environment.access;
    if (isOpen && !(isLocalHost(headers.host) && isLocalOrigin(headers.origin))) return '403 Forbidden';
    if (this.#options.isDraining() || this.#clients.size >= CLIENTS_MAX) return '503 Service Unavailable';
    return undefined;
  }

  #onClient(socket: WebSocket, address: string | undefined): void {
    const { environment } = this.#options;
    const limit = new RateLimit(MESSAGES_PER_S, MESSAGES_BURST, environment.nowMs());
    const offers = new RateLimit(OFFERS_PER_S, OFFERS_BURST, environment.nowMs());
    const session = new PeerSession(
      environment,
      {
        send: (message) => {
          if (socket.readyState !== WebSocket.OPEN) return;
          if (socket.bufferedAmount > UNSENT_MAX_BYTES) socket.terminate();
          else socket.send(JSON.stringify(message));
        },
        close: (reason) => socket.close(1000, reason.slice(0, 100)),
      },
      address,
    );
    const client: Client = { session, socket, offers, alive: true };
    this.#clients.add(client);
    socket.on('pong', () => {
      client.alive = true;
    });
    socket.on('message', (data, isBinary) => {
      if (limit.take(environment.nowMs())) this.#onMessage(client, data, isBinary);
      else this.#refuseFlood(client);
    });
    // Malformed frames: ws closes by itself with 1002, 1007 or 1009.
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#clients.delete(client);
      session.close();
      this.#options.log({ address }, 'signalling closed');
    });
    this.#options.log({ address }, 'signalling opened');
  }

  #onMessage({ session, socket, offers }: Client, data: RawData, isBinary: boolean): void {
    const parsed = parseSessionRequest(isBinary ? '' : data.toString());
    if (!parsed.ok) refuse(socket, parsed.number, parsed.error);
    else if (parsed.request.type === 'offer' && !offers.take(this.#options.environment.nowMs()))
      refuse(socket, parsed.request.request, {
        code: 'limit-exceeded',
        detail: `more than ${OFFERS_PER_S} offers a second`,
      });
    else session.handle(parsed.request);
  }

  #refuseFlood({ session, socket }: Client): void {
    if (socket.readyState !== WebSocket.OPEN) return;
    const error = explain({
      code: 'limit-exceeded',
      detail: `more than ${MESSAGES_PER_S} messages a second`,
    });
    socket.send(JSON.stringify({ type: 'closed', error }));
    session.close();
    socket.close(1008, 'limit-exceeded');
  }

  #ping(): void {
    for (const client of this.#clients) {
      if (!client.alive) {
        client.socket.terminate();
        continue;
      }
      client.alive = false;
      client.socket.ping();
    }
  }
}

/** @param number Of the request; undefined when it could not be read. */
function refuse(socket: WebSocket, number: number | undefined, why: ProtocolError): void {
  const error = explain(why);
  socket.send(
    JSON.stringify(
      number === undefined ? { type: 'error', error } : { type: 'response', request: number, error },
    ),
  );
}
