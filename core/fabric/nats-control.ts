import { Kvm } from '@nats-io/kv';
import {
  connect,
  type NatsConnection,
  type NodeConnectionOptions,
  type Subscription,
} from '@nats-io/transport-node';
import type { PresenceValue, RoomMessage } from '@switchyard/core/engine';
import {
  HEARTBEAT_MS,
  type LinkStateReport,
  MESH_VERSION,
  Membership,
  type NodeRecord,
  SUMMARY_MS,
} from '@switchyard/core/fabric/mesh';
import type { Logger } from '@switchyard/shared/runtime';
import type { ControlPlane, ControlPlaneListener } from './control-plane.ts';
import {
  type Heartbeat,
  isHeartbeat,
  isNodeRecord,
  isRecord,
  isReport,
  isRoomMessage,
  parseJson,
} from './nats-messages.ts';
import { NatsRooms, token } from './nats-rooms.ts';
import { OwnedMaps } from './owned-maps.ts';

const BUCKETS = { nodes: 'switchyard-nodes', rooms: 'switchyard-rooms' } as const;
/** A node's record is written anew this often, and is dropped by the bucket after the other time. */
const RECORD_REFRESH_MS = 10_000;
const RECORD_TTL_MS = 30_000;
/** Requests to the control plane, milliseconds. */
const REQUEST_TIMEOUT_MS = 1000;
const WHO_TIMEOUT_MS = 300;
/** Longest wait for the answers of all nodes, milliseconds. */
const ASK_TIMEOUT_MS = 500;
/** The dead are cleared up after this time: they may come back as they were. */
const REAP_AFTER_MS = 60_000;
/** Clocks this far apart are named in the log. */
const CLOCK_WARN_MS = 2000;

const SUBJECT = {
  heartbeat: (zone: string, node: string): string => `switchyard.hb.${token(zone)}.${token(node)}`,
  summary: (zone: string): string => `switchyard.zone.${token(zone)}`,
  who: (node: string): string => `switchyard.who.${token(node)}`,
  links: (node: string): string => `switchyard.links.${token(node)}`,
  datagram: (node: string): string => `switchyard.link.${token(node)}`,
  message: (map: string, label: string): string => `switchyard.msg.${token(map)}.${token(label)}`,
  bye: 'switchyard.bye',
  ask: 'switchyard.ask',
} as const;

export interface NatsControlOptions {
  /** `nats://host:port` of servers of one cluster. */
  readonly servers: readonly string[];
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
  /** Copies of each bucket: 1 for a single server, 3 for a cluster. */
  readonly replicas: number;
  readonly tls?: { readonly caFile: string } | undefined;
  readonly logger: Logger;
}

type GetEntry = (key: string) => Promise<{ readonly value: Uint8Array } | null>;

/** The control plane on a NATS server that the operator runs; it may vanish and come back without harm to media. */
export class NatsControl implements ControlPlane {
  readonly #options: NatsControlOptions;
  readonly #labels = new Map<string, Subscription>();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #dead = new Map<string, number>();
  readonly #fetching = new Set<string>();
  /** Sessions whose clock, or whose version, has been named in the log. */
  readonly #clocksNamed = new Set<string>();
  readonly #versionsNamed = new Set<string>();
  #connection: NatsConnection | undefined;
  #record: NodeRecord | undefined;
  #listener: ControlPlaneListener | undefined;
  #membership: Membership | undefined;
  #maps: OwnedMaps | undefined;
  #rooms: NatsRooms | undefined;
  #connected = false;
  #saidPlaces = '';

  constructor(options: NatsControlOptions) {
    this.#options = options;
  }

  get isConnected(): boolean {
    return this.#connected;
  }

  get members(): NodeRecord[] {
    return this.#membership?.records ?? [];
  }

