import { createSocket, type Socket } from 'node:dgram';
import { CLEAN_LINK, ImpairedLink, type LinkCounts, type LinkProfile } from '@switchyard/shared/netem';

/** IP and UDP headers. */
const OVERHEAD_BYTES = 28;
const SERVER_ADDRESS = '127.0.0.1';
const SOCKET_BUFFER_BYTES = 4 << 20;
/** Arrivals this close together left at line rate, milliseconds. */
const BURST_GAP_MS = 0.5;

/** What both directions of a path do. */
export interface PathProfile {
  /** Server to client. */
  readonly down: LinkProfile;
  /** Client to server. */
  readonly up: LinkProfile;
}

export const path = (down: Partial<LinkProfile>, up: Partial<LinkProfile> = {}): PathProfile => ({
  down: { ...CLEAN_LINK, ...down },
  up: { ...CLEAN_LINK, ...up },
});

interface Waiting {
  readonly datagram: Buffer;
  readonly socket: Socket;
  readonly port: number;
  readonly address: string;
}

/**
 * A bad network on loopback: clients are told the proxy's port instead of the server's ({@link ImpairmentProxy.port}), and
 * everything between them goes through a seeded model, each direction through one bottleneck that all of them share.
 */
export class ImpairmentProxy {
  readonly #front: Socket;
  readonly #serverPort: number;
  readonly #down: ImpairedLink<Waiting>;
  readonly #up: ImpairedLink<Waiting>;
  /** By the client's address, the sockets by which the server knows them. */
  readonly #clients = new Map<string, Socket>();
  #timer: NodeJS.Timeout | undefined;
  #timerMs = Number.POSITIVE_INFINITY;
  #closed = false;
  #burst = 0;
  #burstMs = 0;
  /** Most datagrams that the server sent in one go. */
  largestBurst = 0;
  /** Longest wait in the queue toward the clients since it was read, milliseconds. */
  #queueMs: number[] = [];

  private constructor(front: Socket, serverPort: number, seed: number, profile: PathProfile) {
    this.#front = front;
    this.#serverPort = serverPort;
    this.#down = new ImpairedLink(seed, profile.down);
    this.#up = new ImpairedLink(seed + 1, profile.up);
    front.on('message', (datagram, from) => this.#onClient(datagram, from.address, from.port));
  }

  /** @param serverPort UDP port of the server on 127.0.0.1. */
  static async start(serverPort: number, seed: number, profile: PathProfile): Promise<ImpairmentProxy> {
    return new ImpairmentProxy(await bind(), serverPort, seed, profile);
  }

  /** Where clients are to send to, on 127.0.0.1. */
  get port(): number {
    return this.#front.address().port;
  }

  /** Limit toward the clients, bits per second. */
  get rateBps(): number {
    return this.#down.profile.rateBps;
  }

  /** Toward the clients. */
  get counts(): LinkCounts {
    return this.#down.counts;
  }

  /** Waits in the queue toward the clients since this was asked last, milliseconds, rising. */
  takeQueueDelays(): number[] {
    const delays = this.#queueMs.sort((a, b) => a - b);
    this.#queueMs = [];
    return delays;
  }

  change(profile: PathProfile): void {
    const nowMs = performance.now();
    this.#down.change(profile.down, nowMs);
    this.#up.change(profile.up, nowMs);
    this.#deliver();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#front.close();
    for (const socket of this.#clients.values()) socket.close();
  }

  #onClient(datagram: Buffer, address: string, port: number): void {
    const key = `${address} ${port}`;
    const known = this.#clients.get(key);
    if (known !== undefined) {
      this.#push(this.#up, { datagram, socket: known, port: this.#serverPort, address: SERVER_ADDRESS });
      return;
    }
    void bind().then((socket) => {
      if (this.#closed || this.#clients.has(key)) {
        socket.close();
        return;
      }
      this.#clients.set(key, socket);
      socket.on('message', (answer) => this.#onServer(answer, address, port));
      this.#push(this.#up, { datagram, socket, port: this.#serverPort, address: SERVER_ADDRESS });
    });
  }

  #onServer(datagram: Buffer, address: string, port: number): void {
    const nowMs = performance.now();
    this.#burst = nowMs - this.#burstMs < BURST_GAP_MS ? this.#burst + 1 : 1;
    this.#burstMs = nowMs;
    this.largestBurst = Math.max(this.largestBurst, this.#burst);
    this.#queueMs.push(this.#down.queueDelayMs(nowMs));
    this.#push(this.#down, { datagram, socket: this.#front, port, address });
  }

  #push(link: ImpairedLink<Waiting>, waiting: Waiting): void {
    link.push(waiting, waiting.datagram.length + OVERHEAD_BYTES, performance.now());
    this.#deliver();
  }

  #deliver(): void {
    if (this.#closed) return;
    const nowMs = performance.now();
    for (const link of [this.#down, this.#up])
      for (let next = link.poll(nowMs); next !== undefined; next = link.poll(nowMs))
        next.socket.send(next.datagram, next.port, next.address);
    const dueMs = Math.min(this.#down.nextDeadlineMs(), this.#up.nextDeadlineMs());
    if (dueMs === this.#timerMs && this.#timer !== undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerMs = dueMs;
    if (dueMs === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#deliver();
      },
      Math.max(0, dueMs - nowMs),
    );
  }
}

async function bind(): Promise<Socket> {
  const socket = createSocket({
    type: 'udp4',
    recvBufferSize: SOCKET_BUFFER_BYTES,
    sendBufferSize: SOCKET_BUFFER_BYTES,
  });
  // Answers to a client that is gone.
  socket.on('error', () => {});
  await new Promise<void>((resolve) => {
    socket.bind(0, SERVER_ADDRESS, resolve);
  });
  return socket;
}
