import { emptyMediaPacket, kindOf, type MediaKind } from '@switchyard/shared/media';
import {
  ALL_PERMISSIONS,
  DEFAULT_LOCAL_TRACK_CONFIG,
  type EndpointEvent,
  emptyFanoutTarget,
  type FanoutFrame,
  trackId,
} from '@switchyard/shared/protocol';
import type { CoreLink, LinkEndpoint } from '@switchyard/shared/runtime';

const RECEIVE = trackId(1);
const SEND = trackId(1);
const AUDIO_MS = 20;
/** An Opus packet of 20 ms of silence (RFC 6716: one frame, SILK, and nothing in it). */
const OPUS_SILENCE = Uint8Array.of(0xf8, 0xff, 0xfe);

/** One endpoint on a link of its own: what the room looks like from outside of the gateway under test. */
export class Probe {
  readonly #link: CoreLink;
  readonly #endpoint: LinkEndpoint;
  readonly #peers = new Map<string, Set<string>>();
  readonly #target = emptyFanoutTarget();
  readonly departures: string[] = [];
  packets = 0;
  keyframes = 0;
  lastPacketMs = 0;
  #first: 'keyframe' | 'other' | undefined;
  #timestamp = -1;

  private constructor(link: CoreLink) {
    this.#link = link;
    this.#endpoint = link.openEndpoint('sdk', undefined, { onEvent: (event) => this.#onEvent(event) });
    link.onFanout = (frame) => this.#onFanout(frame);
  }

  /** @param link Its own: it takes every fan-out. */
  static async join(link: CoreLink, room: string, peer: string): Promise<Probe> {
    const probe = new Probe(link);
    const error = await probe.#endpoint.request({
      type: 'join',
      app: 'default',
      room,
      peer,
      publish: { peer: true, tracks: true },
      subscribe: { peers: true, tracks: true },
      permissions: ALL_PERMISSIONS,
      replace: false,
    });
    if (error !== undefined) throw new Error(`the probe was refused: ${JSON.stringify(error)}`);
    return probe;
  }

  /** Video began with a keyframe. */
  get beganWithKeyframe(): boolean {
    return this.#first === 'keyframe';
  }

  /** Names of a peer's tracks. */
  tracksOf(peer: string): ReadonlySet<string> {
    return this.#peers.get(this.#nameOf(peer)) ?? new Set();
  }

  hasPeer(peer: string): boolean {
    return this.#peers.has(this.#nameOf(peer));
  }

  async attach(source: {
    readonly peer: string;
    readonly track: string;
    readonly kind: MediaKind;
  }): Promise<void> {
    const error = await this.#endpoint.request({
      type: 'local-track-attach',
      track: RECEIVE,
      kind: source.kind,
      source: { peer: this.#nameOf(source.peer), track: source.track },
      config: DEFAULT_LOCAL_TRACK_CONFIG,
    });
    if (error !== undefined) throw new Error(`the probe could not attach: ${JSON.stringify(error)}`);
  }

  requestKeyframe(): void {
    this.#endpoint.control({ type: 'local-track-keyframe-request', track: RECEIVE });
  }

  /** Publishes audio until the returned function is called. */
  speak(): () => void {
    this.#endpoint.control({
      type: 'remote-track-start',
      track: SEND,
      info: { name: 'audio_main', kind: 'audio', codec: 'opus', layers: [] },
    });
    const packet = emptyMediaPacket('opus');
    packet.payload = OPUS_SILENCE;
    packet.audioLevel = -20;
    const timer = setInterval(() => {
      packet.seq = (packet.seq + 1) & 0xffff;
      packet.timestamp = (packet.timestamp + AUDIO_MS * 48) >>> 0;
      packet.captureMs = performance.timeOrigin + performance.now();
      this.#endpoint.media(SEND, packet);
    }, AUDIO_MS);
    return () => {
      clearInterval(timer);
      this.#endpoint.control({ type: 'remote-track-stop', track: SEND });
    };
  }

  clearNews(): void {
    this.departures.length = 0;
  }

  close(): void {
    this.#endpoint.close();
    void this.#link.close();
  }

  /** A gateway may add something of its own to the name: `ann` is `ann-4f2a`. */
  #nameOf(prefix: string): string {
    for (const peer of this.#peers.keys()) if (peer.startsWith(prefix)) return peer;
    return prefix;
  }

  #onEvent(event: EndpointEvent): void {
    switch (event.type) {
      case 'peer-joined':
        this.#peers.set(event.peer, this.#peers.get(event.peer) ?? new Set());
        return;
      case 'track-started':
        this.#peers.set(event.peer, (this.#peers.get(event.peer) ?? new Set()).add(event.info.name));
        return;
      case 'track-stopped':
        this.#peers.get(event.peer)?.delete(event.track);
        this.departures.push(`${event.peer}/${event.track}`);
        return;
      case 'peer-left':
        this.#peers.delete(event.peer);
        this.departures.push(event.peer);
        return;
      case 'closed':
        this.departures.push(`the probe itself: ${event.error.code}`);
        return;
      default:
        return;
    }
  }

  #onFanout(frame: FanoutFrame): void {
    const { packet } = frame;
    for (let index = 0; index < frame.targetCount; index += 1) {
      frame.readTarget(index, this.#target);
      if (this.#target.endpoint !== this.#endpoint.id || this.#target.track !== RECEIVE) continue;
      this.packets += 1;
      this.lastPacketMs = performance.now();
      const isKeyframe = packet.keyframe && kindOf(packet.codec) === 'video';
      this.#first ??= isKeyframe ? 'keyframe' : 'other';
      if (isKeyframe && this.#target.timestamp !== this.#timestamp) {
        this.#timestamp = this.#target.timestamp;
        this.keyframes += 1;
      }
    }
  }
}
