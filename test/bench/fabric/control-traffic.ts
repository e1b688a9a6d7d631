import type { LinkStateReport } from '@switchyard/core/fabric/mesh';
import { HEARTBEAT_MS, SUMMARY_MS } from '../../../core/fabric/mesh/membership.ts';
import { MeshNode } from '../../../core/fabric/mesh/mesh-node.ts';
import { syntheticInternet } from '../../../core/fabric/mesh/testing/synthetic-internet.ts';
import { NodeKeys } from '../../../core/fabric/node-keys.ts';
import type { Row } from '../table.ts';

const SIZES = [
  { nodes: 10, zones: 3 },
  { nodes: 100, zones: 10 },
  { nodes: 1000, zones: 25 },
] as const;
const STEP_MS = 5;
const WARM_UP_MS = 5000;
const WINDOW_MS = 10_000;
/** IP and UDP. */
const OVERHEAD_BYTES = 28;
const text = {
  encode: (value: string): Uint8Array => Buffer.from(value),
  decode: (bytes: Uint8Array): string => Buffer.from(bytes).toString(),
};

interface Count {
  packets: number;
  bytes: number;
}
const none = (): Count => ({ packets: 0, bytes: 0 });
const add = (count: Count, bytes: number, packets = 1): void => {
  count.packets += packets;
  count.bytes += bytes * packets;
};

interface Node {
  readonly mesh: MeshNode;
  readonly keys: NodeKeys;
  readonly udp: Count;
  readonly said: Count;
}

/** Nodes of one zone and whoever measures them: real mesh nodes and real cryptography under virtual time, no streams. */
class Zone {
  readonly #nodes = new Map<string, Node>();
  readonly #flights = new Map<number, (() => void)[]>();
  #nowMs = 1_000_000;
  readonly members: readonly string[];
  readonly probers: readonly string[];
  /** What all nodes of the cluster say of their links goes to every node. */
  readonly reports = new Map<string, Count>();

