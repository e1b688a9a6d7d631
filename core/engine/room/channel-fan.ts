import { type MediaPacket, NO_AUDIO_LEVEL } from '@switchyard/shared/media';
import { LAYERS_MAX, type RemoteTrackInfo, type TrackSource } from '@switchyard/shared/protocol';
import { LayerCosts } from '../endpoint/bitrate/layer-costs.ts';
import { LayerMeter } from '../endpoint/layer-meter.ts';
import type { LocalTrack } from '../endpoint/local-track.ts';
import { SourceState } from '../endpoint/selector/source-state.ts';
import type { Channel, ChannelDemand, EngineOutput } from '../io.ts';
import { GopCache } from './gop-cache.ts';
import type { Voice } from './voices.ts';

/** Level assumed for audio that says none, dBov. */
const UNKNOWN_LEVEL_DBOV = -50;
const RISE = 0.5;
const FALL = 0.05;
const SILENCE_DBOV = -127;
const ALL_LAYERS = 2 ** LAYERS_MAX - 1;

/** One channel on this node: everybody here who takes it, what its layers cost and how loud it is. */
export class ChannelFan implements Voice {
  readonly channel: Channel;
  readonly source: TrackSource;
  readonly meter: LayerMeter = new LayerMeter();
  costs: LayerCosts;
  readonly state: SourceState = new SourceState();
  readonly #subscribers: LocalTrack[] = [];
  readonly #output: EngineOutput;
  #cache: GopCache | undefined;
  levelDbov: number = SILENCE_DBOV;
  lastPacketMs = -1;
  inRoom = false;
  toldMs = 0;
  svc = false;
  #info: RemoteTrackInfo | undefined;
  #published = false;
  /** When what viewers here can use was told last, to how many of them, and whether they want other layers since. */
  demandToldMs: number = Number.NEGATIVE_INFINITY;
  hasNewTargets = false;
  demandCount = 0;
  /** The most that any viewer here can use, bits per second, as told last. */
  demandMaxBps = 0;

  constructor(channel: Channel, source: TrackSource, output: EngineOutput) {
    this.channel = channel;
    this.source = source;
    this.#output = output;
    this.costs = new LayerCosts(this);
  }

  /** What the room says of the track; undefined while nobody publishes it. */
  get info(): RemoteTrackInfo | undefined {
    return this.#info;
  }

  set info(info: RemoteTrackInfo | undefined) {
    const before = this.#info?.layers ?? [];
    this.#info = info;
    let isReordered = false;
    let off = 0;
    for (const [spatial, { rid, active }] of (info?.layers ?? []).entries()) {
      const old = before[spatial];
      if (old !== undefined && old.rid !== rid) isReordered = true;
      if (old?.active !== false && active === false) off |= 1 << spatial;
    }
    // Viewers go over to what is left at once instead of waiting for what does not come.
    if (off !== 0) this.state.stopped(off);
    if (!isReordered) return;
    // The layers are other encodings now: what was measured was measured of others.
    this.meter.clear(ALL_LAYERS);
    this.costs = new LayerCosts(this);
  }

  /** Published by an endpoint of this node. */
  get published(): boolean {
    return this.#published;
  }

  set published(published: boolean) {
    this.#published = published;
    // Who publishes it next has not been silent yet.
    this.lastPacketMs = -1;
  }

  /**
   * Since when nothing has come. A stream of another node is heard only while somebody takes it; one of this node
   * always is: what its publisher does is known at once.
   *
   * @param listeningSinceMs When who asks began to take it.
   */
  silentSinceMs(listeningSinceMs: number): number {
    if (this.#published && this.lastPacketMs >= 0) return this.lastPacketMs;
    return Math.max(this.lastPacketMs, listeningSinceMs);
  }

  get isUnused(): boolean {
    // Audio of the room is listened to for its loudness, on whatever node it is published.
    return !this.#published && !this.inRoom && this.#subscribers.length === 0;
  }

  get subscriberCount(): number {
    return this.#subscribers.length;
  }

  /** Encodings or spatial layers, announced or seen. */
  get spatialCount(): number {
    return this.costs.spatialCount;
  }

  /** Keeps the packets since the last keyframe for who comes later. */
  keepPictures(keep: boolean): void {
    this.#cache = keep ? (this.#cache ?? new GopCache()) : undefined;
  }

  tick(nowMs: number): void {
    const died = this.state.tick(nowMs);
    if (died !== 0) this.meter.clear(died);
    this.meter.keySvc = this.state.keySvc;
    this.meter.tick(nowMs);
  }

  subscribe(track: LocalTrack): void {
    this.#subscribers.push(track);
  }

  unsubscribe(track: LocalTrack): void {
    const at = this.#subscribers.indexOf(track);
    if (at >= 0) this.#subscribers.splice(at, 1);
  }

  /** Hot path: one packet to everybody. */
  deliver(packet: MediaPacket, nowMs: number): void {
    this.meter.add(packet);
    this.state.observe(packet, nowMs);
    this.lastPacketMs = nowMs;
    if (packet.codec === 'opus') this.#hear(packet.audioLevel);
    else {
      this.svc = packet.svc;
      this.costs.see(packet.spatial, packet.temporal, nowMs);
      this.#cache?.push(packet);
    }
    const subscribers = this.#subscribers;
    if (subscribers.length === 0) return;
    for (let i = 0; i < subscribers.length; i += 1) subscribers[i]?.handleMedia(packet, this.state, nowMs);
    this.#output.endPacket(packet);
  }

  /** Gives a viewer the pictures since the last keyframe. @returns false when none are kept. */
  replay(track: LocalTrack, nowMs: number): boolean {
    const cache = this.#cache;
    if (cache === undefined || cache.length === 0) return false;
    track.beginReplay(nowMs);
    for (let i = 0; i < cache.length; i += 1) {
      const packet = cache.packetAt(i);
      if (packet === undefined) continue;
      this.state.replay(packet);
      track.handleMedia(packet, this.state, nowMs);
      this.#output.endPacket(packet);
    }
    track.endReplay();
    return true;
  }

  /** What the viewers of this node can use now. */
  demand(): ChannelDemand {
    let minBps = Number.POSITIVE_INFINITY;
    let maxBps = 0;
    let sumBps = 0;
    let layers = 0;
    for (const { demandBps, target, current } of this.#subscribers) {
      minBps = Math.min(minBps, demandBps);
      maxBps = Math.max(maxBps, demandBps);
      sumBps += demandBps;
      if (target !== null) layers |= 1 << Math.min(target.spatial, LAYERS_MAX - 1);
      if (current !== null) layers |= 1 << Math.min(current.spatial, LAYERS_MAX - 1);
    }
    const count = this.#subscribers.length;
    return { count, minBps: count === 0 ? 0 : minBps, maxBps, sumBps, layers };
  }

  #hear(levelDbov: number): void {
    const level = levelDbov === NO_AUDIO_LEVEL ? UNKNOWN_LEVEL_DBOV : levelDbov;
    this.levelDbov += (level - this.levelDbov) * (level > this.levelDbov ? RISE : FALL);
  }
}
