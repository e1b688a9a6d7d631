import { MeshStreams } from '../mesh-streams.ts';
import type { StreamKey, StreamMessage, StreamPacket } from '../stream-message.ts';
import { seededRandom } from './synthetic-internet.ts';

/** A tick of the simulated nodes, milliseconds. */
export const SIMULATION_STEP_MS = 10;
/** So long after a node fell silent its neighbours notice. */
const WATCHDOG_MS = 400;

interface SimulatedNode {
  readonly streams: MeshStreams;
  readonly received: number[];
  isDead: boolean;
  diedMs: number;
}

export interface SimulationOptions {
  readonly seed: number;
  readonly delayMs: (a: string, b: string) => number;
  /** Share of control messages that are lost. Media is repaired by hops and only dies with a node. */
  readonly controlLoss: number;
  /** A node learns what a stream is sealed with. */
  readonly onKey?: (node: string, key: StreamKey) => void;
  /** Ways that each node would take, best first; may change while the simulation runs. */
  readonly candidates: (node: string, stream: string, publisher: string) => readonly string[];
}

/** Nodes under virtual time that send each other streams. */
export class MeshSimulation {
  readonly nodes: Map<string, SimulatedNode> = new Map();
  /** Packets by link, `from to`. */
  readonly copies: Map<string, number> = new Map();
  nowMs = 0;
  readonly #options: SimulationOptions;
  readonly #random: () => number;
  /** By the step in which they arrive. */
  readonly #flights = new Map<number, (() => void)[]>();
  #seq = 0;

  constructor(names: readonly string[], options: SimulationOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    for (const name of names) this.nodes.set(name, this.#node(name));
  }

  streamsOf(name: string): MeshStreams {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(name);
    return node.streams;
  }

  publish(node: string, stream: string): void {
    this.streamsOf(node).publish(stream, KEY, false);
  }

  kill(name: string): void {
    const node = this.nodes.get(name);
    if (node === undefined) return;
    node.isDead = true;
    node.diedMs = this.nowMs;
  }

  /** Runs on; `publisher` sends a packet each step when given. */
  run(forMs: number, publisher?: string, stream = 's'): void {
    for (const untilMs = this.nowMs + forMs; this.nowMs < untilMs; ) {
      this.nowMs += SIMULATION_STEP_MS;
      for (const run of this.#flights.get(this.nowMs) ?? []) run();
      this.#flights.delete(this.nowMs);
      if (publisher !== undefined) {
        const packet = {
          streamSeq: this.#seq++,
          epoch: 1,
          spatial: 0,
          keyframe: false,
          svc: false,
          sealed: new Uint8Array(8),
        };
        this.streamsOf(publisher).stream(stream)?.publish(packet, this.nowMs);
      }
      for (const [name, node] of this.nodes) {
        if (node.isDead) {
          if (this.nowMs - node.diedMs === WATCHDOG_MS)
            for (const [other, { streams }] of this.nodes)
              if (other !== name) streams.neighbourDown(name, this.nowMs);
          continue;
        }
        node.streams.tick(this.nowMs);
      }
    }
  }

  /** The way that a node's packets take, from it to the publisher; throws on a loop. */
  pathOf(name: string, stream: string, publisher: string): string[] {
    const path = [name];
    for (let at = name; at !== publisher; ) {
      const next = this.streamsOf(at).stream(stream)?.upstream;
      if (next === undefined) throw new Error(`${path.join(' ')} has no way on`);
      if (path.includes(next)) throw new Error(`a loop: ${path.join(' ')} ${next}`);
      path.push(next);
      at = next;
    }
    return path;
  }

  get packetsSent(): number {
    return this.#seq;
  }

  #node(name: string): SimulatedNode {
    const received: number[] = [];
    const streams = new MeshStreams({
      self: name,
      control: (to, message) => {
        if (this.#random() >= this.#options.controlLoss)
          this.#fly(name, to, () => this.#control(name, to, message));
      },
      forward: (to, label, packet) => {
        const link = `${name} ${to}`;
        this.copies.set(link, (this.copies.get(link) ?? 0) + 1);
        this.#fly(name, to, () => this.#media(name, to, label, packet));
      },
      deliver: (_, packet) => received.push(packet.streamSeq),
      keyKnown: (_, key) => this.#options.onKey?.(name, key),
      keyframeWanted: () => {},
      bitrateWanted: () => {},
      interrupted: () => {},
      candidates: (stream, publisher) => this.#options.candidates(name, stream, publisher),
      isWorthIt: () => true,
      rttMs: (to) => 2 * this.#options.delayMs(name, to),
      newLabel: () => Math.floor(this.#random() * 0x1_0000_0000),
    });
    return { streams, received, isDead: false, diedMs: 0 };
  }

  #fly(from: string, to: string, run: () => void): void {
    if (this.nodes.get(from)?.isDead === true) return;
    const delaySteps = Math.max(1, Math.round(this.#options.delayMs(from, to) / SIMULATION_STEP_MS));
    const atMs = this.nowMs + delaySteps * SIMULATION_STEP_MS;
    const flights = this.#flights.get(atMs);
    if (flights === undefined) this.#flights.set(atMs, [run]);
    else flights.push(run);
  }

  #control(from: string, to: string, message: StreamMessage): void {
    const node = this.nodes.get(to);
    if (node?.isDead === false) node.streams.handle(from, message, this.nowMs);
  }

  #media(from: string, to: string, label: number, packet: StreamPacket): void {
    const node = this.nodes.get(to);
    if (node?.isDead === false) node.streams.received(from, label, packet, this.nowMs);
  }
}

export const KEY: StreamKey = { epoch: 1, secret: 'c2VjcmV0' };
