import type { StreamPacket } from './stream-message.ts';
import { wantsPacket } from './stream-message.ts';

/** What was not renewed is forgotten after this time. */
export const DOWNSTREAM_EXPIRY_MS: number = 7000;
/** Most nodes that take one stream from this one. */
const DOWNSTREAMS_MAX = 256;
/** Most names in the path of a request: beyond it loops are found by the way that the answer names. */
const PATH_MAX = 64;

/** A neighbour that takes a stream from this node. */
export interface Downstream {
  readonly node: string;
  /** What it calls the stream. */
  readonly label: number;
  /** Bit i: it wants spatial layer i. */
  readonly layers: number;
  /** It and those it asks for. */
  readonly path: readonly string[];
  readonly heardMs: number;
}

/** Who takes one stream from this node. Pure. */
export class StreamDownstreams {
  readonly #byNode = new Map<string, Downstream>();

  get size(): number {
    return this.#byNode.size;
  }

  get nodes(): Iterable<string> {
    return this.#byNode.keys();
  }

  /** Layers that somebody of them wants, a bit each. */
  get layers(): number {
    let layers = 0;
    for (const downstream of this.#byNode.values()) layers |= downstream.layers;
    return layers;
  }

  has(node: string): boolean {
    return this.#byNode.has(node);
  }

  /** @returns false when there are too many. */
  set(downstream: Downstream): boolean {
    if (!this.#byNode.has(downstream.node) && this.#byNode.size >= DOWNSTREAMS_MAX) return false;
    this.#byNode.set(downstream.node, downstream);
    return true;
  }

  /** @returns Whether it was there. */
  delete(node: string): boolean {
    return this.#byNode.delete(node);
  }

  clear(): void {
    this.#byNode.clear();
  }

  /** Those that have not asked again in time. */
  expired(nowMs: number): string[] {
    const nodes: string[] = [];
    for (const { node, heardMs } of this.#byNode.values())
      if (nowMs - heardMs > DOWNSTREAM_EXPIRY_MS) nodes.push(node);
    return nodes;
  }

  /** Whom a request of `self` is for: itself and everybody who waits for the stream here. */
  askers(self: string): string[] {
    const askers = new Set<string>([self]);
    for (const { path } of this.#byNode.values())
      for (const node of path) if (askers.size < PATH_MAX) askers.add(node);
    return [...askers];
  }

  /** Gives a packet to all that want it but `from`. Hot path. */
  spread(
    packet: StreamPacket,
    from: string,
    forward: (node: string, label: number, packet: StreamPacket) => void,
  ): void {
    for (const { node, label, layers } of this.#byNode.values())
      if (node !== from && wantsPacket(layers, packet)) forward(node, label, packet);
  }
}
