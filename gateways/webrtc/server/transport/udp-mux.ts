import { isIPv4 } from 'node:net';
import {
  BurstAddress,
  DatagramBurst,
  DatagramIntake,
  ipv4Key,
  ipv4Source,
  openUdpSocket,
  socketAddress,
  type UdpBursts,
  type UdpSocket,
} from '@switchyard/shared/runtime';
import type { DatagramSink, SealedPackets } from '../egress/packet-batch.ts';
import type { Path } from './ice-lite.ts';

interface MuxSocket extends UdpSocket {
  /** Undefined where packets leave one by one. */
  readonly burst: DatagramBurst | undefined;
  /** By ipv4Key(): the paths of {@link UdpMux.keep}. */
  readonly paths: Map<number, Path>;
}

/** First byte of RTP and RTCP (RFC 7983 §7): they are used up before the next datagram. Others may be kept. */
const RTP_FIRST = 128;

export type DatagramHandler = (datagram: Buffer, path: Path) => void;

/**
 * The UDP port of all clients: one socket per announced address (from 0.0.0.0 answers would leave by another address),
 * all with the same port.
 */
export class UdpMux implements DatagramSink {
  readonly #sockets: MuxSocket[] = [];
  readonly #onDatagram: DatagramHandler;
  readonly #bursts: UdpBursts | undefined;
  /** Where sealed packets lie. */
  readonly #memory: Buffer;
  readonly #paths = new Map<string, Path>();
  #port = 0;
  /** Datagrams that the kernel did not take. */
  sendErrors = 0;

  /** @param memory Where sealed packets lie. @param bursts Sends many of them with one system call; undefined: one by one. */
  constructor(memory: Buffer, bursts: UdpBursts | undefined, onDatagram: DatagramHandler) {
    this.#memory = memory;
    this.#bursts = bursts;
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
    for (const each of this.#sockets) waiting += each.socket.getSendQueueCount();
    return waiting;
  }

  sendPackets(packets: SealedPackets, paths: readonly Path[]): void {
    // What waits in a socket goes first.
    const isFree = this.waiting === 0;
    for (let index = 0; index < packets.count; index += 1) {
      const path = paths[index];
      if (path === undefined) continue;
      const burst = isFree ? this.#sockets[path.socket]?.burst : undefined;
      const to = burst === undefined ? null : this.#targetOf(path);
      if (burst === undefined || to === null) this.#sendAlone(packets.viewOf(index), path);
      else burst.add(to, packets.offsetOf(index), packets.lengthOf(index), index);
    }
    if (!isFree || this.#bursts === undefined) return;
    const untaken = (index: number): void => {
      const path = paths[index];
      if (path !== undefined) this.#sendAlone(packets.viewOf(index), path);
    };
    for (const { fd, burst } of this.#sockets) if (fd !== undefined) burst?.flush(fd, untaken);
  }

  #sendAlone(datagram: Buffer, path: Path): void {
    // Without a callback: it would be called in a tick of its own for every packet.
    if (path.stream === undefined) this.#sockets[path.socket]?.socket.send(datagram, path.port, path.address);
    else path.stream.send(datagram, datagram.length);
  }

  #targetOf(path: Path): BurstAddress | null {
    if (path.target !== undefined) return path.target;
    const bytes = path.stream === undefined ? socketAddress(path.address, path.port) : undefined;
    path.target = bytes === undefined ? null : new BurstAddress(bytes);
    return path.target;
  }

  /** Hands a datagram to the kernel. Its bytes must stay as they are until the next turn. */
  send(bytes: Buffer, length: number, path: Path): void {
    if (path.stream !== undefined) path.stream.send(bytes, length);
    else this.#sockets[path.socket]?.socket.send(bytes, 0, length, path.port, path.address, this.#onSent);
  }

  /** Forgets the paths of a client that is gone. */
  forget(keys: Iterable<string>): void {
    for (const key of keys) {
      const path = this.#paths.get(key);
      if (path === undefined) continue;
      this.#paths.delete(key);
      if (isIPv4(path.address)) this.#sockets[path.socket]?.paths.delete(ipv4Key(path.address, path.port));
    }
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#sockets
        .splice(0)
        .map(({ socket }) => new Promise<void>((resolve) => socket.close(() => resolve()))),
    );
  }

  readonly #onSent = (error: Error | null): void => {
    if (error !== null) this.sendErrors += 1;
  };

  async #bindOne(address: string): Promise<void> {
    const index = this.#sockets.length;
    const opened = await openUdpSocket(address, this.#port, this.#bursts?.calls);
    const { socket } = opened;
    this.#port = socket.address().port;
    // ICMP errors of clients that are gone.
    socket.on('error', () => {
      this.sendErrors += 1;
    });
    const onDatagram = (datagram: Buffer, path: Path): void => {
      // Nobody can be answered at port 0: the kernel delivers it, and sending to it throws.
      if (path.port !== 0) this.#onDatagram(datagram, path);
    };
    const { fd } = opened;
    const bursts = fd === undefined ? undefined : this.#bursts;
    const mine: MuxSocket = {
      ...opened,
      burst: bursts && new DatagramBurst(bursts.calls, this.#memory, bursts.merges),
      paths: new Map(),
    };
    this.#sockets.push(mine);
    const intake = bursts && isIPv4(address) ? new DatagramIntake(bursts.calls) : undefined;
    const isOpen = (): boolean => this.#sockets[index] === mine;
    const onMore = (datagram: Buffer, source: number): void => {
      const kept = (datagram[0] ?? 0) < RTP_FIRST ? Buffer.from(datagram) : datagram;
      onDatagram(kept, mine.paths.get(source) ?? this.#pathOfSource(index, source));
    };
    socket.on('message', (datagram, { address: from, port }) => {
      onDatagram(datagram, this.#pathOf(index, from, port));
      if (fd !== undefined && isOpen()) intake?.receive(fd, isOpen, onMore);
    });
  }

  /** One object per remote address: no allocation per packet for those that are known. */
  #pathOf(socket: number, address: string, port: number): Path {
    const key = `${socket}/${address}/${port}`;
    return this.#paths.get(key) ?? { key, address, port, socket, target: undefined };
  }

  #pathOfSource(socket: number, source: number): Path {
    const { address, port } = ipv4Source(source);
    return this.#pathOf(socket, address, port);
  }

  /** Called for validated paths: the others are not kept. */
  keep(path: Path): void {
    this.#paths.set(path.key, path);
    if (isIPv4(path.address)) this.#sockets[path.socket]?.paths.set(ipv4Key(path.address, path.port), path);
  }
}
