import { randomInt } from 'node:crypto';
import type {
  Channel,
  ChannelFeedback,
  Fabric,
  FabricListener,
  PresenceValue,
  RoomMessage,
} from '@switchyard/core/engine';
import {
  type LinkStateReport,
  MESH_VERSION,
  MeshNode,
  type NodeRecord,
  type Place,
} from '@switchyard/core/fabric/mesh';
import type { MediaPacket } from '@switchyard/shared/media';
import type { Logger } from '@switchyard/shared/runtime';
import type { ControlPlane, ControlPlaneListener, OwnedValue } from './control-plane.ts';
import { MediaBody } from './media-body.ts';
import { MeshSockets } from './mesh-sockets.ts';
import { type ClusterView, viewNodes, viewStreams } from './mesh-view.ts';
import { NodeKeys } from './node-keys.ts';
import { PublishedStreams } from './published-streams.ts';
import { RemoteStreams } from './remote-streams.ts';

const TICK_MS = 5;

export interface MeshFabricOptions {
  readonly node: string;
  readonly zone: string;
  readonly relay: boolean;
  /** Of this process. */
  readonly session: string;
  /** Every node of the cluster knows it. */
  readonly secret: string;
  /** Where browsers reach this node's WebRTC gateway, `http://host:port`; empty for nowhere. */
  readonly url: string;
  /** UDP `host` and `port` that the mesh listens on, and the addresses that others are told. */
  readonly host: string;
  readonly port: number;
  readonly announce: readonly string[];
  /** `nats`: datagrams go by the control plane, where UDP between nodes is blocked. */
  readonly transport: 'udp' | 'nats';
  /** See the setting of that name. */
  readonly udpBursts: boolean;
  readonly control: ControlPlane;
  readonly logger: Logger;
  /** How busy this node is, 0…1. */
  readonly load: () => number;
  /** The engine's clock. */
  readonly nowMs: () => number;
}

export interface FabricCounters {
  readonly oversized: number;
  readonly unopened: number;
}

const text = {
  encode: (value: string): Uint8Array => Buffer.from(value),
  decode: (bytes: Uint8Array): string => Buffer.from(bytes).toString(),
};

