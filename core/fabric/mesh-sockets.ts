import type { Socket } from 'node:dgram';
import { isIP } from 'node:net';
import {
  DATAGRAM_MAX_BYTES,
  DATAGRAM_TYPES,
  datagramType,
  datagramVersion,
  MESH_VERSION,
} from '@switchyard/core/fabric/mesh';
import {
  DatagramIntake,
  DatagramQueue,
  type DatagramTarget,
  datagramTarget,
  ipv4Key,
  type Logger,
  openUdpBursts,
  openUdpSocket,
} from '@switchyard/shared/runtime';

/** Below this a burst of a keyframe to many nodes may be clipped. */
const SOCKET_BUFFER_WARN_BYTES = 1 << 20;

/** The UDP socket of a node's mesh: who sends is told by address, and proved by the hop MAC behind it. */
export class MeshSockets {
  readonly #logger: Logger;
  readonly #onDatagram: (node: string, datagram: Uint8Array) => void;
  readonly #bursts: boolean;
  readonly #peers = new Map<string, DatagramTarget>();
  /** Host → port → node: no key has to be made for a datagram. */
  readonly #byAddress = new Map<string, Map<number, string>>();
  /** The same by ipv4Key(). */
  readonly #byKey = new Map<number, string>();
  #socket: Socket | undefined;
  #queue: DatagramQueue | undefined;
  readonly #otherVersions = new Set<string>();
  /** Datagrams of addresses that no node has. */
  strangers = 0;

  /** @param bursts Datagrams of a turn leave with one system call, where that is possible. */
  constructor(logger: Logger, bursts: boolean, onDatagram: (node: string, datagram: Uint8Array) => void) {
    this.#logger = logger;
    this.#bursts = bursts;
    this.#onDatagram = onDatagram;
  }

  /** @returns `host:port` that it listens on. @throws when the port is taken. */
  async bind(host: string, port: number): Promise<string> {
    const found = this.#bursts ? await openUdpBursts() : undefined;
    const bursts = found !== undefined && 'calls' in found ? found : undefined;
    const opened = await openUdpSocket(host, port, bursts?.calls);
    const { socket } = opened;
    // ICMP errors of nodes that are gone.
    socket.on('error', () => {});
    const { fd } = opened;
    const intake =
      bursts === undefined || fd === undefined || isIP(host) !== 4
        ? undefined
        : new DatagramIntake(bursts.calls);
    const isOpen = (): boolean => this.#socket === socket;
    // What comes behind the first one is copied, because it is to be kept.
    const onMore = (bytes: Buffer, source: number): void =>
      this.#receive(Buffer.from(bytes), this.#byKey.get(source));
    socket.on('message', (bytes, from) => {
      // Node reuses nothing: the buffer is ours to keep.
      this.#receive(bytes, this.#byAddress.get(from.address)?.get(from.port));
      if (fd !== undefined && isOpen()) intake?.receive(fd, isOpen, onMore);
    });
    if (socket.getRecvBufferSize() < SOCKET_BUFFER_WARN_BYTES)
      this.#logger.warn(
        { bytes: socket.getRecvBufferSize() },
        'the system clips socket buffers: raise net.core.rmem_max to 4194304 on a busy node',
      );
    this.#socket = socket;
    this.#queue = new DatagramQueue(opened, bursts);
    return joinAddress(host, socket.address().port);
  }

  setPeer(node: string, addresses: readonly string[]): void {
    this.removePeer(node);
    const peer = addresses.map(splitAddress).find((each) => each !== undefined);
    if (peer === undefined) return;
    this.#peers.set(node, peer);
    const ports = this.#byAddress.get(peer.host) ?? new Map<number, string>();
    ports.set(peer.port, node);
    this.#byAddress.set(peer.host, ports);
    if (isIP(peer.host) === 4) this.#byKey.set(ipv4Key(peer.host, peer.port), node);
  }

  removePeer(node: string): void {
    const peer = this.#peers.get(node);
    this.#peers.delete(node);
    if (peer === undefined) return;
    const ports = this.#byAddress.get(peer.host);
    ports?.delete(peer.port);
    if (ports?.size === 0) this.#byAddress.delete(peer.host);
    if (isIP(peer.host) === 4) this.#byKey.delete(ipv4Key(peer.host, peer.port));
  }

  send(node: string, datagram: Uint8Array): void {
    const peer = this.#peers.get(node);
    if (peer === undefined) return;
    this.#queue?.send(datagram, peer);
    // Control is measured by its round trip: it does not wait for what else this turn has to do. Nor does it overtake media.
    if (datagramType(datagram) === DATAGRAM_TYPES.control) this.#queue?.flush();
  }

  close(): void {
    this.#queue?.flush();
    this.#queue = undefined;
    this.#socket?.close();
    this.#socket = undefined;
  }

  /** @param bytes Kept. */
  #receive(bytes: Buffer, node: string | undefined): void {
    if (node === undefined || bytes.length > DATAGRAM_MAX_BYTES) {
      this.strangers += 1;
      return;
    }
    if (datagramVersion(bytes) !== MESH_VERSION && !this.#otherVersions.has(node)) {
      this.#otherVersions.add(node);
      this.#logger.warn(
        { node, version: datagramVersion(bytes) },
        'a node sends datagrams of another version',
      );
    }
    this.#onDatagram(node, bytes);
  }
}

const joinAddress = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

function splitAddress(address: string): DatagramTarget | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  return host === undefined || isIP(host) === 0 ? undefined : datagramTarget(host, Number(match?.[3]));
}