  constructor(size: number, zones: number) {
    const internet = syntheticInternet(size, zones, 7);
    const everybody = internet.nodes.map(({ node, zone }) => ({ node, zone, relay: true }));
    const start = (node: string, zone: string): void => {
      const udp = none();
      const said = none();
      const mesh = new MeshNode({ node, zone, relay: true }, node, {
        send: (to, datagram) => {
          add(udp, datagram.length + OVERHEAD_BYTES);
          this.#fly(internet.rttMs(node, to) / 2, () => {
            const target = this.#nodes.get(to);
            if (target === undefined) return;
            add(target.udp, datagram.length + OVERHEAD_BYTES);
            target.mesh.receive(node, datagram, this.#nowMs);
          });
        },
        reportLinks: (report) => this.#report(node, report),
        deliver: () => {},
        keyKnown: () => {},
        keyframeWanted: () => {},
        bitrateWanted: () => {},
        interrupted: () => {},
        newLabel: () => 0,
        load: () => 0,
        text,
      });
      this.#nodes.set(node, { mesh, keys: new NodeKeys('secret'), udp, said });
    };
    const [first] = everybody;
    if (first === undefined) throw new Error('no nodes');
    // Who takes part follows from the topology, which every node has whole.
    start(first.node, first.zone);
    const { topology } = this.#of(first.node).mesh;
    for (const member of everybody) topology.add(member);
    this.members = [...topology.inZone(first.zone)];
    this.probers = topology.probersOf(first.zone);
    const others = [...topology.zones].filter((zone) => zone !== first.zone);
    const taking = new Set([...this.members, ...others.flatMap((zone) => topology.probersOf(zone))]);
    for (const { node, zone } of everybody) if (taking.has(node) && node !== first.node) start(node, zone);
    for (const [node, { mesh, keys }] of this.#nodes)
      for (const member of everybody) {
        const other = this.#nodes.get(member.node);
        // Nobody that is left out is measured from here.
        if (other === undefined) mesh.topology.add(member);
        else if (member.node !== node) {
          const crypto = keys.linkTo(other.keys.publicKey);
          if (crypto !== undefined) mesh.memberUp(member, crypto, this.#nowMs);
        }
      }
  }

  run(forMs: number): void {
    for (const untilMs = this.#nowMs + forMs; this.#nowMs < untilMs; ) {
      this.#nowMs += STEP_MS;
      for (const run of this.#flights.get(this.#nowMs) ?? []) run();
      this.#flights.delete(this.#nowMs);
      for (const { mesh } of this.#nodes.values()) mesh.tick(this.#nowMs);
    }
  }

  reset(): void {
    for (const { udp, said } of this.#nodes.values())
      for (const each of [udp, said]) Object.assign(each, none());
  }

  /** Sent and received together. */
  udpOf(node: string): Count {
    return this.#of(node).udp;
  }

  /** Reports of its links that the node sends to NATS. */
  saidBy(node: string): Count {
    return this.#of(node).said;
  }

  /** One report and one heartbeat as they are written, bytes. */
  sizeOfHeartbeat(node: string): number {
    return JSON.stringify({ node, session: `${node}.01234567`, clockMs: Date.now(), load: 0.123 }).length;
  }

  #report(node: string, report: LinkStateReport): void {
    const self = this.#nodes.get(node);
    if (self !== undefined) add(self.said, JSON.stringify({ node, report }).length);
    this.#fly(STEP_MS, () => {
      for (const [other, { mesh }] of this.#nodes)
        if (other !== node) mesh.linksReported(node, report, this.#nowMs);
    });
  }

  #fly(delayMs: number, run: () => void): void {
    const atMs = this.#nowMs + Math.max(STEP_MS, Math.round(delayMs / STEP_MS) * STEP_MS);
    const flights = this.#flights.get(atMs);
    if (flights === undefined) this.#flights.set(atMs, [run]);
    else flights.push(run);
  }

  #of(node: string): Node {
    const found = this.#nodes.get(node);
    if (found === undefined) throw new Error(node);
    return found;
  }
}

const kbps = (bytes: number): string => `${((bytes * 8) / WINDOW_MS).toFixed(1)} kbps`;

/** What a node says and hears without any stream, by UDP and by NATS. */
export function controlTraffic(): Row[] {
  return SIZES.flatMap(({ nodes, zones }) => {
    const zone = new Zone(nodes, zones);
    zone.run(WARM_UP_MS);
    zone.reset();
    zone.run(WINDOW_MS);
    const { members, probers } = zone;
    const plain = members.filter((node) => !probers.includes(node));
    const mean = (of: readonly string[], count: (node: string) => Count): Count => {
      const sum = none();
      for (const node of of) {
        const { packets, bytes } = count(node);
        sum.packets += packets / of.length;
        sum.bytes += bytes / of.length;
      }
      return sum;
    };
    const perZone = nodes / zones;
    const seconds = WINDOW_MS / 1000;
    // Reports go to every node; of other zones as many as of this one.
    const reports = none();
    for (const node of members) {
      const { packets, bytes } = zone.saidBy(node);
      reports.packets += packets * zones;
      reports.bytes += bytes * zones;
    }
    const heartbeat = zone.sizeOfHeartbeat(members[0] ?? '');
    const heard = none();
    add(heard, heartbeat, (perZone * seconds * 1000) / HEARTBEAT_MS);
    add(heard, heartbeat * perZone, ((zones - 1) * seconds * 1000) / SUMMARY_MS);
    heard.packets += reports.packets;
    heard.bytes += reports.bytes;
    const udp = ({ packets, bytes }: Count): string =>
      `${(packets / seconds).toFixed(0)} datagrams/s, ${kbps(bytes)}`;
    return [
      {
        what: `${nodes} nodes, ${zones} zones: UDP of a prober`,
        value: udp(mean(probers, (node) => zone.udpOf(node))),
        note: 'probes and answers, both ways, with IP and UDP headers (simulated)',
      },
      ...(plain.length === 0
        ? []
        : [
            {
              what: `${nodes} nodes, ${zones} zones: UDP of another node`,
              value: udp(mean(plain, (node) => zone.udpOf(node))),
            },
          ]),
      {
        what: `${nodes} nodes, ${zones} zones: NATS`,
        value: `${(heard.packets / seconds).toFixed(0)} messages/s, ${kbps(heard.bytes)} to a node`,
        note: `heartbeats of the zone, summaries of the others, ${(reports.packets / seconds).toFixed(0)} link reports/s`,
      },
    ];
  });
}
