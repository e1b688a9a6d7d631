import { type BitrateFeedback, FeedbackMerge } from './feedback-merge.ts';
import { SeenWindow } from './seen-window.ts';
import {
  type StreamKey,
  type StreamMessage,
  type StreamPacket,
  type SubRejection,
  wantsPacket,
} from './stream-message.ts';
import { StreamRing } from './stream-ring.ts';

/** A request that is not answered is repeated after this time or one and a half round trips, milliseconds. */
const ASK_RETRY_MS = 80;
const ASK_TRIES = 5;
/** A neighbour that fetches the stream itself gets this long. */
const WAIT_MAX_MS = 3000;
/** A request is renewed, and what was not renewed is forgotten, after these times. */
const REFRESH_MS = 2000;
export const DOWNSTREAM_EXPIRY_MS: number = 7000;
/** A neighbour that failed a stream is not asked for it again for this long. */
const SUSPECT_MS = 3000;
/** What is under way on the old way still counts for this long after the change. */
const DRAIN_MS = 500;
/** The old way is kept until the new one brings media, this long at the most: a stream may be silent. */
const OVERLAP_MAX_MS = 500;
const FEEDBACK_INTERVAL_MS = 100;
const SEEN_PACKETS = 4096;
/** Most nodes that take one stream from this one. */
const DOWNSTREAMS_MAX = 256;
/** Most names in the path of a request: beyond it loops are found by the way that the answer names. */
const PATH_MAX = 64;
/** How often a stream looks for a better way by itself, milliseconds. */
const REROUTE_MS = 1000;
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

interface Upstream {
  readonly node: string;
  readonly label: number;
  state: 'asking' | 'waiting' | 'ok';
  sinceMs: number;
  askedMs: number;
  tries: number;
}

interface Downstream {
  readonly node: string;
  readonly label: number;
  readonly layers: number;
  /** It and those it asks for. */
  readonly path: readonly string[];
  readonly heardMs: number;
}

/** One stream on one node: where it comes from, who takes it, and the change from one way to another. Pure. */
export class MeshStream {
  readonly name: string;
  readonly publisher: string;
  readonly #home: MeshStreamHome;
  readonly #downstreams = new Map<string, Downstream>();
  readonly #seen = new SeenWindow(SEEN_PACKETS);
  readonly #ring: StreamRing;
  readonly #feedback = new FeedbackMerge();
  readonly #suspects = new Map<string, number>();
  #localLayers = 0;
  #upstream: Upstream | undefined;
  #next: Upstream | undefined;
  #path: readonly string[] = [];
  #nextPath: readonly string[] = [];
  #key: StreamKey | undefined;
  /** Labels of ways that were left, and until when their packets are taken. */
  readonly #draining: { readonly label: number; readonly untilMs: number }[] = [];
  /** Where those who wait here want to go on from. */
  #resumeWanted = -1;
  #feedbackMs = 0;
  #reroutedMs = 0;

