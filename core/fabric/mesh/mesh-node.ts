import type { TextCodec } from './control-body.ts';
import type { BitrateFeedback } from './feedback-merge.ts';
import type { LinkCrypto } from './link-crypto.ts';
import { LinkState, type LinkStateReport } from './link-state.ts';
import { type LinkNumbers, MeshLink, type MeshLinkHome } from './mesh-link.ts';
import { MeshStreams } from './mesh-streams.ts';
import { Routes } from './routes.ts';
import type { StreamKey, StreamMessage, StreamPacket } from './stream-message.ts';
import { type MeshMember, Topology } from './topology.ts';

/** What is measured is told anew this often though it did not change, milliseconds. */
const REPORT_REFRESH_MS = 5000;
const EXPIRE_INTERVAL_MS = 1000;
/** Beside what is measured: a link without streams is left out of keep-alives. */
const COUNT_INTERVAL_MS = 50;

/** Links that are gone, whose numbers are remembered. */
const NUMBERS_MAX = 10_000;

/** What a node of the mesh needs of its process. */
export interface MeshNodeHome {
  /** One datagram to a node's address. */
  send(node: string, datagram: Uint8Array): void;
  deliver(stream: string, packet: StreamPacket): void;
  keyKnown(stream: string, key: StreamKey): void;
  keyframeWanted(stream: string, spatial: number): void;
  bitrateWanted(stream: string, feedback: BitrateFeedback): void;
  interrupted(stream: string): void;
  /** For everybody: this node's measurements have changed, or are due. */
  reportLinks(report: LinkStateReport): void;
  newLabel(): number;
  /** How busy this node is, 0…1. */
  load(): number;
  readonly text: TextCodec;
}

/** One node of the mesh: its links, what it knows of everybody's, and its part in every stream. Pure. */
export class MeshNode {
  readonly self: string;
  readonly topology: Topology = new Topology();
  readonly streams: MeshStreams;
  readonly #home: MeshNodeHome;
  readonly #links = new Map<string, MeshLink>();
  /** By keys: a node that was taken for dead may come back as the same process, and with it the keys of the link. */
  readonly #numbers = new Map<string, LinkNumbers>();
  readonly #linkHome: MeshLinkHome;
  readonly #linkState = new LinkState();
  readonly #routes: Routes;
  readonly #down = new Set<string>();
  readonly #isDown = (node: string): boolean => this.#down.has(node) || this.#links.get(node)?.isUp !== true;
  readonly #session: string;
  #version = 0;
  #nowMs = 0;
  #reportedMs = Number.NEGATIVE_INFINITY;
  #expiredMs = 0;
  #countedMs = 0;
  #routesChanged = false;
  /** Datagrams of nobody we know. */
  strangers = 0;