  async start(record: NodeRecord, listener: ControlPlaneListener): Promise<void> {
    const connection = await this.#connect();
    this.#connection = connection;
    this.#record = record;
    this.#listener = listener;
    await this.#refuseTwin(connection, record);
    const membership = new Membership(record.node, record.zone);
    this.#membership = membership;
    const maps = new OwnedMaps(
      (node, session) =>
        (node === record.node && session === record.session) || membership.isAlive(node, session),
      listener,
    );
    this.#maps = maps;
    const kvm = new Kvm(connection);
    const replicas = this.#options.replicas;
    const nodes = await kvm.create(BUCKETS.nodes, { history: 1, ttl: RECORD_TTL_MS, replicas });
    const rooms = await kvm.create(BUCKETS.rooms, { history: 1, replicas });
    this.#rooms = new NatsRooms(connection, rooms, BUCKETS.rooms, {
      node: record.node,
      session: record.session,
      maps,
      onError: (error) => this.#options.logger.debug({ err: error }, 'control plane'),
    });
    this.#connected = true;
    void this.#followStatus(connection);
    this.#subscribe(connection, record, nodes.get.bind(nodes));
    const put = async (): Promise<void> => {
      const key = `${token(record.zone)}.${token(record.node)}`;
      await nodes.put(key, JSON.stringify(record)).catch(() => {});
    };
    await put();
    for await (const key of await nodes.keys()) await this.#fetch(key, nodes.get.bind(nodes));
    this.#every(RECORD_REFRESH_MS, () => void put());
    this.#every(HEARTBEAT_MS, () => this.#beat());
    this.#every(SUMMARY_MS, () => this.#summarise());
    this.#every(HEARTBEAT_MS / 2, () => this.#expire());
    this.#every(REAP_AFTER_MS / 2, () => void this.#reap());
    this.#beat();
  }

  set(map: string, key: string, value: PresenceValue): void {
    this.#rooms?.set(map, key, value);
  }

  delete(map: string, key: string): void {
    this.#rooms?.delete(map, key);
  }

  watch(map: string): void {
    this.#rooms?.watch(map);
  }

  unwatch(map: string): void {
    this.#rooms?.unwatch(map);
  }

  subscribeLabel(map: string, label: string): void {
    const subject = SUBJECT.message(map, label);
    if (this.#labels.has(subject) || this.#connection === undefined) return;
    const subscription = this.#connection.subscribe(subject, {
      callback: (error, message) => {
        if (error !== null) return;
        const parsed = parseJson(message.data);
        if (isRoomMessage(parsed)) this.#listener?.message(map, parsed);
      },
    });
    this.#labels.set(subject, subscription);
  }

  unsubscribeLabel(map: string, label: string): void {
    const subject = SUBJECT.message(map, label);
    this.#labels.get(subject)?.unsubscribe();
    this.#labels.delete(subject);
  }

  send(map: string, message: RoomMessage): void {
    this.#publish(SUBJECT.message(map, message.label), JSON.stringify(message));
  }

  reportLinks(report: LinkStateReport): void {
    const { node } = this.#record ?? {};
    if (node !== undefined) this.#publish(SUBJECT.links(node), JSON.stringify({ node, report }));
  }

  async ask(question: object): Promise<readonly unknown[]> {
    const others = this.members.length;
    const connection = this.#connection;
    if (others === 0 || connection === undefined || !this.#connected) return [];
    const answers: unknown[] = [];
    try {
      const replies = await connection.requestMany(SUBJECT.ask, JSON.stringify(question), {
        strategy: 'count',
        maxMessages: others,
        maxWait: ASK_TIMEOUT_MS,
      });
      for await (const reply of replies) {
        const answer = parseJson(reply.data);
        if (answer !== undefined) answers.push(answer);
      }
    } catch (error) {
      this.#options.logger.debug({ err: error }, 'no answers of other nodes');
    }
    return answers;
  }

  sendDatagram(node: string, bytes: Uint8Array): void {
    const { node: self } = this.#record ?? {};
    if (self === undefined) return;
    const name = Buffer.from(self);
    this.#publish(SUBJECT.datagram(node), Buffer.concat([Buffer.of(name.length), name, bytes]));
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#rooms?.stop();
    const { node, session } = this.#record ?? {};
    this.#publish(SUBJECT.bye, JSON.stringify({ node, session }));
    await this.#connection?.drain().catch(() => {});
  }

  async #connect(): Promise<NatsConnection> {
    const { servers, user, password, token: authToken, tls } = this.#options;
    const options: NodeConnectionOptions = {
      servers: [...servers],
      name: 'switchyard',
      // Our own messages are handled at once, not when they come back.
      noEcho: true,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 100,
      pingInterval: 1000,
      maxPingOut: 2,
      timeout: REQUEST_TIMEOUT_MS,
      ...(user === undefined ? {} : { user, pass: password ?? '' }),
      ...(authToken === undefined ? {} : { token: authToken }),
      ...(tls === undefined ? {} : { tls: { caFile: tls.caFile } }),
    };
    try {
      return await connect(options);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`NATS at ${servers.join(', ')} does not take this node: ${why}. See fabric.nats.`, {
        cause,
      });
    }
  }

  /** Two nodes with one name would take each other's streams. */
  async #refuseTwin(connection: NatsConnection, record: NodeRecord): Promise<void> {
    const answer = await connection
      .request(SUBJECT.who(record.node), '', { timeout: WHO_TIMEOUT_MS })
      .then((message) => message.string())
      .catch(() => undefined);
    if (answer !== undefined) {
      await connection.close();
      throw new Error(`Another node named ${record.node} is running: give each node its own fabric.node.`);
    }
  }

  #subscribe(connection: NatsConnection, record: NodeRecord, get: GetEntry): void {
    const on = (subject: string, handle: (value: unknown) => void): void => {
      connection.subscribe(subject, {
        callback: (error, message) => {
          if (error === null) handle(parseJson(message.data));
        },
      });
    };
    connection.subscribe(SUBJECT.who(record.node), {
      callback: (error, message) => {
        if (error === null) message.respond(record.session);
      },
    });
    connection.subscribe(SUBJECT.ask, {
      callback: (error, message) => {
        const answer = error === null ? this.#listener?.asked(parseJson(message.data)) : undefined;
        // Whoever counts answers waits for one of each.
        message.respond(JSON.stringify(answer ?? null));
      },
    });
    on(`switchyard.hb.${token(record.zone)}.*`, (value) => {
      if (isHeartbeat(value)) this.#heard(record.zone, value, get);
    });
    on('switchyard.zone.*', (value) => {
      if (!isRecord(value) || typeof value['zone'] !== 'string' || !Array.isArray(value['nodes'])) return;
      if (value['zone'] === record.zone) return;
      for (const each of value['nodes']) if (isHeartbeat(each)) this.#heard(value['zone'], each, get);
    });
    on(SUBJECT.bye, (value) => {
      if (!isRecord(value)) return;
      const { node, session } = value;
      if (typeof node !== 'string' || typeof session !== 'string') return;
      const gone = this.#membership?.bye(node, session);
      if (gone !== undefined) this.#down(gone);
    });
    on('switchyard.links.*', (value) => {
      if (!isRecord(value)) return;
      const { node, report } = value;
      if (typeof node === 'string' && isReport(report)) this.#listener?.linksReported(node, report);
    });
    connection.subscribe(SUBJECT.datagram(record.node), {
      callback: (error, message) => {
        if (error !== null) return;
        const length = message.data[0] ?? 0;
        const node = Buffer.from(message.data.subarray(1, 1 + length)).toString();
        this.#listener?.datagram(node, message.data.subarray(1 + length));
      },
    });
  }

  #heard(zone: string, { node, session, clockMs, load }: Heartbeat, get: GetEntry): void {
    const nowMs = performance.now();
    const offMs = clockMs - Date.now();
    if (Math.abs(offMs) > CLOCK_WARN_MS && !this.#clocksNamed.has(session)) {
      this.#clocksNamed.add(session);
      this.#options.logger.warn(
        { node, seconds: Math.round(offMs / 1000) },
        'the clock of a node is off: synchronise clocks (NTP)',
      );
    }
    if (this.#membership?.heard(node, session, load, nowMs) === true)
      void this.#fetch(`${token(zone)}.${token(node)}`, get);
  }

  /** Reads the record of a node that is new here. */
  async #fetch(key: string, get: GetEntry): Promise<void> {
    if (this.#fetching.has(key)) return;
    this.#fetching.add(key);
    try {
      const entry = await get(key);
      const record = entry === null ? undefined : parseJson(entry.value);
      if (isNodeRecord(record)) this.#up(record);
    } catch (error) {
      this.#options.logger.debug({ err: error, key }, 'no record of a node');
    } finally {
      this.#fetching.delete(key);
    }
  }

  #up(record: NodeRecord): void {
    if (record.node === this.#record?.node) return;
    if (record.version !== MESH_VERSION) {
      if (this.#versionsNamed.has(record.session)) return;
      this.#versionsNamed.add(record.session);
      this.#options.logger.warn(
        { node: record.node, theirs: record.version, ours: MESH_VERSION },
        'a node speaks another version of the mesh protocol and is left out',
      );
      return;
    }
    const membership = this.#membership;
    if (membership === undefined || membership.isAlive(record.node, record.session)) return;
    // It hung, and is back as it was: what it wrote stays.
    this.#dead.delete(`${record.node} ${record.session}`);
    const before = membership.up(record, performance.now());
    if (before !== undefined) this.#down(before);
    this.#options.logger.info({ node: record.node, zone: record.zone }, 'node up');
    this.#listener?.memberUp(record);
    this.#maps?.up(record.node, record.session);
  }

  #down(record: NodeRecord): void {
    this.#options.logger.info({ node: record.node, zone: record.zone }, 'node down');
    this.#dead.set(`${record.node} ${record.session}`, performance.now());
    this.#maps?.down(record.node, record.session);
    this.#listener?.memberDown(record);
  }

  #beat(): void {
    const { node, session, zone } = this.#record ?? {};
    if (node === undefined || zone === undefined) return;
    this.#publish(
      SUBJECT.heartbeat(zone, node),
      JSON.stringify({ node, session, clockMs: Date.now(), load: this.#listener?.load() ?? 0 }),
    );
    this.#sayPlaces();
  }

  /** Tells where else browsers can go. */
  #sayPlaces(): void {
    const places = this.#membership?.places ?? [];
    // Loads change all the time: sessions are told when the choice or its order does.
    const said = places.map(({ url }) => url).join(' ');
    this.#listener?.places(places, said !== this.#saidPlaces);
    this.#saidPlaces = said;
  }

  #summarise(): void {
    const record = this.#record;
    const membership = this.#membership;
    if (record === undefined || membership?.speaksForZone !== true) return;
    const clockMs = Date.now();
    const { node, session } = record;
    const self = { node, session, clockMs, load: this.#listener?.load() ?? 0 };
    const nodes = [self, ...membership.inZone.map((each) => ({ ...each, clockMs }))];
    this.#publish(SUBJECT.summary(record.zone), JSON.stringify({ zone: record.zone, nodes }));
  }

  #expire(): void {
    const listener = this.#listener;
    if (listener === undefined) return;
    for (const dead of this.#membership?.expire(performance.now(), (node) => listener.meshHeardMs(node)) ??
      [])
      this.#down(dead);
  }

  async #reap(): Promise<void> {
    const nowMs = performance.now();
    const due = new Set<string>();
    for (const [process, diedMs] of this.#dead)
      if (nowMs - diedMs >= REAP_AFTER_MS) {
        due.add(process);
        this.#dead.delete(process);
      }
    if (due.size === 0 || this.#membership?.speaksForZone !== true) return;
    await this.#rooms?.reap((node, session) => due.has(`${node} ${session}`)).catch(() => {});
  }

  async #followStatus(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      const nowMs = performance.now();
      if (status.type === 'disconnect') {
        this.#connected = false;
        this.#membership?.cutOff(true, nowMs);
        this.#options.logger.warn('control plane lost: streams go on, rooms do not change until it is back');
      } else if (status.type === 'reconnect') {
        this.#connected = true;
        this.#membership?.cutOff(false, nowMs);
        this.#options.logger.info('control plane back');
        this.#beat();
        this.#rooms?.restate();
      }
    }
  }

  #publish(subject: string, payload: string | Uint8Array): void {
    const connection = this.#connection;
    // While it is away the client would keep it all, and send it late.
    if (connection === undefined || !this.#connected || connection.isClosed() || connection.isDraining())
      return;
    connection.publish(subject, payload);
  }

  #every(intervalMs: number, run: () => void): void {
    this.#timers.push(setInterval(run, intervalMs));
  }
}
