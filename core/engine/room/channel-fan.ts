import { type MediaPacket, NO_AUDIO_LEVEL } from '@switchyard/shared/media';
import { LayerMeter } from '../endpoint/layer-meter.ts';
import type { LocalTrack } from '../endpoint/local-track.ts';
import type { Channel, EngineOutput } from '../io.ts';
import { GopCache } from './gop-cache.ts';

/** Level assumed for audio that says none, dBov. */
const UNKNOWN_LEVEL_DBOV = -50;
const RISE = 0.5;
const FALL = 0.05;
const SILENCE_DBOV = -127;

/** One channel on this node: everybody here who takes it, what its layers cost and how loud it is. */
export class ChannelFan {
  readonly channel: Channel;
  readonly meter: LayerMeter = new LayerMeter();
  readonly #subscribers: LocalTrack[] = [];
  readonly #output: EngineOutput;
  #cache: GopCache | undefined;
  /** Smoothed, dBov. */
  levelDbov: number = SILENCE_DBOV;
  lastPacketMs = -1;
  svc = false;
  /** Encodings or spatial layers that the source announced or was seen with. */
  spatialCount = 1;
  /** Published by an endpoint of this node. */
  published = false;

  constructor(channel: Channel, output: EngineOutput) {
    this.channel = channel;
    this.#output = output;
  }

  get isUnused(): boolean {
    return !this.published && this.#subscribers.length === 0;
  }

  get subscriberCount(): number {
    return this.#subscribers.length;
  }

  /** Keeps the packets since the last keyframe for who comes later. */
  keepPictures(keep: boolean): void {
    this.#cache = keep ? (this.#cache ?? new GopCache()) : undefined;
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
    this.lastPacketMs = nowMs;
    if (packet.codec === 'opus') this.#hear(packet.audioLevel);
    else {
      this.svc = packet.svc;
      if (packet.spatial >= this.spatialCount) this.spatialCount = packet.spatial + 1;
      this.#cache?.push(packet);
    }
    const subscribers = this.#subscribers;
    if (subscribers.length === 0) return;
    for (let i = 0; i < subscribers.length; i += 1) subscribers[i]?.handleMedia(packet, nowMs);
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
      track.handleMedia(packet, nowMs);
      this.#output.endPacket(packet);
    }
    track.endReplay();
    return true;
  }

  #hear(levelDbov: number): void {
    const level = levelDbov === NO_AUDIO_LEVEL ? UNKNOWN_LEVEL_DBOV : levelDbov;
    this.levelDbov += (level - this.levelDbov) * (level > this.levelDbov ? RISE : FALL);
  }
}
