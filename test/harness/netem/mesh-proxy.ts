import { createSocket, type Socket } from 'node:dgram';
import { CLEAN_LINK, ImpairedLink, type LinkProfile } from '@switchyard/shared/netem';

const ADDRESS = '127.0.0.1';
const OVERHEAD_BYTES = 28;
const SOCKET_BUFFER_BYTES = 4 << 20;
/** How often deliveries that are due are looked for, milliseconds. */
const TICK_MS = 1;

interface Front {
  readonly node: string;
  /** The node itself. */
  readonly host: string;
  readonly port: number;
  readonly socket: Socket;
}

interface Flying {
  readonly datagram: Buffer;
  readonly from: Front;
  readonly to: Front;
}

/**
 * A bad network between nodes, on loopback: each node announces the proxy's address for it (`fabric.announce`), so every
 * datagram goes through the way of its two nodes, and comes from the address that its sender has announced.
 */
export class MeshProxy {
  readonly #fronts = new Map<string, Front>();
  readonly #byAddress = new Map<string, Front>();
  readonly #ways = new Map<string, ImpairedLink<Flying>>();
  readonly #timer: NodeJS.Timeout;

  private constructor(fronts: readonly Front[], seed: number) {
    for (const front of fronts) {
      this.#fronts.set(front.node, front);
      this.#byAddress.set(`${front.host}:${front.port}`, front);
      front.socket.on('message', (datagram, { address, port }) =>
        this.#onDatagram(front, datagram, address, port),
      );
      for (const other of fronts)
        if (other !== front)
          this.#ways.set(`${front.node} ${other.node}`, new ImpairedLink(seed + this.#ways.size));
    }
    this.#timer = setInterval(() => this.#deliver(), TICK_MS);
  }

  /** @param nodes Where the nodes listen. */
  static async start(
    nodes: Readonly<Record<string, { readonly host: string; readonly port: number }>>,
    seed = 1,
  ): Promise<MeshProxy> {
    const fronts = await Promise.all(
      Object.entries(nodes).map(async ([node, address]) => ({ node, ...address, socket: await bind() })),
    );
    return new MeshProxy(fronts, seed);
  }

  /** `host:port` that the node has to announce. */
  addressOf(node: string): string {
    return `${ADDRESS}:${this.#fronts.get(node)?.socket.address().port}`;
  }

  /** What the way between two nodes does from now on, in both directions. */
  change(a: string, b: string, profile: Partial<LinkProfile>): void {
    for (const way of [`${a} ${b}`, `${b} ${a}`])
      this.#ways.get(way)?.change({ ...CLEAN_LINK, ...profile }, performance.now());
  }

  close(): void {
    clearInterval(this.#timer);
    for (const { socket } of this.#fronts.values()) socket.close();
  }

  #onDatagram(to: Front, datagram: Buffer, address: string, port: number): void {
    const from = this.#byAddress.get(`${address}:${port}`);
    if (from === undefined) return;
    const way = this.#ways.get(`${from.node} ${to.node}`);
    way?.push({ datagram, from, to }, datagram.length + OVERHEAD_BYTES, performance.now());
    this.#deliver();
  }

  #deliver(): void {
    const nowMs = performance.now();
    for (const way of this.#ways.values())
      for (let next = way.poll(nowMs); next !== undefined; next = way.poll(nowMs))
        next.from.socket.send(next.datagram, next.to.port, next.to.host);
  }
}

async function bind(): Promise<Socket> {
  const socket = createSocket({
    type: 'udp4',
    recvBufferSize: SOCKET_BUFFER_BYTES,
    sendBufferSize: SOCKET_BUFFER_BYTES,
    lookup: (host, _options, done) => done(null, host, 4),
  });
  // Datagrams to a node that is dead.
  socket.on('error', () => {});
  await new Promise<void>((resolve) => {
    socket.bind(0, ADDRESS, resolve);
  });
  return socket;
}