/** The fabric of several nodes: rooms by a control plane, media over UDP along the shortest measured ways. */
export class MeshFabric implements Fabric, ControlPlaneListener {
  readonly mesh: MeshNode;
  readonly #options: MeshFabricOptions;
  readonly #keys: NodeKeys;
  readonly #sockets: MeshSockets;
  readonly #records = new Map<string, NodeRecord>();
  readonly #published: PublishedStreams;
  readonly #remotes: RemoteStreams;
  /** By name, what the engine has subscribed to. */
  readonly #channels = new Map<string, Channel>();
  /** `map label` of messages that somebody here hears. */
  readonly #labels = new Set<string>();
  #listener: FabricListener | undefined;
  #places: readonly Place[] = [];
  #answer: (question: unknown) => unknown = () => undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: MeshFabricOptions) {
    this.#options = options;
    this.#keys = new NodeKeys(options.secret);
    this.#sockets = new MeshSockets(options.logger, options.udpBursts, (node, datagram) =>
      this.mesh.receive(node, datagram, options.nowMs()),
    );
    const { node, zone, relay } = options;
    this.mesh = new MeshNode({ node, zone, relay }, options.session, {
      send: (to, datagram) => this.#send(to, datagram),
      deliver: (stream, packet) => this.#remotes.deliver(stream, packet, options.nowMs(), deliver),
      keyKnown: (stream, key) => this.#remotes.keyKnown(stream, key),
      keyframeWanted: (stream, spatial) => this.#feedbackHere(stream, { type: 'keyframe', spatial }),
      bitrateWanted: (stream, { count, minBps, maxBps, sumBps }) =>
        this.#feedbackHere(stream, {
          type: 'demand',
          node: 'mesh',
          demand: {
            count,
            minBps,
            maxBps,
            sumBps,
            layers: this.mesh.streams.stream(stream)?.layersBeyond ?? 0,
          },
        }),
      interrupted: (stream) => this.#remotes.interrupted(stream, options.nowMs()),
      reportLinks: (report) => options.control.reportLinks(report),
      newLabel: () => randomInt(0x1_0000_0000),
      load: () => options.load(),
      text,
    });
    const deliver = (channel: Channel, packet: MediaPacket, nowMs: number): void =>
      this.#listener?.channelMedia(channel, packet, nowMs);
    const body = new MediaBody();
    this.#published = new PublishedStreams(this.mesh.streams, body);
    this.#remotes = new RemoteStreams(this.mesh.streams, body);
  }

  /** The engine of this node. */
  attach(listener: FabricListener): void {
    this.#listener = listener;
  }

  /** @throws {Error} with a sentence for the operator when this node cannot join. */
  async start(): Promise<void> {
    const { node, session, zone, relay, url, host, port, announce, transport, control } = this.#options;
    const bound = transport === 'udp' ? await this.#sockets.bind(host, port) : undefined;
    const addresses = announce.length > 0 ? announce : bound === undefined ? [] : [bound];
    const { publicKey } = this.#keys;
    const record = { node, session, zone, relay, publicKey, addresses, url, version: MESH_VERSION };
    await control.start(record, this);
    this.#timer = setInterval(() => this.mesh.tick(this.#options.nowMs()), TICK_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#options.control.stop();
    this.#sockets.close();
  }

  /** Asks every other node. @returns What came in time. */
  ask(question: object): Promise<readonly unknown[]> {
    return this.#options.control.ask(question);
  }

  /** @param answer What this node says to a question of another; undefined for nothing. */
  onAsked(answer: (question: unknown) => unknown): void {
    this.#answer = answer;
  }

  /** Where browsers can go when this node ends, least loaded first; told when that changes. */
  onPlaces: (urls: readonly string[]) => void = () => {};

  places(places: readonly Place[], changed: boolean): void {
    this.#places = places;
    if (changed) this.onPlaces(places.map(({ url }) => url));
  }

  /** Where a browser should join now: the least loaded node, this one included. */
  get leastLoadedUrl(): string {
    const [best] = this.#places;
    return best === undefined || this.#options.load() <= best.load ? this.#options.url : best.url;
  }

  load(): number {
    return this.#options.load();
  }

  asked(question: unknown): unknown {
    return this.#answer(question);
  }

  /** The other nodes of the cluster, and the streams that cross this one. */
  view(): ClusterView {
    return {
      nodes: viewNodes(this.mesh, this.#records.values()),
      streams: viewStreams(this.mesh),
      isControlConnected: this.#options.control.isConnected,
    };
  }

  /** Packets that do not fit a datagram, and packets that no key of their stream opened. */
  get counters(): FabricCounters {
    return { oversized: this.#published.oversized, unopened: this.#remotes.unopened };
  }

  /** Datagrams of addresses that no node of the cluster has. */
  get strangers(): number {
    return this.#sockets.strangers + this.mesh.strangers;
  }

  /** Whether the control plane can be reached. */
  get isControlConnected(): boolean {
    return this.#options.control.isConnected;
  }

  /** Viewers of this node have the packet from the engine. */
  publish(channel: Channel, packet: MediaPacket, nowMs: number): void {
    this.#published.publish(channel, packet, nowMs);
  }

  subscribe(channel: Channel): void {
    this.#channels.set(channel.name, channel);
    this.#published.bind(channel);
    this.#remotes.subscribe(channel, this.#options.nowMs());
  }

  unsubscribe(channel: Channel): void {
    this.#channels.delete(channel.name);
    this.#published.unbind(channel);
    this.#remotes.unsubscribe(channel, this.#options.nowMs());
  }

  feedback(channel: Channel, feedback: ChannelFeedback, nowMs: number): void {
    if (!this.#remotes.has(channel)) this.#listener?.channelFeedback(channel, feedback, nowMs);
    else if (feedback.type === 'keyframe') this.#remotes.requestKeyframe(channel, feedback.spatial, nowMs);
    else this.#remotes.demand(channel, feedback.demand, nowMs);
  }

  set(map: string, key: string, value: PresenceValue, nowMs: number): void {
    if (value.kind === 'track') {
      const name = channelOf(map, value);
      this.#published.start(name, value, this.#channels.get(name), nowMs);
    }
    this.#options.control.set(map, key, value);
  }

  delete(map: string, key: string): void {
    const name = channelOfKey(map, key);
    if (name !== undefined) this.#published.end(name);
    this.#options.control.delete(map, key);
  }

  watch(map: string): void {
    this.#options.control.watch(map);
  }

  unwatch(map: string): void {
    this.#options.control.unwatch(map);
    this.#remotes.forgetMap(map, this.#options.nowMs());
  }

  /** Who hears a label subscribes to it: nobody has to be told who sends. */
  publishLabel(): void {}

  unpublishLabel(): void {}

  subscribeLabel(map: string, label: string): void {
    this.#labels.add(`${map} ${label}`);
    this.#options.control.subscribeLabel(map, label);
  }

  unsubscribeLabel(map: string, label: string): void {
    this.#labels.delete(`${map} ${label}`);
    this.#options.control.unsubscribeLabel(map, label);
  }

  send(map: string, message: RoomMessage, nowMs: number): void {
    if (this.#labels.has(`${map} ${message.label}`)) this.#listener?.message(map, message, nowMs);
    this.#options.control.send(map, message);
  }

  memberUp(record: NodeRecord): void {
    const crypto = this.#keys.linkTo(record.publicKey);
    if (crypto === undefined) {
      this.#options.logger.warn({ node: record.node }, 'a node with a key that is none is left out');
      return;
    }
    this.#records.set(record.node, record);
    this.#sockets.setPeer(record.node, record.addresses);
    const { node, zone, relay } = record;
    this.mesh.memberUp({ node, zone, relay }, crypto, this.#options.nowMs());
  }

  memberDown({ node, session }: NodeRecord): void {
    if (this.#records.get(node)?.session !== session) return;
    this.#records.delete(node);
    this.#remotes.nodeDown(node);
    this.#sockets.removePeer(node);
    this.mesh.memberDown(node, this.#options.nowMs());
  }

  linksReported(node: string, report: LinkStateReport): void {
    this.mesh.linksReported(node, report, this.#options.nowMs());
  }

  datagram(node: string, bytes: Uint8Array): void {
    this.mesh.receive(node, bytes, this.#options.nowMs());
  }

  meshHeardMs(node: string): number {
    const heardMs = this.mesh.link(node)?.heardMs ?? Number.NEGATIVE_INFINITY;
    // The control plane's clock is the process's, the mesh's is the engine's.
    return heardMs - this.#options.nowMs() + performance.now();
  }

  mapSet(map: string, key: string, owned: OwnedValue): void {
    const { node, value } = owned;
    const nowMs = this.#options.nowMs();
    if (value.kind === 'track' && node !== this.#options.node) {
      const name = channelOf(map, value);
      this.#remotes.learn(name, node, value, this.#channels.get(name), nowMs);
    }
    this.#listener?.mapSet(map, key, value, nowMs);
  }

  mapDeleted(map: string, key: string): void {
    const name = channelOfKey(map, key);
    const nowMs = this.#options.nowMs();
    if (name !== undefined) this.#remotes.forget(name, nowMs);
    this.#listener?.mapDeleted(map, key, nowMs);
  }

  message(map: string, message: RoomMessage): void {
    this.#listener?.message(map, message, this.#options.nowMs());
  }

  #send(to: string, datagram: Uint8Array): void {
    if (this.#options.transport === 'nats') this.#options.control.sendDatagram(to, datagram);
    else this.#sockets.send(to, datagram);
  }

  /** Somebody beyond this node wants something of a stream of this node. */
  #feedbackHere(stream: string, feedback: ChannelFeedback): void {
    const channel = this.#published.channelOf(stream);
    if (channel !== undefined) this.#listener?.channelFeedback(channel, feedback, this.#options.nowMs());
  }
}

/** Name of a track's channel. */
const channelOf = (map: string, { peer, info }: PresenceValue & { kind: 'track' }): string =>
  `${map}/${peer}/${info.name}`;

/** `track/<peer>/<track>` of a map → its channel's name; undefined for other keys. */
function channelOfKey(map: string, key: string): string | undefined {
  const [kind, peer, track] = key.split('/');
  return kind === 'track' ? `${map}/${peer}/${track}` : undefined;
}
