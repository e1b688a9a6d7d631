/** What a node says of itself to the cluster. */
export interface NodeRecord {
  readonly node: string;
  /** Of this process; a restart is another session. */
  readonly session: string;
  readonly zone: string;
  readonly relay: boolean;
  /** Raw X25519, base64. */
  readonly publicKey: string;
  /** `host:port` of its mesh sockets, best first. */
  readonly addresses: readonly string[];
  /** Where browsers reach its WebRTC gateway, `http://host:port`; empty when it has none. */
  readonly url: string;
  /** {@link MESH_VERSION} that it speaks. */
  readonly version: number;
}

export const HEARTBEAT_MS: number = 1000;
export const SUMMARY_MS: number = 2000;
/** A node that was not heard for this long, and is silent on the mesh too, is down. */
const DOWN_AFTER_MS = 3000;
/** The same for nodes of other zones to which there is no link: they are heard of by summaries only. */
const FAR_DOWN_AFTER_MS = 3 * SUMMARY_MS;
/** After this node was cut off from the control plane, everybody gets this long to be heard again. */
const GRACE_MS = 5000;

/** So long after it looked last this node itself has hung: what others said meanwhile waits to be read. */
const STALL_MS = 2000;

/** Where browsers can join, and how busy it is, 0…1. */
export interface Place {
  readonly url: string;
  readonly load: number;
}

interface Known {
  readonly record: NodeRecord;
  heardMs: number;
  /** How busy it said it is, 0…1. */
  load: number;
}

/** A node this busy, or one that drains, takes nobody. */
const LOAD_FULL = 0.95;

/** Who is alive, by heartbeats within the zone and summaries of the others. Pure: time and what was heard are arguments. */
export class Membership {
  readonly #zone: string;
  readonly #self: string;
  readonly #known = new Map<string, Known>();
  #isCutOff = false;
  #graceUntilMs = 0;
  #expiredMs = Number.POSITIVE_INFINITY;

  constructor(self: string, zone: string) {
    this.#self = self;
    this.#zone = zone;
  }

  get records(): NodeRecord[] {
    return [...this.#known.values()].map(({ record }) => record);
  }

  record(node: string): NodeRecord | undefined {
    return this.#known.get(node)?.record;
  }

  isAlive(node: string, session: string): boolean {
    return this.#known.get(node)?.record.session === session;
  }

  /** Nodes of this zone, this one included, in the order in which they do what one must do. */
  get zoneOrder(): string[] {
    const nodes = [this.#self];
    for (const { record } of this.#known.values()) if (record.zone === this.#zone) nodes.push(record.node);
    return nodes.sort();
  }

  /** Other nodes of this zone, with how busy they are. */
  get inZone(): { readonly node: string; readonly session: string; readonly load: number }[] {
    return [...this.#known.values()]
      .filter(({ record }) => record.zone === this.#zone)
      .map(({ record: { node, session }, load }) => ({ node, session, load }));
  }

  /** Whether this node speaks for its zone: summaries, and clearing up after the dead. */
  get speaksForZone(): boolean {
    return this.zoneOrder[0] === this.#self;
  }

  /** Other nodes that take browsers, least loaded first. */
  get places(): Place[] {
    return [...this.#known.values()]
      .filter(({ record, load }) => record.url !== '' && load < LOAD_FULL)
      .sort((a, b) => a.load - b.load || (a.record.node < b.record.node ? -1 : 1))
      .map(({ record: { url }, load }) => ({ url, load }));
  }

  /** A node is heard of. @returns Whether its record has to be fetched: it is new, or another process. */
  heard(node: string, session: string, load: number, nowMs: number): boolean {
    if (node === this.#self) return false;
    const known = this.#known.get(node);
    if (known?.record.session !== session) return true;
    known.heardMs = nowMs;
    known.load = load;
    return false;
  }

  /** A node is up. @returns The record of the process that it takes the place of. */
  up(record: NodeRecord, nowMs: number): NodeRecord | undefined {
    const before = this.#known.get(record.node)?.record;
    this.#known.set(record.node, { record, heardMs: nowMs, load: 0 });
    return before?.session === record.session ? undefined : before;
  }

  /** A node says that it ends. @returns Its record when that process was known. */
  bye(node: string, session: string): NodeRecord | undefined {
    const known = this.#known.get(node);
    if (known?.record.session !== session) return undefined;
    this.#known.delete(node);
    return known.record;
  }

  /** The control plane cannot be reached, or can again: nobody is taken for dead meanwhile. */
  cutOff(isCutOff: boolean, nowMs: number): void {
    if (this.#isCutOff && !isCutOff) this.#graceUntilMs = nowMs + GRACE_MS;
    this.#isCutOff = isCutOff;
  }

  /**
   * @param meshHeardMs When a node was heard on the mesh last.
   * @returns Nodes that are taken for dead now.
   */
  expire(nowMs: number, meshHeardMs: (node: string) => number): NodeRecord[] {
    if (nowMs - this.#expiredMs > STALL_MS)
      this.#graceUntilMs = Math.max(this.#graceUntilMs, nowMs + DOWN_AFTER_MS);
    this.#expiredMs = nowMs;
    if (this.#isCutOff || nowMs < this.#graceUntilMs) return [];
    const dead: NodeRecord[] = [];
    for (const [node, { record, heardMs }] of this.#known) {
      const onMeshMs = meshHeardMs(node);
      // With a link to it, its silence there is as telling as a missing heartbeat.
      const isNear = record.zone === this.#zone || Number.isFinite(onMeshMs);
      if (nowMs - heardMs <= (isNear ? DOWN_AFTER_MS : FAR_DOWN_AFTER_MS)) continue;
      if (nowMs - onMeshMs <= DOWN_AFTER_MS) continue;
      this.#known.delete(node);
      dead.push(record);
    }
    return dead;
  }
}
