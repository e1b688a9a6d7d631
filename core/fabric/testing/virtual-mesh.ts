import { type LinkStateReport, MeshNode, type StreamPacket } from '@switchyard/core/fabric/mesh';
import { seededRandom } from '../mesh/testing/synthetic-internet.ts';
import { NodeKeys } from '../node-keys.ts';
import { newStreamKey, StreamSeal } from '../stream-seal.ts';

const STEP_MS = 5;
const text = {
  encode: (value: string): Uint8Array => new TextEncoder().encode(value),
  decode: (bytes: Uint8Array): string => new TextDecoder().decode(bytes),
};

/** What a virtual way between two nodes does to datagrams. */
export interface VirtualWay {
  delayMs: number;
  loss: number;
}

interface VirtualNode {
  readonly node: MeshNode;
  readonly keys: NodeKeys;
  readonly zone: string;
  readonly seals: Map<string, StreamSeal>;
  readonly received: { readonly streamSeq: number; readonly atMs: number; readonly sentMs: number }[];
  keyframesWanted: number;
  interruptions: number;
  state: 'running' | 'stopped';
}

/** Whole mesh nodes with their real cryptography on a network of virtual time. */
export class VirtualMesh {
  readonly nodes: Map<string, VirtualNode> = new Map();
  readonly ways: Map<string, VirtualWay> = new Map();
  /** Every datagram that was sent, for tests that replay or forge. */
  readonly log: { readonly from: string; readonly to: string; readonly datagram: Uint8Array }[] = [];
  keepLog = false;
  nowMs = 1_000_000;
  readonly #random: () => number;
  readonly #flights = new Map<number, (() => void)[]>();
  readonly #sentMs: number[] = [];
  #seq = 0;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** @param secret Of the cluster; a node with another one is not understood. */
  add(name: string, zone: string, secret: string = 'secret'): void {
    const keys = new NodeKeys(secret);
    const virtual: VirtualNode = {
      keys,
      zone,
      seals: new Map(),
      received: [],
      keyframesWanted: 0,
      interruptions: 0,
      state: 'running',
      node: new MeshNode({ node: name, zone, relay: true }, keys.publicKey, {
        send: (to, datagram) => this.send(name, to, datagram),
        deliver: (stream, packet) => this.#deliver(name, stream, packet),
        keyKnown: (stream, key) => virtual.seals.set(`${stream} ${key.epoch}`, new StreamSeal(key)),
        keyframeWanted: () => {
          virtual.keyframesWanted += 1;
        },
        bitrateWanted: () => {},
        interrupted: () => {
          virtual.interruptions += 1;
        },
        reportLinks: (report) => this.#spread(name, report),
        newLabel: () => Math.floor(this.#random() * 0x1_0000_0000),
        load: () => 0,
        text,
      }),
    };
    for (const [other, { node, keys: otherKeys, zone: otherZone }] of this.nodes) {
      const [there, here] = [otherKeys.linkTo(keys.publicKey), keys.linkTo(otherKeys.publicKey)];
      if (there === undefined || here === undefined) throw new Error('no keys');
      node.memberUp({ node: name, zone, relay: true }, there, this.nowMs);
      virtual.node.memberUp({ node: other, zone: otherZone, relay: true }, here, this.nowMs);
    }
    this.nodes.set(name, virtual);
  }

  of(name: string): VirtualNode {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(name);
    return node;
  }

  /** Sets the way between two nodes, both directions. */
  way(a: string, b: string, delayMs: number, loss: number = 0): void {
    for (const key of [`${a} ${b}`, `${b} ${a}`]) this.ways.set(key, { delayMs, loss });
  }

  publish(name: string, stream: string): void {
    const key = newStreamKey(1);
    this.of(name).seals.set(`${stream} 1`, new StreamSeal(key));
    this.of(name).node.streams.publish(stream, key, false);
  }

  subscribe(name: string, stream: string, publisher: string, layers: number = 1): void {
    this.of(name).node.streams.setLocal(stream, publisher, layers, false, this.nowMs);
  }

  /** Runs on; `publisher` sends a packet of `stream` every 5 ms when given. */
  run(forMs: number, publisher?: string, stream: string = 's'): void {
    for (const untilMs = this.nowMs + forMs; this.nowMs < untilMs; ) {
      this.nowMs += STEP_MS;
      for (const run of this.#flights.get(this.nowMs) ?? []) run();
      this.#flights.delete(this.nowMs);
      if (publisher !== undefined) this.#publish(publisher, stream);
      for (const { node, state } of this.nodes.values()) if (state === 'running') node.tick(this.nowMs);
    }
  }

  /** Puts a datagram on the wire. */
  send(from: string, to: string, datagram: Uint8Array): void {
    if (this.keepLog) this.log.push({ from, to, datagram: datagram.slice() });
    const way = this.ways.get(`${from} ${to}`) ?? { delayMs: 10, loss: 0 };
    if (this.#random() < way.loss) return;
    const atMs = this.nowMs + Math.max(STEP_MS, Math.round(way.delayMs / STEP_MS) * STEP_MS);
    const run = (): void => {
      const target = this.nodes.get(to);
      if (target?.state === 'running') target.node.receive(from, datagram, this.nowMs);
    };
    const flights = this.#flights.get(atMs);
    if (flights === undefined) this.#flights.set(atMs, [run]);
    else flights.push(run);
  }

  get packetsSent(): number {
    return this.#seq;
  }

  #publish(publisher: string, stream: string): void {
    const { node, seals } = this.of(publisher);
    const seal = seals.get(`${stream} 1`);
    const target = node.streams.stream(stream);
    if (seal === undefined || target === undefined) return;
    const streamSeq = this.#seq++;
    this.#sentMs[streamSeq] = this.nowMs;
    const sealed = seal.seal(streamSeq, Uint8Array.of(streamSeq & 255, 7, 7));
    target.publish({ streamSeq, epoch: 1, spatial: 0, keyframe: false, svc: false, sealed }, this.nowMs);
  }

  #deliver(name: string, stream: string, packet: StreamPacket): void {
    const { seals, received } = this.of(name);
    const media = seals.get(`${stream} ${packet.epoch}`)?.open(packet.streamSeq, packet.sealed);
    if (media?.[0] !== (packet.streamSeq & 255)) return;
    received.push({
      streamSeq: packet.streamSeq,
      atMs: this.nowMs,
      sentMs: this.#sentMs[packet.streamSeq] ?? 0,
    });
  }

  /** The control plane: everybody hears of it a moment later. */
  #spread(name: string, report: LinkStateReport): void {
    const atMs = this.nowMs + 4 * STEP_MS;
    const run = (): void => {
      for (const [other, { node, state }] of this.nodes)
        if (other !== name && state === 'running') node.linksReported(name, report, this.nowMs);
    };
    const flights = this.#flights.get(atMs);
    if (flights === undefined) this.#flights.set(atMs, [run]);
    else flights.push(run);
  }
}
