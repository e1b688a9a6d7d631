import { type BitrateFeedback, FeedbackMerge } from './feedback-merge.ts';
import { SeenWindow } from './seen-window.ts';
import { StreamDownstreams } from './stream-downstreams.ts';
import {
  type StreamKey,
  type StreamMessage,
  type StreamPacket,
  type SubRejection,
  wantsPacket,
} from './stream-message.ts';
import { StreamRing } from './stream-ring.ts';
import { StreamWays } from './stream-ways.ts';

const FEEDBACK_INTERVAL_MS = 100;
const SEEN_PACKETS = 4096;
/** The consumer that is this node itself. */
const HERE = '';

/** What a stream needs of its node. */
export interface MeshStreamHome {
  readonly self: string;
  control(node: string, message: StreamMessage): void;
  /** One packet to one neighbour, which calls the stream `label`. */
  forward(node: string, label: number, packet: StreamPacket): void;
  /** For the viewers of this node. */
  deliver(stream: string, packet: StreamPacket): void;
  /** The key of the stream's media is this from now on. */
  keyKnown(stream: string, key: StreamKey): void;
  /** At the publisher's node: what viewers want. */
  keyframeWanted(stream: string, spatial: number): void;
  bitrateWanted(stream: string, feedback: BitrateFeedback): void;
  /** Packets may be missing here: viewers need a keyframe. */
  interrupted(stream: string): void;
  candidates(stream: string, publisher: string): readonly string[];
  isWorthIt(publisher: string, current: string, better: string): boolean;
  rttMs(node: string): number;
  takeLabel(stream: MeshStream): number;
  freeLabel(label: number): void;
}

/** One stream on one node: what is kept of it, who takes it, and what viewers want of it. Pure. */
export class MeshStream {
  readonly name: string;
  readonly publisher: string;
  readonly #home: MeshStreamHome;
  readonly #ways: StreamWays;
  readonly #downstreams = new StreamDownstreams();
  readonly #seen = new SeenWindow(SEEN_PACKETS);
  readonly #ring: StreamRing;
  readonly #feedback = new FeedbackMerge();
  readonly #forward: (node: string, label: number, packet: StreamPacket) => void;
  #localLayers = 0;
  #key: StreamKey | undefined;
  /** Where those who wait here want to go on from. */
  #resumeWanted = -1;
  #feedbackMs = 0;

