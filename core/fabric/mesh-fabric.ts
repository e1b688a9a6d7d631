import { randomInt } from 'node:crypto';
import type {
  Channel,
  ChannelDemand,
  ChannelFeedback,
  Fabric,
  FabricListener,
  PresenceValue,
  RoomMessage,
} from '@switchyard/core/engine';
import {
  DATAGRAM_MAX_BYTES,
  HOP_MAC_BYTES,
  type LinkStateReport,
  MEDIA_HEADER_BYTES,
  MESH_VERSION,
  MeshNode,
  type NodeRecord,
  type Place,
  type StreamPacket,
} from '@switchyard/core/fabric/mesh';
import { emptyMediaPacket, type MediaPacket } from '@switchyard/shared/media';
import type { Logger } from '@switchyard/shared/runtime';
import type { ControlPlane, ControlPlaneListener, OwnedValue } from './control-plane.ts';
import { MediaBody } from './media-body.ts';
import { MeshSockets } from './mesh-sockets.ts';
import { type ClusterView, viewNodes, viewStreams } from './mesh-view.ts';
import { NodeKeys } from './node-keys.ts';
import { newStreamKey, StreamSeal } from './stream-seal.ts';

const TICK_MS = 5;
/** A stream's media has a new key after this time. Announced before it is used, so that everybody has it. */
const KEY_LIFE_MS = 3_600_000;
const KEY_LEAD_MS = 5000;
/** Keys of a stream that are kept to open what comes late. */
const KEYS_KEPT = 3;
/** A publisher's clock is corrected when its packets seem this far from now, milliseconds. */
const CLOCK_TOLERANCE_MS = 2000;
const TAG_BYTES = 16;
const MEDIA_MAX_BYTES = DATAGRAM_MAX_BYTES - MEDIA_HEADER_BYTES - HOP_MAC_BYTES - TAG_BYTES;

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
  readonly control: ControlPlane;
  readonly logger: Logger;
  /** How busy this node is, 0…1. */
  readonly load: () => number;
  /** The engine's clock. */
  readonly nowMs: () => number;
}

/** A stream that an endpoint of this node publishes. */
interface Published {
  readonly name: string;
  channel: Channel | undefined;
  seal: StreamSeal;
  next: StreamSeal | undefined;
  keyedMs: number;
  streamSeq: number;
}

/** A stream of another node, as the room's map tells of it. */
interface Remote {
  readonly name: string;
  readonly publisher: string;
  readonly keepPictures: boolean;
  readonly seals: Map<number, StreamSeal>;
  channel: Channel | undefined;
  layers: number;
}

export interface FabricCounters {
  /** Packets too large for a datagram, and packets that no key opened. */
  oversized: number;
  unopened: number;
}

const text = {
  encode: (value: string): Uint8Array => Buffer.from(value),
  decode: (bytes: Uint8Array): string => Buffer.from(bytes).toString(),
};

