import type { KV } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import {
  HEARTBEAT_MS,
  MESH_VERSION,
  Membership,
  type NodeRecord,
  type Place,
  SUMMARY_MS,
} from '@switchyard/core/fabric/mesh';
import type { Logger } from '@switchyard/shared/runtime';
import { type Heartbeat, isHeartbeat, isNodeRecord, isRecord, parseJson } from './nats-messages.ts';
import { SUBJECT, token } from './nats-subjects.ts';

/** A node's record is written anew this often, and is dropped by the bucket after the other time. */
const RECORD_REFRESH_MS = 10_000;
export const RECORD_TTL_MS: number = 30_000;
/** Clocks this far apart are named in the log. */
const CLOCK_WARN_MS = 2000;

export interface NatsMembersHome {
  /** Says something now, or never: nothing is kept while the server is away. */
  publish(subject: string, payload: string): void;
  /** Another process is part of the cluster, or is no more. */
  up(record: NodeRecord): void;
  down(record: NodeRecord): void;
  /** See ControlPlaneListener. */
  load(): number;
  meshHeardMs(node: string): number;
  places(places: readonly Place[], changed: boolean): void;
}

/** The other nodes, as they are heard on NATS: heartbeats within the zone, summaries of other zones, records in a bucket. */
export class NatsMembers {
  readonly #connection: NatsConnection;
  readonly #nodes: KV;
  readonly #record: NodeRecord;
  readonly #home: NatsMembersHome;
  readonly #logger: Logger;
  readonly #membership: Membership;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #fetching = new Set<string>();
  /** Sessions whose clock has been named in the log. */
  readonly #clocksNamed = new Set<string>();
  /** Sessions that speak another version of the mesh protocol. */
  readonly #leftOut = new Set<string>();
  #saidPlaces = '';

  constructor(
    connection: NatsConnection,
    nodes: KV,
    record: NodeRecord,
    home: NatsMembersHome,
    logger: Logger,
  ) {
    this.#connection = connection;
    this.#nodes = nodes;
    this.#record = record;
    this.#home = home;
    this.#logger = logger;
    this.#membership = new Membership(record.node, record.zone);
  }

  get records(): NodeRecord[] {
    return this.#membership.records;
  }

  /** Whether this node clears up for its zone. */
  get speaksForZone(): boolean {
    return this.#membership.speaksForZone;
  }

