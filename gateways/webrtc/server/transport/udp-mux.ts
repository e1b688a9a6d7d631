import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { DatagramSink } from '../egress/packet-batch.ts';
import type { Path } from './ice-lite.ts';

const SOCKET_BUFFER_BYTES = 4 << 20;

export type DatagramHandler = (datagram: Buffer, path: Path) => void;

/**
 * The UDP port of all clients: one socket per announced address (from 0.0.0.0 answers would leave by another address),
 * all with the same port.
 */
export class UdpMux implements DatagramSink {
  readonly #sockets: Socket[] = [];
  readonly #onDatagram: DatagramHandler;
  readonly #paths = new Map<string, Path>();
  #port = 0;
  /** Datagrams that the kernel did not take. */
  sendErrors = 0;

  constructor(onDatagram: DatagramHandler) {
    this.#onDatagram = onDatagram;
  }

  get port(): number {
    return this.#port;
  }

  /** @param port 0 for any free one. @throws when an address or the port cannot be bound. */
  async bind(addresses: readonly string[], port: number): Promise<void> {
    this.#port = port;
    for (const address of addresses) await this.#bindOne(address);
  }

  get waiting(): number {
    let waiting = 0;
    for (let i = 0; i < this.#sockets.length; i += 1) waiting += this.#sockets[i]?.getSendQueueCount() ?? 0;
    return waiting;
  }

  sendDatagram(datagram: Buffer, path: Path): void {
    if (path.stream !== undefined) {
      path.stream.send(datagram, datagram.length);
      return;
    }
    // Without a callback: it would be called in a tick of its own for every packet.
    this.#sockets[path.socket]?.send(datagram, path.port, path.address);
  }

  /** Hands a datagram to the kernel. Its bytes must stay as they are until the next turn. */
  send(bytes: Buffer, length: number, path: Path): void {
    if (path.stream !== undefined) path.stream.send(bytes, length);
    else this.#sockets[path.socket]?.send(bytes, 0, length, path.port, path.address, this.#onSent);
  }

  /** Forgets the paths of a client that is gone. */
  forget(keys: Iterable<string>): void {
    for (const key of keys) this.#paths.delete(key);
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))),
    );
    this.#sockets.length = 0;
  }

  readonly #onSent = (error: Error | null): void => {
    if (error !== null) this.sendErrors += 1;
  };

  async #bindOne(address: string): Promise<void> {
    const index = this.#sockets.length;
    const family = isIPv6(address) ? 6 : 4;
    const socket = createSocket({
      type: family === 6 ? 'udp6' : 'udp4',
      ...(family === 6 ? { ipv6Only: true } : {}),
      recvBufferSize: SOCKET_BUFFER_BYTES,
      sendBufferSize: SOCKET_BUFFER_BYTES,
      // Addresses come from packets, never from names.
      lookup: (host, _options, done) => done(null, host, family),
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(this.#port, address, () => {
        socket.off('error', reject);
        resolve();
      });
    });
    this.#port = socket.address().port;
    // ICMP errors of clients that are gone.
    socket.on('error', () => {
      this.sendErrors += 1;
    });
    socket.on('message', (datagram, from) => {
      // Nobody can be answered at port 0: the kernel delivers it, and sending to it throws.
      if (from.port !== 0) this.#onDatagram(datagram, this.#pathOf(index, from));
    });
    this.#sockets.push(socket);
  }

  /** One object per remote address: no allocation per packet for those that are known. */
  #pathOf(socket: number, from: RemoteInfo): Path {
    const key = `${socket}/${from.address}/${from.port}`;
    const known = this.#paths.get(key);
    if (known !== undefined) return known;
    return { key, address: from.address, port: from.port, socket };
  }

  /** Called for validated paths: the others are not kept. */
  keep(path: Path): void {
    this.#paths.set(path.key, path);
  }
}
