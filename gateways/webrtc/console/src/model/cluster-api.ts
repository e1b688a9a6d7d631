import { at, figure, getJson, list, text } from './read-json.ts';

/** What the core says of the other nodes (`/v1/nodes`, through the gateway at `/api/core`), as the console shows it. */
export interface LiveCluster {
  /** By zone, in the order of their names; the zone of the node that answers first. */
  readonly zones: readonly LiveZone[];
  /** Streams that come to this node or go from it to others. */
  readonly routes: readonly LiveRoute[];
  /** NATS cannot be reached: nothing new is heard of nodes and rooms. */
  readonly controlLost: boolean;
}

export interface LiveZone {
  readonly name: string;
  readonly nodes: readonly LiveNode[];
}

export interface LiveNode {
  readonly name: string;
  /** The one that answers. */
  readonly self: boolean;
  /** Of the one that answers only. */
  readonly endpoints: number | undefined;
  /** To the one that answers; undefined when nobody measures it. */
  readonly link: LiveLink | undefined;
}

export interface LiveLink {
  readonly isUp: boolean;
  readonly rttMs: number;
  /** 0 to 1. */
  readonly loss: number;
  readonly streamsIn: number;
  readonly streamsOut: number;
}

export interface LiveRoute {
  /** App, room, peer and track. */
  readonly stream: string;
  readonly room: string;
  readonly peer: string;
  readonly track: string;
  /** Nodes from the publisher's to this one. */
  readonly nodes: readonly string[];
  /** Nodes that take it from this one. */
  readonly next: readonly string[];
}

const NODES_URL = '/api/core/v1/nodes';

const strings = (value: unknown, key: string): readonly string[] =>
  list(value, key).filter((each) => typeof each === 'string');

const readLink = (link: unknown): LiveLink => ({
  isUp: figure(link, 'costMs') !== undefined,
  rttMs: figure(link, 'rttMs') ?? 0,
  loss: figure(link, 'loss') ?? 0,
  streamsIn: figure(link, 'streamsIn') ?? 0,
  streamsOut: figure(link, 'streamsOut') ?? 0,
});

const readNode = (node: unknown): LiveNode => {
  const link = at(node, 'link');
  return {
    name: text(node, 'node'),
    self: at(node, 'self') === true,
    endpoints: figure(node, 'endpoints'),
    link: typeof link === 'object' && link !== null ? readLink(link) : undefined,
  };
};

const readRoute = (stream: unknown): LiveRoute => {
  const name = text(stream, 'stream');
  const [track = '', peer = '', room = ''] = name.split('/').reverse();
  return {
    stream: name,
    room,
    peer,
    track,
    nodes: strings(stream, 'route'),
    next: strings(stream, 'downstreams'),
  };
};

/** @returns undefined for a node alone. */
export const readCluster = (answer: unknown): LiveCluster | undefined => {
  const nodes = list(answer, 'nodes');
  const controlLost = nodes.some((node) => at(node, 'controlConnected') === false);
  if (nodes.length < 2 && !controlLost) return undefined;
  const zones = new Map<string, LiveNode[]>();
  for (const node of nodes) {
    const name = text(node, 'zone');
    const zone = zones.get(name) ?? [];
    zone.push(readNode(node));
    zones.set(name, zone);
  }
  const isOurs = (zone: LiveZone): number => Number(zone.nodes.some(({ self }) => self));
  return {
    zones: [...zones]
      .map(([name, members]) => ({
        name,
        nodes: members.sort((a, b) => Number(b.self) - Number(a.self) || a.name.localeCompare(b.name)),
      }))
      .sort((a, b) => isOurs(b) - isOurs(a) || a.name.localeCompare(b.name)),
    routes: list(answer, 'streams')
      .map(readRoute)
      .filter(({ nodes: way, next }) => way.length + next.length > 1)
      .sort((a, b) => a.stream.localeCompare(b.stream)),
    controlLost,
  };
};

/** @throws when the core or the gateway is not to be reached. */
export const fetchCluster = async (token: string | undefined): Promise<LiveCluster | undefined> =>
  readCluster(await getJson(NODES_URL, token));
