import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIP } from 'node:net';
import { DATAGRAM_MAX_BYTES, datagramVersion, MESH_VERSION } from '@switchyard/core/fabric/mesh';
import type { Logger } from '@switchyard/shared/runtime';

const SOCKET_BUFFER_BYTES = 4 << 20;
/** Below this a burst of a keyframe to many nodes may be clipped. */
const SOCKET_BUFFER_WARN_BYTES = 1 << 20;

interface Peer {
  readonly host: string;
  readonly port: number;
}

/** The UDP socket of a node's mesh: who sends is told by address, and proved by the hop MAC behind it. */
export class MeshSockets {
  readonly #logger: Logger;
  readonly #onDatagram: (node: string, datagram: Uint8Array) => void;
  readonly #peers = new Map<string, Peer>();
  /** Host → port → node: no key has to be made for a datagram. */
  readonly #byAddress = new Map<string, Map<number, string>>();
  #socket: Socket | undefined;
  readonly #otherVersions = new Set<string>();
  /** Datagrams of addresses that no node has. */
  strangers = 0;

  constructor(logger: Logger, onDatagram: (node: string, datagram: Uint8Array) => void) {
    this.#logger = logger;
    this.#onDatagram = onDatagram;
  }

  /** @returns `host:port` that it listens on. @throws when the port is taken. */
  async bind(host: string, port: number): Promise<string> {
    const socket = createSocket({
      type: isIP(host) === 6 ? 'udp6' : 'udp4',
      recvBufferSize: SOCKET_BUFFER_BYTES,
      sendBufferSize: SOCKET_BUFFER_BYTES,
      // Peers are addresses: nothing to look up.
      lookup: (name, _options, callback) => callback(null, name, isIP(name)),
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(port, host, resolve);
    });
    socket.removeAllListeners('error');
    // ICMP errors of nodes that are gone.
    socket.on('error', () => {});
    socket.on('message', (bytes, from) => this.#receive(bytes, from));
    if (socket.getRecvBufferSize() < SOCKET_BUFFER_WARN_BYTES)
      this.#logger.warn(
        { bytes: socket.getRecvBufferSize() },
        'the system clips socket buffers: raise net.core.rmem_max to 4194304 on a busy node',
      );
    this.#socket = socket;
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
  }

  removePeer(node: string): void {
    const peer = this.#peers.get(node);
    this.#peers.delete(node);
    if (peer === undefined) return;
    const ports = this.#byAddress.get(peer.host);
    ports?.delete(peer.port);
    if (ports?.size === 0) this.#byAddress.delete(peer.host);
  }

  send(node: string, datagram: Uint8Array): void {
    const peer = this.#peers.get(node);
    // Without a callback nothing waits for the next tick; what cannot be sent is lost, as on any way.
    if (peer !== undefined) this.#socket?.send(datagram, peer.port, peer.host);
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  #receive(bytes: Buffer, from: RemoteInfo): void {
    const node = this.#byAddress.get(from.address)?.get(from.port);
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
    // The socket reuses nothing: the buffer is ours to keep.
    this.#onDatagram(node, bytes);
  }
}

const joinAddress = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

function splitAddress(address: string): Peer | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  return host === undefined || isIP(host) === 0 ? undefined : { host, port: Number(match?.[3]) };
}
