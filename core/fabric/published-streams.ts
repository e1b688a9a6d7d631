import type { Channel, PresenceValue } from '@switchyard/core/engine';
import {
  DATAGRAM_MAX_BYTES,
  HOP_MAC_BYTES,
  MEDIA_HEADER_BYTES,
  type MeshStreams,
} from '@switchyard/core/fabric/mesh';
import type { MediaPacket } from '@switchyard/shared/media';
import type { MediaBody } from './media-body.ts';
import { streamName } from './stream-name.ts';
import { newStreamKey, STREAM_TAG_BYTES, StreamSeal } from './stream-seal.ts';

/** A stream's media has a new key after this time. Announced before it is used, so that everybody has it. */
const KEY_LIFE_MS = 3_600_000;
const KEY_LEAD_MS = 5000;
const MEDIA_MAX_BYTES = DATAGRAM_MAX_BYTES - MEDIA_HEADER_BYTES - HOP_MAC_BYTES - STREAM_TAG_BYTES;

interface Published {
  readonly name: string;
  channel: Channel | undefined;
  seal: StreamSeal;
  next: StreamSeal | undefined;
  keyedMs: number;
  streamSeq: number;
}

/** The streams that endpoints of this node publish: sealed once, here, for whoever takes them. */
export class PublishedStreams {
  readonly #streams: MeshStreams;
  readonly #body: MediaBody;
  /** By channel name. */
  readonly #published = new Map<string, Published>();
  /** Index is the channel's number. */
  readonly #byId: (Published | undefined)[] = [];
  /** Packets that do not fit a datagram. */
  oversized = 0;

  constructor(streams: MeshStreams, body: MediaBody) {
    this.#streams = streams;
    this.#body = body;
  }

  /** A track begins, or is another session's now. @param channel When the engine has it already. */
  start(
    channelName: string,
    { session, info }: PresenceValue & { kind: 'track' },
    channel: Channel | undefined,
    nowMs: number,
  ): void {
    const name = streamName(channelName, session);
    if (this.#published.get(channelName)?.name === name) return;
    const key = newStreamKey(1);
    this.#published.set(channelName, {
      name,
      channel: undefined,
      seal: new StreamSeal(key),
      next: undefined,
      keyedMs: nowMs,
      streamSeq: 0,
    });
    this.#streams.publish(name, key, info.keyframeOnRequest === false);
    if (channel !== undefined) this.bind(channel);
  }

  end(channelName: string): void {
    const published = this.#published.get(channelName);
    if (published === undefined) return;
    this.#published.delete(channelName);
    if (published.channel !== undefined) this.#byId[published.channel.id] = undefined;
    this.#streams.unpublish(published.name);
  }

  /** The engine has the channel. */
  bind(channel: Channel): void {
    const published = this.#published.get(channel.name);
    if (published === undefined) return;
    published.channel = channel;
    this.#byId[channel.id] = published;
  }

  unbind(channel: Channel): void {
    this.#byId[channel.id] = undefined;
    const published = this.#published.get(channel.name);
    if (published !== undefined) published.channel = undefined;
  }

  /** The channel of a stream; undefined for a stream of another node. */
  channelOf(stream: string): Channel | undefined {
    for (const { name, channel } of this.#published.values()) if (name === stream) return channel;
    return undefined;
  }

  /** One packet to everybody beyond this node. Hot path. */
  publish(channel: Channel, packet: MediaPacket, nowMs: number): void {
    const published = this.#byId[channel.id];
    const stream = published === undefined ? undefined : this.#streams.stream(published.name);
    if (published === undefined || stream === undefined) return;
    const streamSeq = published.streamSeq;
    published.streamSeq = (streamSeq + 1) >>> 0;
    if (!stream.hasDownstreams && !stream.keepsPictures) return;
    const media = this.#body.write(packet);
    if (media.length > MEDIA_MAX_BYTES) {
      this.oversized += 1;
      return;
    }
    const seal = this.#sealOf(published, nowMs);
    const { spatial, keyframe, svc } = packet;
    stream.publish(
      { streamSeq, epoch: seal.epoch, spatial, keyframe, svc, sealed: seal.seal(streamSeq, media) },
      nowMs,
    );
  }

  /** The key to seal with now; the one after it is announced some time before. */
  #sealOf(published: Published, nowMs: number): StreamSeal {
    if (published.next === undefined) {
      if (nowMs - published.keyedMs < KEY_LIFE_MS) return published.seal;
      const key = newStreamKey((published.seal.epoch + 1) & 0xffff);
      published.next = new StreamSeal(key);
      published.keyedMs = nowMs;
      this.#streams.stream(published.name)?.setKey(key);
    } else if (nowMs - published.keyedMs >= KEY_LEAD_MS) {
      published.seal = published.next;
      published.next = undefined;
    }
    return published.seal;
  }
}