  isAlive(node: string, session: string): boolean {
    return (
      (node === this.#record.node && session === this.#record.session) ||
      this.#membership.isAlive(node, session)
    );
  }

  async start(): Promise<void> {
    this.#subscribe();
    await this.#writeRecord();
    for await (const key of await this.#nodes.keys()) await this.#fetch(key);
    this.#every(RECORD_REFRESH_MS, () => void this.#writeRecord());
    this.#every(HEARTBEAT_MS, () => this.beat());
    this.#every(SUMMARY_MS, () => this.#summarise());
    this.#every(HEARTBEAT_MS / 2, () => this.#expire());
    this.beat();
  }

  /** The server cannot be reached, or can again: nobody is taken for dead meanwhile. */
  cutOff(isCutOff: boolean): void {
    this.#membership.cutOff(isCutOff, performance.now());
  }

  /** Says that this node is here, and to it where else browsers can go. */
  beat(): void {
    const { zone, node } = this.#record;
    this.#home.publish(SUBJECT.heartbeat(zone, node), JSON.stringify(this.#heartbeat()));
    const { places } = this.#membership;
    // Loads change all the time: sessions are told when the choice or its order does.
    const said = places.map(({ url }) => url).join(' ');
    this.#home.places(places, said !== this.#saidPlaces);
    this.#saidPlaces = said;
  }

  /** Says goodbye. */
  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    const { node, session } = this.#record;
    this.#home.publish(SUBJECT.bye, JSON.stringify({ node, session }));
  }

  #heartbeat(): Heartbeat {
    const { node, session } = this.#record;
    return { node, session, clockMs: Date.now(), load: this.#home.load() };
  }

  #subscribe(): void {
    const on = (subject: string, handle: (value: unknown) => void): void => {
      this.#connection.subscribe(subject, {
        callback: (error, message) => {
          if (error === null) handle(parseJson(message.data));
        },
      });
    };
    const { zone } = this.#record;
    on(SUBJECT.heartbeats(zone), (value) => {
      if (isHeartbeat(value)) this.#heard(zone, value);
    });
    on(SUBJECT.summaries, (value) => {
      if (!isRecord(value) || typeof value['zone'] !== 'string' || !Array.isArray(value['nodes'])) return;
      if (value['zone'] === zone) return;
      for (const each of value['nodes']) if (isHeartbeat(each)) this.#heard(value['zone'], each);
    });
    on(SUBJECT.bye, (value) => {
      if (!isRecord(value)) return;
      const { node, session } = value;
      if (typeof node !== 'string' || typeof session !== 'string') return;
      const gone = this.#membership.bye(node, session);
      if (gone !== undefined) this.#down(gone);
    });
  }

  #heard(zone: string, { node, session, clockMs, load }: Heartbeat): void {
    const offMs = clockMs - Date.now();
    if (Math.abs(offMs) > CLOCK_WARN_MS && !this.#clocksNamed.has(session)) {
      this.#clocksNamed.add(session);
      this.#logger.warn(
        { node, seconds: Math.round(offMs / 1000) },
        'the clock of a node is off: synchronise clocks (NTP)',
      );
    }
    const isNew = this.#membership.heard(node, session, load, performance.now());
    if (isNew && !this.#leftOut.has(session)) void this.#fetch(`${token(zone)}.${token(node)}`);
  }

  async #writeRecord(): Promise<void> {
    const { zone, node } = this.#record;
    await this.#nodes.put(`${token(zone)}.${token(node)}`, JSON.stringify(this.#record)).catch(() => {});
  }

  /** Reads the record of a node that is new here. */
  async #fetch(key: string): Promise<void> {
    if (this.#fetching.has(key)) return;
    this.#fetching.add(key);
    try {
      const entry = await this.#nodes.get(key);
      const record = entry === null ? undefined : parseJson(entry.value);
      if (isNodeRecord(record)) this.#up(record);
    } catch (error) {
      this.#logger.debug({ err: error, key }, 'no record of a node');
    } finally {
      this.#fetching.delete(key);
    }
  }

  #up(record: NodeRecord): void {
    const { node, session, zone, version } = record;
    if (node === this.#record.node || this.#membership.isAlive(node, session)) return;
    if (version !== MESH_VERSION) {
      if (this.#leftOut.has(session)) return;
      this.#leftOut.add(session);
      this.#logger.warn(
        { node, theirs: version, ours: MESH_VERSION },
        'a node speaks another version of the mesh protocol and is left out',
      );
      return;
    }
    const before = this.#membership.up(record, performance.now());
    if (before !== undefined) this.#down(before);
    this.#logger.info({ node, zone }, 'node up');
    this.#home.up(record);
  }

  #down(record: NodeRecord): void {
    this.#logger.info({ node: record.node, zone: record.zone }, 'node down');
    this.#home.down(record);
  }

  #summarise(): void {
    if (!this.#membership.speaksForZone) return;
    const self = this.#heartbeat();
    const { clockMs } = self;
    const nodes = [self, ...this.#membership.inZone.map((each) => ({ ...each, clockMs }))];
    const { zone } = this.#record;
    this.#home.publish(SUBJECT.summary(zone), JSON.stringify({ zone, nodes }));
  }

  #expire(): void {
    const dead = this.#membership.expire(performance.now(), (node) => this.#home.meshHeardMs(node));
    for (const record of dead) this.#down(record);
  }

  #every(intervalMs: number, run: () => void): void {
    this.#timers.push(setInterval(run, intervalMs));
  }
}
