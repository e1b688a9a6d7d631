import type { Channel, ChannelDemand, PresenceValue } from '@switchyard/core/engine';
import type { MeshStreams, StreamKey, StreamPacket } from '@switchyard/core/fabric/mesh';
import { emptyMediaPacket, type MediaPacket } from '@switchyard/shared/media';
import type { MediaBody } from './media-body.ts';
import { streamName } from './stream-name.ts';
import { StreamSeal } from './stream-seal.ts';

/** Keys of a stream that are kept to open what comes late. */
const KEYS_KEPT = 3;
/** A publisher's clock is corrected when its packets seem this far from now, milliseconds. */
const CLOCK_TOLERANCE_MS = 2000;

interface Remote {
  readonly name: string;
  readonly publisher: string;
  readonly keepPictures: boolean;
  readonly seals: Map<number, StreamSeal>;
  channel: Channel | undefined;
  layers: number;
}

/** The streams of other nodes, as rooms' maps tell of them: taken while somebody here watches, opened here. */
export class RemoteStreams {
  readonly #streams: MeshStreams;
  readonly #body: MediaBody;
  readonly #packet: MediaPacket = emptyMediaPacket('opus');
  /** By channel name, and by stream name. */
  readonly #remotes = new Map<string, Remote>();
  readonly #byStream = new Map<string, Remote>();
  /** What to add to the times of a node's streams. */
  readonly #clocks = new Map<string, number>();
  /** Packets that no key opened. */
  unopened = 0;

  constructor(streams: MeshStreams, body: MediaBody) {
    this.#streams = streams;
    this.#body = body;
  }

  /** A track of another node. @param channel When the engine has it already. */
  learn(
    channelName: string,
    publisher: string,
    { session, info }: PresenceValue & { kind: 'track' },
    channel: Channel | undefined,
    nowMs: number,
  ): void {
    const name = streamName(channelName, session);
    if (this.#remotes.get(channelName)?.name === name) return;
    this.forget(channelName, nowMs);
    const remote: Remote = {
      name,
      publisher,
      keepPictures: info.keyframeOnRequest === false,
      seals: new Map(),
      channel: undefined,
      layers: 0,
    };
    this.#remotes.set(channelName, remote);
    this.#byStream.set(name, remote);
    if (channel !== undefined) this.subscribe(channel, nowMs);
  }

  forget(channelName: string, nowMs: number): void {
    const remote = this.#remotes.get(channelName);
    if (remote === undefined) return;
    remote.layers = 0;
    this.#setLayers(remote, nowMs);
    this.#remotes.delete(channelName);
    this.#byStream.delete(remote.name);
  }

  /** Nothing of that map is heard any more. */
  forgetMap(map: string, nowMs: number): void {
    for (const name of this.#remotes.keys()) if (name.startsWith(`${map}/`)) this.forget(name, nowMs);
  }

  /** A node is gone: its clock may be another when it comes back. */
  nodeDown(node: string): void {
    this.#clocks.delete(node);
  }

  subscribe(channel: Channel, nowMs: number): void {
    const remote = this.#remotes.get(channel.name);
    if (remote === undefined) return;
    remote.channel = channel;
    // The lowest layer, and audio, until viewers' demand says more.
    remote.layers = Math.max(1, remote.layers);
    this.#setLayers(remote, nowMs);
  }

  unsubscribe(channel: Channel, nowMs: number): void {
    const remote = this.#remotes.get(channel.name);
    if (remote === undefined) return;
    remote.channel = undefined;
    remote.layers = 0;
    this.#setLayers(remote, nowMs);
  }

  /** Whether the channel is a stream of another node. */
  has(channel: Channel): boolean {
    return this.#remotes.has(channel.name);
  }

  requestKeyframe(channel: Channel, spatial: number, nowMs: number): void {
    const remote = this.#remotes.get(channel.name);
    if (remote !== undefined) this.#streams.requestKeyframe(remote.name, spatial, nowMs);
  }

  /** What viewers of this node can use. */
  demand(channel: Channel, demand: ChannelDemand, nowMs: number): void {
    const remote = this.#remotes.get(channel.name);
    if (remote === undefined) return;
    const layers = Math.max(1, demand.layers);
    if (layers !== remote.layers && remote.channel !== undefined) {
      remote.layers = layers;
      this.#setLayers(remote, nowMs);
    }
    const { count, minBps, maxBps, sumBps } = demand;
    this.#streams.localBitrate(remote.name, { count, minBps, maxBps, sumBps }, nowMs);
  }

  keyKnown(stream: string, key: StreamKey): void {
    const remote = this.#byStream.get(stream);
    if (remote === undefined) return;
    remote.seals.set(key.epoch, new StreamSeal(key));
    for (const epoch of remote.seals.keys()) {
      if (remote.seals.size <= KEYS_KEPT) break;
      remote.seals.delete(epoch);
    }
  }

  /** The way of a stream changed and packets may be missing: viewers get a keyframe of what they watch. */
  interrupted(stream: string, nowMs: number): void {
    const remote = this.#byStream.get(stream);
    if (remote === undefined || remote.keepPictures) return;
    for (let spatial = 0; 1 << spatial <= remote.layers; spatial += 1)
      if ((remote.layers & (1 << spatial)) !== 0) this.#streams.requestKeyframe(stream, spatial, nowMs);
  }

  /** Opens a packet for the viewers of this node. Hot path. */
  deliver(
    stream: string,
    { epoch, streamSeq, sealed }: StreamPacket,
    nowMs: number,
    to: (channel: Channel, packet: MediaPacket, nowMs: number) => void,
  ): void {
    const remote = this.#byStream.get(stream);
    if (remote?.channel === undefined) return;
    const media = remote.seals.get(epoch)?.open(streamSeq, sealed);
    if (media === undefined || !this.#body.read(media, this.#packet)) {
      this.unopened += 1;
      return;
    }
    this.#packet.captureMs += this.#clockOf(remote.publisher, this.#packet.captureMs, nowMs);
    to(remote.channel, this.#packet, nowMs);
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

  #setLayers({ name, publisher, layers, keepPictures }: Remote, nowMs: number): void {
    this.#streams.setLocal(name, publisher, layers, keepPictures, nowMs);
  }
}