/** The fabric of several nodes: rooms by a control plane, media over UDP along the shortest measured ways. */
export class MeshFabric implements Fabric, ControlPlaneListener {
  readonly counters: FabricCounters = { oversized: 0, unopened: 0 };
  readonly mesh: MeshNode;
  readonly #options: MeshFabricOptions;
  readonly #keys: NodeKeys;
  readonly #sockets: MeshSockets;
  readonly #body = new MediaBody();
  readonly #packet: MediaPacket = emptyMediaPacket('opus');
  readonly #records = new Map<string, NodeRecord>();
  /** By channel name. */
  readonly #published = new Map<string, Published>();
  readonly #remotes = new Map<string, Remote>();
  readonly #channels = new Map<string, Channel>();
  /** Index is the channel's number. */
  readonly #publishedById: (Published | undefined)[] = [];
  /** By stream name. */
  readonly #byStream = new Map<string, Remote>();
  /** What to add to the times of a node's streams. */
  readonly #clocks = new Map<string, number>();
  /** `map label` of messages that somebody here hears. */
  readonly #labels = new Set<string>();
  #listener: FabricListener | undefined;
  #places: readonly Place[] = [];
  #answer: (question: unknown) => unknown = () => undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: MeshFabricOptions) {
    this.#options = options;
    this.#keys = new NodeKeys(options.secret);
    this.#sockets = new MeshSockets(options.logger, (node, datagram) =>
      this.mesh.receive(node, datagram, options.nowMs()),
    );
    const { node, zone, relay } = options;
    this.mesh = new MeshNode({ node, zone, relay }, options.session, {
      send: (to, datagram) => this.#send(to, datagram),
      deliver: (stream, packet) => this.#deliver(stream, packet),
      keyKnown: (stream, key) => {
        const remote = this.#byStream.get(stream);
        if (remote === undefined) return;
        remote.seals.set(key.epoch, new StreamSeal(key));
        for (const epoch of remote.seals.keys()) {
          if (remote.seals.size <= KEYS_KEPT) break;
          remote.seals.delete(epoch);
        }
      },
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
      interrupted: (stream) => this.#interrupted(stream),
      reportLinks: (report) => options.control.reportLinks(report),
      newLabel: () => randomInt(0x1_0000_0000),
      load: () => options.load(),
      text,
    });
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
    const published = this.#publishedById[channel.id];
    const stream = published === undefined ? undefined : this.mesh.streams.stream(published.name);
    if (published === undefined || stream === undefined) return;
    const streamSeq = published.streamSeq;
    published.streamSeq = (streamSeq + 1) >>> 0;
    if (!stream.hasDownstreams && !stream.keepsPictures) return;
    const media = this.#body.write(packet);
    if (media.length > MEDIA_MAX_BYTES) {
      this.counters.oversized += 1;
      return;
    }
    const seal = this.#sealOf(published, nowMs);
    const { spatial, keyframe, svc } = packet;
    stream.publish(
      { streamSeq, epoch: seal.epoch, spatial, keyframe, svc, sealed: seal.seal(streamSeq, media) },
      nowMs,
    );
  }

  subscribe(channel: Channel): void {
    this.#channels.set(channel.name, channel);
    const published = this.#published.get(channel.name);
    if (published !== undefined) this.#bindPublished(published, channel);
    const remote = this.#remotes.get(channel.name);
    if (remote !== undefined) this.#subscribeRemote(remote, channel);
  }

  unsubscribe(channel: Channel): void {
    this.#channels.delete(channel.name);
    this.#publishedById[channel.id] = undefined;
    const published = this.#published.get(channel.name);
    if (published !== undefined) published.channel = undefined;
    const remote = this.#remotes.get(channel.name);
    if (remote === undefined) return;
    remote.channel = undefined;
    remote.layers = 0;
    this.#setLayers(remote);
  }

  feedback(channel: Channel, feedback: ChannelFeedback, nowMs: number): void {
    const remote = this.#remotes.get(channel.name);
    if (remote === undefined) this.#listener?.channelFeedback(channel, feedback, nowMs);
    else if (feedback.type === 'keyframe')
      this.mesh.streams.requestKeyframe(remote.name, feedback.spatial, nowMs);
    else this.#demand(remote, feedback.demand, nowMs);
  }

  set(map: string, key: string, value: PresenceValue, nowMs: number): void {
    if (value.kind === 'track') this.#publishStream(map, value, nowMs);
    this.#options.control.set(map, key, value);
  }

  delete(map: string, key: string): void {
    const name = channelOfKey(map, key);
    const published = name === undefined ? undefined : this.#published.get(name);
    if (name !== undefined && published !== undefined) {
      this.#published.delete(name);
      if (published.channel !== undefined) this.#publishedById[published.channel.id] = undefined;
      this.mesh.streams.unpublish(published.name);
    }
    this.#options.control.delete(map, key);
  }

  watch(map: string): void {
    this.#options.control.watch(map);
  }

  unwatch(map: string): void {
    this.#options.control.unwatch(map);
    for (const name of this.#remotes.keys()) if (name.startsWith(`${map}/`)) this.#forget(name);
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
    this.#clocks.delete(node);
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
    if (value.kind === 'track' && node !== this.#options.node) this.#learn(map, node, value);
    this.#listener?.mapSet(map, key, value, this.#options.nowMs());
  }

  mapDeleted(map: string, key: string): void {
    const name = channelOfKey(map, key);
    if (name !== undefined) this.#forget(name);
    this.#listener?.mapDeleted(map, key, this.#options.nowMs());
  }

  message(map: string, message: RoomMessage): void {
    this.#listener?.message(map, message, this.#options.nowMs());
  }

  #send(to: string, datagram: Uint8Array): void {
    if (this.#options.transport === 'nats') this.#options.control.sendDatagram(to, datagram);
    else this.#sockets.send(to, datagram);
  }

  #publishStream(map: string, value: PresenceValue & { kind: 'track' }, nowMs: number): void {
    const { peer, session, info } = value;
    const channelName = `${map}/${peer}/${info.name}`;
    const name = streamName(channelName, session);
    if (this.#published.get(channelName)?.name === name) return;
    const key = newStreamKey(1);
    const published: Published = {
      name,
      channel: undefined,
      seal: new StreamSeal(key),
      next: undefined,
      keyedMs: nowMs,
      streamSeq: 0,
    };
    this.#published.set(channelName, published);
    this.mesh.streams.publish(name, key, info.keyframeOnRequest === false);
    const channel = this.#channels.get(channelName);
    if (channel !== undefined) this.#bindPublished(published, channel);
  }

  #bindPublished(published: Published, channel: Channel): void {
    published.channel = channel;
    this.#publishedById[channel.id] = published;
  }

  /** The key to seal with now; the one after it is announced some time before. */
  #sealOf(published: Published, nowMs: number): StreamSeal {
    if (published.next === undefined) {
      if (nowMs - published.keyedMs < KEY_LIFE_MS) return published.seal;
      const key = newStreamKey((published.seal.epoch + 1) & 0xffff);
      published.next = new StreamSeal(key);
      published.keyedMs = nowMs;
      this.mesh.streams.stream(published.name)?.setKey(key);
    } else if (nowMs - published.keyedMs >= KEY_LEAD_MS) {
      published.seal = published.next;
      published.next = undefined;
    }
    return published.seal;
  }

  /** A track of another node. */
  #learn(map: string, node: string, value: PresenceValue & { kind: 'track' }): void {
    const { peer, session, info } = value;
    const channelName = `${map}/${peer}/${info.name}`;
    const name = streamName(channelName, session);
    if (this.#remotes.get(channelName)?.name === name) return;
    this.#forget(channelName);
    const remote: Remote = {
      name,
      publisher: node,
      keepPictures: info.keyframeOnRequest === false,
      seals: new Map(),
      channel: undefined,
      layers: 0,
    };
    this.#remotes.set(channelName, remote);
    this.#byStream.set(name, remote);
    const channel = this.#channels.get(channelName);
    if (channel !== undefined) this.#subscribeRemote(remote, channel);
  }

  #forget(channelName: string): void {
    const remote = this.#remotes.get(channelName);
    if (remote === undefined) return;
    remote.layers = 0;
    this.#setLayers(remote);
    this.#remotes.delete(channelName);
    this.#byStream.delete(remote.name);
  }

  #subscribeRemote(remote: Remote, channel: Channel): void {
    remote.channel = channel;
    // The lowest layer, and audio, until viewers' demand says more.
    remote.layers = Math.max(1, remote.layers);
    this.#setLayers(remote);
  }

  #demand(remote: Remote, demand: ChannelDemand, nowMs: number): void {
    const layers = Math.max(1, demand.layers);
    if (layers !== remote.layers && remote.channel !== undefined) {
      remote.layers = layers;
      this.#setLayers(remote);
    }
    const { count, minBps, maxBps, sumBps } = demand;
    this.mesh.streams.localBitrate(remote.name, { count, minBps, maxBps, sumBps }, nowMs);
  }

  #setLayers({ name, publisher, layers, keepPictures }: Remote): void {
    this.mesh.streams.setLocal(name, publisher, layers, keepPictures, this.#options.nowMs());
  }

  #deliver(stream: string, packet: StreamPacket): void {
    const remote = this.#byStream.get(stream);
    const media = remote?.seals.get(packet.epoch)?.open(packet.streamSeq, packet.sealed);
    if (remote?.channel === undefined) return;
    if (media === undefined || !this.#body.read(media, this.#packet)) {
      this.counters.unopened += 1;
      return;
    }
    const nowMs = this.#options.nowMs();
    this.#packet.captureMs += this.#clockOf(remote.publisher, this.#packet.captureMs, nowMs);
    this.#listener?.channelMedia(remote.channel, this.#packet, nowMs);
  }

  /** What to add to a publisher's times so that they are near ours: one number for all its streams, as lips need it. */
  #clockOf(node: string, captureMs: number, nowMs: number): number {
    const known = this.#clocks.get(node);
    if (known !== undefined) return known;
    const off = nowMs - captureMs;
    const correction = Math.abs(off) > CLOCK_TOLERANCE_MS ? off : 0;
    this.#clocks.set(node, correction);
    return correction;
  }

  #feedbackHere(stream: string, feedback: ChannelFeedback): void {
    for (const { name, channel } of this.#published.values())
      if (name === stream && channel !== undefined) {
        this.#listener?.channelFeedback(channel, feedback, this.#options.nowMs());
        return;
      }
  }

  /** The way of a stream changed and packets may be missing: viewers get a keyframe of what they watch. */
  #interrupted(stream: string): void {
    const remote = this.#byStream.get(stream);
    if (remote === undefined || remote.keepPictures) return;
    for (let spatial = 0; 1 << spatial <= remote.layers; spatial += 1)
      if ((remote.layers & (1 << spatial)) !== 0)
        this.mesh.streams.requestKeyframe(stream, spatial, this.#options.nowMs());
  }
}

/** A restarted session is another stream. Names hold no space. */
const streamName = (channelName: string, session: string): string => `${channelName} ${session}`;

/** `track/<peer>/<track>` of a map → its channel's name; undefined for other keys. */
function channelOfKey(map: string, key: string): string | undefined {
  const [kind, peer, track] = key.split('/');
  return kind === 'track' ? `${map}/${peer}/${track}` : undefined;
}