  /** @param session Of this process. */
  constructor(member: MeshMember, session: string, home: MeshNodeHome) {
    this.self = member.node;
    this.#session = session;
    this.#home = home;
    this.topology.add(member);
    this.#linkHome = {
      send: (node, datagram) => home.send(node, datagram),
      load: () => home.load(),
      text: home.text,
      onMedia: (node, label, packet, nowMs) => this.streams.received(node, label, packet, nowMs),
      onMessage: (node, message, nowMs) => this.#onMessage(node, message, nowMs),
    };
    this.#routes = new Routes(member.node, this.topology);
    this.streams = new MeshStreams({
      self: member.node,
      control: (node, message) => this.#links.get(node)?.message(message, this.#nowMs),
      forward: (node, label, packet) => this.#links.get(node)?.forward(label, packet, this.#nowMs),
      deliver: (stream, packet) => home.deliver(stream, packet),
      keyKnown: (stream, key) => home.keyKnown(stream, key),
      keyframeWanted: (stream, spatial) => home.keyframeWanted(stream, spatial),
      bitrateWanted: (stream, feedback) => home.bitrateWanted(stream, feedback),
      interrupted: (stream) => home.interrupted(stream),
      candidates: (stream, publisher) => this.#routes.candidates(stream, publisher, this.#isDown),
      isWorthIt: (publisher, current, better) => this.#routes.isWorthIt(publisher, current, better),
      rttMs: (node) => this.#links.get(node)?.rttMs ?? 0,
      newLabel: () => home.newLabel(),
    });
  }

  get links(): Iterable<MeshLink> {
    return this.#links.values();
  }

  link(node: string): MeshLink | undefined {
    return this.#links.get(node);
  }

  /** A node came, or came back as another process. */
  memberUp(member: MeshMember, crypto: LinkCrypto, nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#links.has(member.node)) this.memberDown(member.node, nowMs);
    this.topology.add(member);
    const isNear = member.zone === this.topology.zoneOf(this.self);
    const numbers = this.#numbers.get(crypto.id);
    this.#links.set(member.node, new MeshLink(member.node, isNear, crypto, this.#linkHome, numbers));
    this.#membersChanged();
  }

  memberDown(node: string, nowMs: number): void {
    this.#nowMs = nowMs;
    if (node === this.self) return;
    this.topology.remove(node);
    this.#linkState.forget(node);
    this.#down.delete(node);
    const link = this.#links.get(node);
    if (link === undefined) return;
    this.#links.delete(node);
    this.#remember(link);
    this.#membersChanged();
    this.streams.neighbourLeft(node, nowMs);
  }

  /** What another node measured. */
  linksReported(node: string, report: LinkStateReport, nowMs: number): void {
    if (this.topology.member(node) !== undefined && this.#linkState.report(node, report, nowMs))
      this.#routesChanged = true;
  }

  /** A datagram that says it comes from `node`. */
  receive(node: string, datagram: Uint8Array, nowMs: number): void {
    this.#nowMs = nowMs;
    const link = this.#links.get(node);
    if (link === undefined) {
      this.strangers += 1;
      return;
    }
    link.receive(datagram, nowMs);
    if (this.#down.has(node) && !link.isSilent(nowMs)) {
      this.#down.delete(node);
      this.#routesChanged = true;
    }
  }

  /** Every few milliseconds. */
  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    if (nowMs - this.#countedMs >= COUNT_INTERVAL_MS) this.#countStreams(nowMs);
    let costsChanged = false;
    for (const link of this.#links.values()) {
      costsChanged = link.tick(nowMs) || costsChanged;
      // Only where streams come from: elsewhere nobody promised to speak.
      if (link.incoming === 0 || this.#down.has(link.node) || !link.isSilent(nowMs)) continue;
      this.#down.add(link.node);
      costsChanged = link.fail(nowMs) || costsChanged;
      this.streams.neighbourDown(link.node, nowMs);
    }
    if (costsChanged || nowMs - this.#reportedMs >= REPORT_REFRESH_MS) this.#report(nowMs);
    if (nowMs - this.#expiredMs >= EXPIRE_INTERVAL_MS) {
      this.#expiredMs = nowMs;
      if (this.#linkState.expire(nowMs)) this.#routesChanged = true;
    }
    if (this.#routesChanged) {
      this.#routesChanged = false;
      this.#routes.update(this.#linkState.graph);
      this.streams.reroute(nowMs);
    }
    this.streams.tick(nowMs);
  }

  #onMessage(node: string, message: StreamMessage, nowMs: number): void {
    this.streams.handle(node, message, nowMs);
    // A new stream wants a watchdog from its first moment.
    if (message.type === 'sub-ok') this.#countStreams(nowMs);
  }

  #membersChanged(): void {
    const targets = new Set(this.topology.probeTargetsOf(this.self));
    for (const link of this.#links.values()) link.probes = targets.has(link.node) || link.incoming > 0;
    this.#routesChanged = true;
  }

  #remember({ keys, numbers }: MeshLink): void {
    this.#numbers.delete(keys);
    this.#numbers.set(keys, numbers);
    for (const oldest of this.#numbers.keys()) {
      if (this.#numbers.size <= NUMBERS_MAX) return;
      this.#numbers.delete(oldest);
    }
  }

  #countStreams(nowMs: number): void {
    this.#countedMs = nowMs;
    for (const link of this.#links.values()) {
      link.incoming = 0;
      link.outgoing = 0;
    }
    for (const stream of this.streams.streams) {
      const upstream = stream.upstream === undefined ? undefined : this.#links.get(stream.upstream);
      if (upstream !== undefined) upstream.incoming += 1;
      for (const node of stream.downstreams) {
        const downstream = this.#links.get(node);
        if (downstream !== undefined) downstream.outgoing += 1;
      }
    }
  }

  #report(nowMs: number): void {
    this.#reportedMs = nowMs;
    const costsMs: Record<string, number> = {};
    for (const link of this.#links.values())
      if (Number.isFinite(link.costMs)) costsMs[link.node] = link.costMs;
    this.#version += 1;
    const report = { session: this.#session, version: this.#version, costsMs };
    if (this.#linkState.report(this.self, report, nowMs)) this.#routesChanged = true;
    this.#home.reportLinks(report);
  }
}