  constructor(name: string, publisher: string, keepPictures: boolean, home: MeshStreamHome) {
    this.name = name;
    this.publisher = publisher;
    this.#home = home;
    this.#ring = new StreamRing(keepPictures);
    this.#forward = (node, label, packet) => home.forward(node, label, packet);
    this.#ways = new StreamWays({
      self: home.self,
      stream: name,
      publisher,
      control: (node, message) => home.control(node, message),
      candidates: () => home.candidates(name, publisher).filter((node) => !this.#downstreams.has(node)),
      isWorthIt: (current, better) => home.isWorthIt(publisher, current, better),
      rttMs: (node) => home.rttMs(node),
      takeLabel: () => home.takeLabel(this),
      freeLabel: (label) => home.freeLabel(label),
      wanted: () => this.#wanted(),
      askers: () => this.#downstreams.askers(home.self),
      resumeFrom: () => (this.#seen.highest < 0 ? this.#resumeWanted : (this.#seen.highest + 1) >>> 0),
      keyIs: (key) => this.#keyIs(key),
      comesBy: (path) => this.#comesBy(path),
      lost: () => home.interrupted(name),
      noRoute: () => {
        for (const node of [...this.#downstreams.nodes]) this.#rejectDownstream(node, 'no-route');
      },
    });
  }

  get isPublishedHere(): boolean {
    return this.publisher === this.#home.self;
  }

  /** Nobody here and nobody beyond takes it. */
  get isUnused(): boolean {
    return this.#localLayers === 0 && this.#downstreams.size === 0;
  }

  /** Layers that are wanted beyond this node, a bit each. */
  get layersBeyond(): number {
    return this.#downstreams.layers;
  }

  /** Everything since the last keyframe is kept for who comes late. */
  get keepsPictures(): boolean {
    return this.#ring.keepsPictures;
  }

  get hasDownstreams(): boolean {
    return this.#downstreams.size > 0;
  }

  get downstreams(): Iterable<string> {
    return this.#downstreams.nodes;
  }

  /** The neighbour that it comes from; undefined for a stream of this node and while there is none. */
  get upstream(): string | undefined {
    return this.#ways.upstream;
  }

  /** Nodes from the publisher to the neighbour that it comes from. */
  get path(): readonly string[] {
    return this.#ways.path;
  }

  /** At the publisher: media is sealed with this from now on. */
  setKey(key: StreamKey): void {
    this.#key = key;
    for (const node of this.#downstreams.nodes) this.#sayOk(node);
  }

  /** @param layers Bit i: somebody on this node watches spatial layer i. */
  setLocal(layers: number, nowMs: number): void {
    const before = this.#wanted();
    this.#localLayers = layers;
    if (layers === 0) this.#feedback.forget(HERE);
    this.#wantedChanged(before, nowMs);
  }

  /** At the publisher: one packet to everybody beyond this node. Hot path. */
  publish(packet: StreamPacket, nowMs: number): void {
    this.#ring.push(packet, nowMs);
    this.#downstreams.spread(packet, HERE, this.#forward);
  }

  /** A packet of the neighbour that calls the stream by `label`. Hot path. */
  received(from: string, label: number, packet: StreamPacket, nowMs: number): void {
    this.#ways.received(label, nowMs);
    if (!this.#seen.add(packet.streamSeq)) return;
    this.#ring.push(packet, nowMs);
    this.#downstreams.spread(packet, from, this.#forward);
    if (wantsPacket(this.#localLayers, packet)) this.#home.deliver(this.name, packet);
  }

  /** Routes may have changed. */
  reroute(nowMs: number): void {
    if (!this.isPublishedHere && !this.isUnused) this.#ways.reroute(nowMs);
  }

  /** The neighbour is silent or gone. */
  neighbourDown(node: string, nowMs: number): void {
    this.#ways.neighbourDown(node, nowMs);
  }

  /** The neighbour left the cluster: it takes nothing any more. */
  neighbourLeft(node: string, nowMs: number): void {
    this.#removeDownstream(node, nowMs);
    this.neighbourDown(node, nowMs);
  }

  handle(from: string, message: StreamMessage, nowMs: number): void {
    switch (message.type) {
      case 'sub':
        this.#onSub(from, message, nowMs);
        return;
      case 'sub-ok':
        this.#ways.onOk(from, message.path, message.key, nowMs);
        return;
      case 'sub-wait':
        this.#ways.onWait(from, nowMs);
        return;
      case 'sub-reject':
        this.#ways.failed(from, nowMs);
        return;
      case 'unsub':
        this.#removeDownstream(from, nowMs);
        return;
      case 'keyframe':
        if (this.#downstreams.has(from)) this.requestKeyframe(message.spatial, nowMs);
        return;
      case 'bitrate':
        if (this.#downstreams.has(from)) this.#feedback.bitrate(from, message.feedback, nowMs);
        return;
    }
  }

  requestKeyframe(spatial: number, nowMs: number): void {
    if (!this.#feedback.keyframe(spatial, nowMs)) return;
    const { asked } = this.#ways;
    if (this.isPublishedHere) this.#home.keyframeWanted(this.name, spatial);
    else if (asked !== undefined) this.#home.control(asked, { type: 'keyframe', stream: this.name, spatial });
  }

  /** What viewers of this node can use. */
  localBitrate(feedback: BitrateFeedback, nowMs: number): void {
    this.#feedback.bitrate(HERE, feedback, nowMs);
  }

  tick(nowMs: number): void {
    this.#ways.freeDrained(nowMs);
    if (nowMs - this.#feedbackMs >= FEEDBACK_INTERVAL_MS) {
      for (const node of this.#downstreams.expired(nowMs)) this.#removeDownstream(node, nowMs);
      this.#passFeedback(nowMs);
    }
    if (!this.isPublishedHere && !this.isUnused) this.#ways.tick(nowMs);
  }

  /** Nobody wants it any more, or it ended. */
  close(): void {
    this.#ways.leave();
    this.#ways.freeDrained(Number.POSITIVE_INFINITY);
    for (const node of this.#downstreams.nodes) this.#reject(node, 'unknown-stream');
    this.#downstreams.clear();
  }

  #wanted(): number {
    return this.#localLayers | this.layersBeyond;
  }

  #wantedChanged(before: number, nowMs: number): void {
    if (this.isPublishedHere) return;
    const wanted = this.#wanted();
    if (wanted === 0) this.#ways.leave();
    else if (wanted === before) this.#ways.seek(nowMs);
    else this.#ways.wantedChanged(nowMs);
  }

  #keyIs(key: StreamKey): boolean {
    if (key.epoch === this.#key?.epoch && key.secret === this.#key.secret) return false;
    this.#key = key;
    this.#home.keyKnown(this.name, key);
    return true;
  }

  #comesBy(path: readonly string[]): void {
    for (const node of this.#downstreams.nodes) this.#sayOk(node);
    for (const node of [...this.#downstreams.nodes])
      if (path.includes(node)) this.#rejectDownstream(node, 'loop');
  }

  #onSub(from: string, message: StreamMessage & { type: 'sub' }, nowMs: number): void {
    const { label, layers, path, resume } = message;
    if (path.includes(this.#home.self) || this.path.includes(from)) {
      this.#rejectDownstream(from, 'loop');
      return;
    }
    const before = this.#wanted();
    if (!this.#downstreams.set({ node: from, label, layers, path, heardMs: nowMs })) {
      this.#reject(from, 'limit-exceeded');
      return;
    }
    const isHere = this.isPublishedHere ? this.#key !== undefined : this.upstream !== undefined;
    if (isHere) {
      this.#sayOk(from);
      if (resume !== undefined)
        for (const packet of this.#ring.from(resume))
          if (wantsPacket(layers, packet)) this.#home.forward(from, label, packet);
    } else {
      if (resume !== undefined && resume >= 0) this.#resumeWanted = resume;
      this.#home.control(from, { type: 'sub-wait', stream: this.name });
    }
    this.#wantedChanged(before, nowMs);
  }

  #sayOk(node: string): void {
    if (this.#key === undefined) return;
    const path = this.isPublishedHere ? [this.#home.self] : [...this.path, this.#home.self];
    this.#home.control(node, { type: 'sub-ok', stream: this.name, path, key: this.#key });
  }

  #reject(node: string, reason: SubRejection): void {
    this.#home.control(node, { type: 'sub-reject', stream: this.name, reason });
  }

  #rejectDownstream(node: string, reason: SubRejection): void {
    this.#downstreams.delete(node);
    this.#feedback.forget(node);
    this.#reject(node, reason);
  }

  #removeDownstream(node: string, nowMs: number): void {
    const before = this.#wanted();
    if (!this.#downstreams.delete(node)) return;
    this.#feedback.forget(node);
    this.#wantedChanged(before, nowMs);
  }

  #passFeedback(nowMs: number): void {
    this.#feedbackMs = nowMs;
    const feedback = this.#feedback.merged(nowMs);
    if (feedback === undefined) return;
    const { upstream } = this;
    if (this.isPublishedHere) this.#home.bitrateWanted(this.name, feedback);
    else if (upstream !== undefined)
      this.#home.control(upstream, { type: 'bitrate', stream: this.name, feedback });
  }
}