  constructor(name: string, publisher: string, keepPictures: boolean, home: MeshStreamHome) {
    this.name = name;
    this.publisher = publisher;
    this.#home = home;
    this.#ring = new StreamRing(keepPictures);
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
    let layers = 0;
    for (const downstream of this.#downstreams.values()) layers |= downstream.layers;
    return layers;
  }

  /** Everything since the last keyframe is kept for who comes late. */
  get keepsPictures(): boolean {
    return this.#ring.keepsPictures;
  }

  get hasDownstreams(): boolean {
    return this.#downstreams.size > 0;
  }

  get downstreams(): Iterable<string> {
    return this.#downstreams.keys();
  }

  /** The neighbour that it comes from; undefined for a stream of this node and while there is none. */
  get upstream(): string | undefined {
    return this.#upstream?.state === 'ok' ? this.#upstream.node : undefined;
  }

  /** Nodes from the publisher to the neighbour that it comes from. */
  get path(): readonly string[] {
    return this.#path;
  }

  /** At the publisher: media is sealed with this from now on. */
  setKey(key: StreamKey): void {
    this.#key = key;
    for (const node of this.#downstreams.keys()) this.#sayOk(node);
  }

  /** @param layers Bit i: somebody on this node watches spatial layer i. */
  setLocal(layers: number, nowMs: number): void {
    const before = this.#wanted();
    this.#localLayers = layers;
    if (layers === 0) this.#feedback.forget(HERE);
    this.#wantedChanged(before, nowMs);
  }

  /** At the publisher: one packet to everybody beyond this node. */
  publish(packet: StreamPacket, nowMs: number): void {
    this.#ring.push(packet, nowMs);
    this.#spread(packet, HERE);
  }

  /** A packet of the neighbour that calls the stream by `label`. */
  received(from: string, label: number, packet: StreamPacket, nowMs: number): void {
    if (this.#next?.label === label && this.#next.state === 'ok') this.#takeNext(nowMs);
    if (!this.#seen.add(packet.streamSeq)) return;
    this.#ring.push(packet, nowMs);
    this.#spread(packet, from);
    if (wantsPacket(this.#localLayers, packet)) this.#home.deliver(this.name, packet);
  }

  /** Routes may have changed. */
  reroute(nowMs: number): void {
    if (this.isPublishedHere || this.isUnused) return;
    this.#reroutedMs = nowMs;
    const [best] = this.#candidates(nowMs);
    const current = this.#next ?? this.#upstream;
    if (best === undefined || current?.node === best) return;
    if (current === undefined) this.#ask(best, nowMs);
    else if (this.#next === undefined && this.#home.isWorthIt(this.publisher, current.node, best))
      this.#ask(best, nowMs);
  }

  /** The neighbour is silent or gone. */
  neighbourDown(node: string, nowMs: number): void {
    this.#suspects.set(node, nowMs + SUSPECT_MS);
    if (this.#next?.node === node) this.#dropNext();
    if (this.#upstream?.node === node) this.#lost(nowMs);
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
        this.#onOk(from, message.path, message.key, nowMs);
        return;
      case 'sub-wait': {
        const asked = this.#askedOf(from);
        if (asked?.state !== 'asking') return;
        asked.state = 'waiting';
        asked.sinceMs = nowMs;
        return;
      }
      case 'sub-reject':
        this.#failed(from, nowMs);
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
    if (this.isPublishedHere) this.#home.keyframeWanted(this.name, spatial);
    else if (this.#upstream !== undefined)
      this.#home.control(this.#upstream.node, { type: 'keyframe', stream: this.name, spatial });
  }

  /** What viewers of this node can use. */
  localBitrate(feedback: BitrateFeedback, nowMs: number): void {
    this.#feedback.bitrate(HERE, feedback, nowMs);
  }

  tick(nowMs: number): void {
    this.#freeDrained(nowMs);
    for (const [node, { heardMs }] of this.#downstreams)
      if (nowMs - heardMs > DOWNSTREAM_EXPIRY_MS) this.#removeDownstream(node, nowMs);
    if (nowMs - this.#feedbackMs >= FEEDBACK_INTERVAL_MS) this.#passFeedback(nowMs);
    if (this.isPublishedHere || this.isUnused) return;
    if (this.#next !== undefined) this.#keepAsking(this.#next, nowMs);
    if (this.#upstream !== undefined) this.#keepAsking(this.#upstream, nowMs);
    if (this.#next?.state === 'ok' && nowMs - this.#next.sinceMs > OVERLAP_MAX_MS) this.#takeNext(nowMs);
    if (this.#upstream === undefined && this.#next === undefined) this.#askBest(nowMs);
    else if (nowMs - this.#reroutedMs >= REROUTE_MS) this.reroute(nowMs);
  }

  /** Nobody wants it any more, or it ended. */
  close(): void {
    this.#dropNext();
    this.#dropUpstream();
    this.#freeDrained(Number.POSITIVE_INFINITY);
    for (const node of this.#downstreams.keys()) this.#reject(node, 'unknown-stream');
    this.#downstreams.clear();
  }

  #wanted(): number {
    return this.#localLayers | this.layersBeyond;
  }

  #wantedChanged(before: number, nowMs: number): void {
    if (this.isPublishedHere) return;
    const wanted = this.#wanted();
    if (wanted === 0) {
      this.#dropNext();
      this.#dropUpstream();
    } else if (this.#upstream === undefined && this.#next === undefined) this.#askBest(nowMs);
    else if (wanted !== before)
      for (const upstream of [this.#upstream, this.#next])
        if (upstream !== undefined) this.#sendSub(upstream, nowMs);
  }

  #candidates(nowMs: number): readonly string[] {
    for (const [node, untilMs] of this.#suspects) if (nowMs >= untilMs) this.#suspects.delete(node);
    return this.#home
      .candidates(this.name, this.publisher)
      .filter((node) => !this.#suspects.has(node) && !this.#downstreams.has(node));
  }

  #askBest(nowMs: number): void {
    const [best] = this.#candidates(nowMs);
    if (best !== undefined) this.#ask(best, nowMs);
    else for (const node of [...this.#downstreams.keys()]) this.#rejectDownstream(node, 'no-route');
  }

  /** Asks a neighbour; while another one brings the stream, that one stays until the new way works. */
  #ask(node: string, nowMs: number): void {
    const label = this.#home.takeLabel(this);
    const asked: Upstream = { node, label, state: 'asking', sinceMs: nowMs, askedMs: nowMs, tries: 1 };
    this.#dropNext();
    if (this.#upstream === undefined) this.#upstream = asked;
    else this.#next = asked;
    this.#sendSub(asked, nowMs, this.#resumeFrom());
  }

  #sendSub(upstream: Upstream, nowMs: number, resume?: number): void {
    upstream.askedMs = nowMs;
    const message = {
      type: 'sub',
      stream: this.name,
      publisher: this.publisher,
      label: upstream.label,
      layers: this.#wanted(),
      path: upstream.state === 'ok' ? [this.#home.self] : this.#askers(),
    } as const;
    this.#home.control(upstream.node, resume === undefined ? message : { ...message, resume });
  }

  #resumeFrom(): number {
    return this.#seen.highest < 0 ? this.#resumeWanted : (this.#seen.highest + 1) >>> 0;
  }

  /** Whom a request is for: this node and everybody who waits for it here. */
  #askers(): string[] {
    const askers = new Set<string>([this.#home.self]);
    for (const { path } of this.#downstreams.values())
      for (const node of path) if (askers.size < PATH_MAX) askers.add(node);
    return [...askers];
  }

  #keepAsking(upstream: Upstream, nowMs: number): void {
    if (upstream.state === 'ok') {
      if (nowMs - upstream.askedMs >= REFRESH_MS) this.#sendSub(upstream, nowMs);
      return;
    }
    if (upstream.state === 'waiting' && nowMs - upstream.sinceMs > WAIT_MAX_MS) {
      this.#failed(upstream.node, nowMs);
      return;
    }
    const retryMs = Math.max(ASK_RETRY_MS, 1.5 * this.#home.rttMs(upstream.node));
    if (nowMs - upstream.askedMs < retryMs) return;
    if (upstream.state === 'asking' && upstream.tries >= ASK_TRIES) {
      this.#failed(upstream.node, nowMs);
      return;
    }
    upstream.tries += 1;
    this.#sendSub(upstream, nowMs, this.#resumeFrom());
  }

  #askedOf(node: string): Upstream | undefined {
    if (this.#next?.node === node) return this.#next;
    return this.#upstream?.node === node ? this.#upstream : undefined;
  }

  /** A neighbour cannot bring the stream: the next one is asked. */
  #failed(node: string, nowMs: number): void {
    const asked = this.#askedOf(node);
    if (asked === undefined) return;
    this.#suspects.set(node, nowMs + SUSPECT_MS);
    if (asked === this.#next) {
      this.#dropNext();
      return;
    }
    this.#lost(nowMs);
  }

  /** The stream comes from nowhere for now. */
  #lost(nowMs: number): void {
    const hadMedia = this.#upstream?.state === 'ok';
    this.#dropUpstream();
    if (hadMedia) this.#home.interrupted(this.name);
    if (this.#next?.state === 'ok') this.#takeNext(nowMs);
    else if (this.#next === undefined) this.#askBest(nowMs);
  }

  #onOk(from: string, path: readonly string[], key: StreamKey, nowMs: number): void {
    const asked = this.#askedOf(from);
    if (asked === undefined) return;
    if (path.includes(this.#home.self)) {
      // It would take the stream from us.
      this.#home.control(from, { type: 'unsub', stream: this.name });
      this.#failed(from, nowMs);
      return;
    }
    if (asked.state !== 'ok') {
      asked.state = 'ok';
      asked.sinceMs = nowMs;
    }
    if (key.epoch !== this.#key?.epoch || key.secret !== this.#key.secret) {
      this.#key = key;
      this.#home.keyKnown(this.name, key);
    }
    if (asked === this.#upstream) this.#setPath(path);
    else {
      this.#nextPath = path;
      if (this.#upstream === undefined) this.#takeNext(nowMs);
    }
  }

  #setPath(path: readonly string[]): void {
    const same = path.length === this.#path.length && path.every((node, i) => node === this.#path[i]);
    this.#path = path;
    if (same) return;
    for (const node of this.#downstreams.keys()) this.#sayOk(node);
    for (const node of [...this.#downstreams.keys()])
      if (path.includes(node)) this.#rejectDownstream(node, 'loop');
  }

  #onSub(from: string, message: StreamMessage & { type: 'sub' }, nowMs: number): void {
    if (message.path.includes(this.#home.self) || this.#path.includes(from)) {
      this.#rejectDownstream(from, 'loop');
      return;
    }
    const before = this.#wanted();
    const known = this.#downstreams.get(from);
    if (known === undefined && this.#downstreams.size >= DOWNSTREAMS_MAX) {
      this.#reject(from, 'limit-exceeded');
      return;
    }
    const { label, layers, path } = message;
    this.#downstreams.set(from, { node: from, label, layers, path, heardMs: nowMs });
    const isHere = this.isPublishedHere ? this.#key !== undefined : this.#upstream?.state === 'ok';
    if (isHere) {
      this.#sayOk(from);
      if (message.resume !== undefined)
        for (const packet of this.#ring.from(message.resume))
          if (wantsPacket(message.layers, packet)) this.#home.forward(from, message.label, packet);
    } else {
      if (message.resume !== undefined && message.resume >= 0) this.#resumeWanted = message.resume;
      this.#home.control(from, { type: 'sub-wait', stream: this.name });
    }
    this.#wantedChanged(before, nowMs);
  }

  #sayOk(node: string): void {
    if (this.#key === undefined) return;
    const path = this.isPublishedHere ? [this.#home.self] : [...this.#path, this.#home.self];
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

  #spread(packet: StreamPacket, from: string): void {
    for (const { node, label, layers } of this.#downstreams.values())
      if (node !== from && wantsPacket(layers, packet)) this.#home.forward(node, label, packet);
  }

  #passFeedback(nowMs: number): void {
    this.#feedbackMs = nowMs;
    const feedback = this.#feedback.merged(nowMs);
    if (feedback === undefined) return;
    if (this.isPublishedHere) this.#home.bitrateWanted(this.name, feedback);
    else if (this.#upstream?.state === 'ok')
      this.#home.control(this.#upstream.node, { type: 'bitrate', stream: this.name, feedback });
  }

  /** The new way works: the old one is left. */
  #takeNext(nowMs: number): void {
    const next = this.#next;
    if (next === undefined) return;
    this.#next = undefined;
    const old = this.#upstream;
    if (old !== undefined) {
      this.#draining.push({ label: old.label, untilMs: nowMs + DRAIN_MS });
      this.#home.control(old.node, { type: 'unsub', stream: this.name });
    }
    this.#upstream = next;
    this.#setPath(this.#nextPath);
  }

  #freeDrained(nowMs: number): void {
    for (
      let oldest = this.#draining[0];
      oldest !== undefined && nowMs >= oldest.untilMs;
      oldest = this.#draining[0]
    ) {
      this.#home.freeLabel(oldest.label);
      this.#draining.shift();
    }
  }

  #dropNext(): void {
    this.#drop(this.#next);
    this.#next = undefined;
  }

  #dropUpstream(): void {
    this.#drop(this.#upstream);
    this.#upstream = undefined;
    this.#path = [];
  }

  #drop(upstream: Upstream | undefined): void {
    if (upstream === undefined) return;
    this.#home.freeLabel(upstream.label);
    this.#home.control(upstream.node, { type: 'unsub', stream: this.name });
  }
}
