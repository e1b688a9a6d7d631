import { rendezvous } from './rendezvous.ts';
import { type Graph, pathTo, type ShortestPaths, shortestPaths } from './shortest-paths.ts';
import type { Topology } from './topology.ts';

/** Most nodes that are named for one stream: the best way and what to try when it fails. */
const CANDIDATES_MAX = 4;
/** Another way must be better by this share and this much before a running stream changes to it. */
const MARGIN_SHARE = 0.15;
const MARGIN_MS = 5;

/**
 * Where streams come from: for each stream and publisher the neighbour to take it from. Within a zone the shortest
 * path of measured links; between zones one relay a zone and stream, picked by rendezvous hashing, along the shortest
 * path of zones. Everybody computes it from the same numbers, so the choices of all nodes make one tree. Pure.
 */
export class Routes {
  readonly #self: string;
  readonly #topology: Topology;
  #graph: Graph = new Map();
  #zoneGraph: Graph = new Map();
  readonly #byNode = new Map<string, ShortestPaths>();
  readonly #byZone = new Map<string, ShortestPaths>();

  constructor(self: string, topology: Topology) {
    this.#self = self;
    this.#topology = topology;
  }

  /** The links or the members have changed. */
  update(graph: Graph): void {
    this.#graph = graph;
    this.#byNode.clear();
    this.#byZone.clear();
    this.#zoneGraph = zoneGraph(graph, this.#topology);
  }

  /**
   * Neighbours to take `stream` from, best first; empty when its publisher is not reachable or is this node.
   * @param isDown Neighbours that do not answer this node, whatever others say.
   */
  candidates(stream: string, publisher: string, isDown: (node: string) => boolean): string[] {
    const zone = this.#topology.zoneOf(this.#self);
    const source = this.#topology.zoneOf(publisher);
    if (zone === undefined || source === undefined || publisher === this.#self) return [];
    const found = new Set<string>();
    if (zone === source) this.#withinZone(publisher, zone, isDown, found);
    else this.#betweenZones(stream, publisher, source, zone, isDown, found);
    found.delete(this.#self);
    return [...found].filter((node) => !isDown(node)).slice(0, CANDIDATES_MAX);
  }

  /**
   * Whether a running stream should leave `current` for `better`, the best candidate: for a clear gain; to come by the
   * zone's way in as everybody's in the zone does, or it would cross to the zone once for each of them; and to come from
   * its publisher, which spares a relay.
   */
  isWorthIt(publisher: string, current: string, better: string): boolean {
    const zone = this.#topology.zoneOf(this.#self);
    if (zone === this.#topology.zoneOf(better) && zone !== this.#topology.zoneOf(publisher)) return true;
    const now = this.#costVia(publisher, current);
    if (better === publisher && this.#costVia(publisher, better) <= now) return true;
    return this.#costVia(publisher, better) < now * (1 - MARGIN_SHARE) - MARGIN_MS || !Number.isFinite(now);
  }

  /** Cost from `publisher` to this node by `neighbour`, milliseconds. */
  #costVia(publisher: string, neighbour: string): number {
    const last = this.#cost(neighbour, this.#self);
    return neighbour === publisher ? last : this.#cost(publisher, neighbour) + last;
  }

  /** Between two nodes; where they are not measured themselves, between their zones. */
  #cost(from: string, to: string): number {
    const direct = this.#graph.get(from)?.get(to);
    if (direct !== undefined) return direct;
    const zones = [this.#topology.zoneOf(from), this.#topology.zoneOf(to)] as const;
    if (zones[0] === undefined || zones[1] === undefined) return Number.POSITIVE_INFINITY;
    if (zones[0] === zones[1]) return this.#nodePaths(from).costMs.get(to) ?? 0;
    return this.#zonePaths(zones[0]).costMs.get(zones[1]) ?? Number.POSITIVE_INFINITY;
  }

  #withinZone(publisher: string, zone: string, isDown: (node: string) => boolean, found: Set<string>): void {
    const path = pathTo(this.#nodePaths(publisher, zone), this.#self);
    const before = path?.at(-2);
    if (before !== undefined) found.add(before);
    found.add(publisher);
    // Somebody of the zone who may reach it where we do not.
    const relays = new Set(this.#topology.relaysOf(zone));
    relays.delete(this.#self);
    this.#addRelays(`around ${publisher}`, relays, isDown, found);
  }

  #betweenZones(
    stream: string,
    publisher: string,
    source: string,
    zone: string,
    isDown: (node: string) => boolean,
    found: Set<string>,
  ): void {
    const own = new Set(this.#topology.relaysOf(zone).filter((node) => node === this.#self || !isDown(node)));
    const entry = rendezvous(stream, own);
    if (entry !== undefined && entry !== this.#self) {
      found.add(entry);
      own.delete(this.#self);
      this.#addRelays(stream, own, isDown, found, 2);
    }
    // This node is the zone's way in, or there is none.
    const parent = this.#zonePaths(source).previous.get(zone) ?? source;
    if (parent !== source)
      this.#addRelays(stream, new Set(this.#topology.relaysOf(parent)), isDown, found, 2);
    found.add(publisher);
    this.#addRelays(stream, new Set(this.#topology.relaysOf(source)), isDown, found);
  }

  #addRelays(
    key: string,
    relays: Set<string>,
    isDown: (node: string) => boolean,
    found: Set<string>,
    most: number = CANDIDATES_MAX,
  ): void {
    for (let count = 0; count < most; ) {
      const relay = rendezvous(key, relays);
      if (relay === undefined) return;
      relays.delete(relay);
      if (isDown(relay) || found.has(relay)) continue;
      found.add(relay);
      count += 1;
    }
  }

  #nodePaths(root: string, zone?: string): ShortestPaths {
    const known = this.#byNode.get(root);
    if (known !== undefined) return known;
    const inside = zone ?? this.#topology.zoneOf(root);
    const paths = shortestPaths(withinZone(this.#graph, this.#topology, inside), root);
    this.#byNode.set(root, paths);
    return paths;
  }

  #zonePaths(root: string): ShortestPaths {
    const known = this.#byZone.get(root);
    if (known !== undefined) return known;
    const paths = shortestPaths(this.#zoneGraph, root);
    this.#byZone.set(root, paths);
    return paths;
  }
}

/** The links between nodes of one zone. */
function withinZone(graph: Graph, topology: Topology, zone: string | undefined): Graph {
  const inside = new Map<string, Map<string, number>>();
  if (zone === undefined) return inside;
  for (const node of topology.inZone(zone)) {
    const links = new Map<string, number>();
    for (const [neighbour, costMs] of graph.get(node) ?? [])
      if (topology.zoneOf(neighbour) === zone) links.set(neighbour, costMs);
    inside.set(node, links);
  }
  return inside;
}

/** Zones as vertices; the best link between two zones is their cost. */
function zoneGraph(graph: Graph, topology: Topology): Graph {
  const zones = new Map<string, Map<string, number>>();
  for (const [node, links] of graph) {
    const from = topology.zoneOf(node);
    if (from === undefined) continue;
    for (const [neighbour, costMs] of links) {
      const to = topology.zoneOf(neighbour);
      if (to === undefined || to === from) continue;
      const costs = zones.get(from) ?? new Map<string, number>();
      costs.set(to, Math.min(costMs, costs.get(to) ?? Number.POSITIVE_INFINITY));
      zones.set(from, costs);
    }
  }
  return zones;
}
