import type { BitrateFeedback } from './feedback-merge.ts';
import { MeshStream, type MeshStreamHome } from './mesh-stream.ts';
import type { StreamKey, StreamMessage, StreamPacket } from './stream-message.ts';

/** Most streams that one node takes part in. */
export const STREAMS_MAX: number = 100_000;

/** What all streams of a node need of it. */
export interface MeshStreamsHome extends Omit<MeshStreamHome, 'takeLabel' | 'freeLabel'> {
  /** 32 random bits. */
  newLabel(): number;
}

/** All streams of one node: finds the one a datagram or a message is about. Pure. */
export class MeshStreams {
  readonly #home: MeshStreamHome;
  readonly #streams = new Map<string, MeshStream>();
  readonly #byLabel = new Map<number, { readonly stream: MeshStream; readonly label: number }>();

  constructor(home: MeshStreamsHome) {
    // A getter-free copy: streams call these on every packet.
    this.#home = {
      self: home.self,
      control: (node, message) => home.control(node, message),
      forward: (node, label, packet) => home.forward(node, label, packet),
      deliver: (stream, packet) => home.deliver(stream, packet),
      keyKnown: (stream, key) => home.keyKnown(stream, key),
      keyframeWanted: (stream, spatial) => home.keyframeWanted(stream, spatial),
      bitrateWanted: (stream, feedback) => home.bitrateWanted(stream, feedback),
      interrupted: (stream) => home.interrupted(stream),
      candidates: (stream, publisher) => home.candidates(stream, publisher),
      isWorthIt: (publisher, current, better) => home.isWorthIt(publisher, current, better),
      rttMs: (node) => home.rttMs(node),
      takeLabel: (stream) => {
        let label = home.newLabel() >>> 0;
        while (this.#byLabel.has(label)) label = home.newLabel() >>> 0;
        this.#byLabel.set(label, { stream, label });
        return label;
      },
      freeLabel: (label) => this.#byLabel.delete(label),
    };
  }

  get size(): number {
    return this.#streams.size;
  }

  get streams(): Iterable<MeshStream> {
    return this.#streams.values();
  }

  stream(name: string): MeshStream | undefined {
    return this.#streams.get(name);
  }

  /** A stream of this node begins. @param keepPictures It has no keyframes on request. */
  publish(name: string, key: StreamKey, keepPictures: boolean): MeshStream {
    const stream = this.#open(name, this.#home.self, keepPictures);
    stream.setKey(key);
    return stream;
  }

  unpublish(name: string): void {
    this.#streams.get(name)?.close();
    this.#streams.delete(name);
  }

  /** @param layers What this node's viewers watch of it, a bit a spatial layer; 0 for nothing. */
  setLocal(name: string, publisher: string, layers: number, keepPictures: boolean, nowMs: number): void {
    if (layers === 0 && !this.#streams.has(name)) return;
    const stream = this.#open(name, publisher, keepPictures);
    stream.setLocal(layers, nowMs);
    this.#closeUnused(stream);
  }

  /** A datagram of `from`. @returns false when no stream goes by that label. */
  received(from: string, label: number, packet: StreamPacket, nowMs: number): boolean {
    const known = this.#byLabel.get(label);
    if (known === undefined) return false;
    known.stream.received(from, label, packet, nowMs);
    return true;
  }

  handle(from: string, message: StreamMessage, nowMs: number): void {
    let stream = this.#streams.get(message.stream);
    if (stream === undefined && message.type === 'sub') {
      const isOurs = message.publisher === this.#home.self;
      if (isOurs || this.#streams.size >= STREAMS_MAX) {
        const reason = isOurs ? 'unknown-stream' : 'limit-exceeded';
        this.#home.control(from, { type: 'sub-reject', stream: message.stream, reason });
        return;
      }
      stream = this.#open(message.stream, message.publisher, false);
    }
    stream?.handle(from, message, nowMs);
    if (stream !== undefined) this.#closeUnused(stream);
  }

  requestKeyframe(name: string, spatial: number, nowMs: number): void {
    this.#streams.get(name)?.requestKeyframe(spatial, nowMs);
  }

  localBitrate(name: string, feedback: BitrateFeedback, nowMs: number): void {
    this.#streams.get(name)?.localBitrate(feedback, nowMs);
  }

  reroute(nowMs: number): void {
    for (const stream of this.#streams.values()) stream.reroute(nowMs);
  }

  neighbourDown(node: string, nowMs: number): void {
    for (const stream of this.#streams.values()) stream.neighbourDown(node, nowMs);
  }

  neighbourLeft(node: string, nowMs: number): void {
    for (const stream of this.#streams.values()) {
      stream.neighbourLeft(node, nowMs);
      this.#closeUnused(stream);
    }
  }

  tick(nowMs: number): void {
    for (const stream of this.#streams.values()) {
      stream.tick(nowMs);
      this.#closeUnused(stream);
    }
  }

  #open(name: string, publisher: string, keepPictures: boolean): MeshStream {
    const known = this.#streams.get(name);
    if (known !== undefined) return known;
    const stream = new MeshStream(name, publisher, keepPictures, this.#home);
    this.#streams.set(name, stream);
    return stream;
  }

  #closeUnused(stream: MeshStream): void {
    if (stream.isPublishedHere || !stream.isUnused) return;
    stream.close();
    this.#streams.delete(stream.name);
  }
}
