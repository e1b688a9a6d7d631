import { jetstream } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import {
  connect,
  type NatsConnection,
  type NodeConnectionOptions,
  type Subscription,
} from '@nats-io/transport-node';
import type { PresenceValue, RoomMessage } from '@switchyard/core/engine';
import type { LinkStateReport, NodeRecord } from '@switchyard/core/fabric/mesh';
import type { Logger } from '@switchyard/shared/runtime';
import type { ControlPlane, ControlPlaneListener } from './control-plane.ts';
import { NatsMembers, RECORD_TTL_MS } from './nats-members.ts';
import { isRecord, isReport, isRoomMessage, parseJson } from './nats-messages.ts';
import { NatsRooms } from './nats-rooms.ts';
import { SUBJECT } from './nats-subjects.ts';
import { openBucket } from './open-bucket.ts';
import { OwnedMaps } from './owned-maps.ts';

const BUCKETS = { nodes: 'switchyard-nodes', rooms: 'switchyard-rooms' } as const;
/** Requests to the control plane, milliseconds. */
const REQUEST_TIMEOUT_MS = 1000;
const WHO_TIMEOUT_MS = 300;
/** A write of a room's value that was lost with a server that went away is written again after this time. */
const WRITE_TIMEOUT_MS = 500;
/** Longest wait for the answers of all nodes, milliseconds. */
const ASK_TIMEOUT_MS = 500;
/** What the dead wrote is looked for this often; nobody sees it meanwhile. */
const REAP_INTERVAL_MS = 120_000;

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

/** The control plane on a NATS server that the operator runs; it may vanish and come back without harm to media. */
export class NatsControl implements ControlPlane {
  readonly #options: NatsControlOptions;
  readonly #labels = new Map<string, Subscription>();
  #connection: NatsConnection | undefined;
  #record: NodeRecord | undefined;
  #listener: ControlPlaneListener | undefined;
  #members: NatsMembers | undefined;
  #rooms: NatsRooms | undefined;
  #reaper: NodeJS.Timeout | undefined;
  #connected = false;

  constructor(options: NatsControlOptions) {
    this.#options = options;
  }

  get isConnected(): boolean {
    return this.#connected;
  }

  get members(): NodeRecord[] {
    return this.#members?.records ?? [];
  }

  async start(record: NodeRecord, listener: ControlPlaneListener): Promise<void> {
    const connection = await this.#connect();
    this.#connection = connection;
    this.#record = record;
    this.#listener = listener;
    await this.#refuseTwin(connection, record);
    const { logger, replicas } = this.#options;
    const kvm = new Kvm(connection);
    const nodes = await openBucket(kvm, BUCKETS.nodes, { history: 1, ttl: RECORD_TTL_MS, replicas });
    // To create a bucket may take a cluster longer than a write.
    await openBucket(kvm, BUCKETS.rooms, { history: 1, replicas });
    const rooms = await new Kvm(jetstream(connection, { timeout: WRITE_TIMEOUT_MS })).open(BUCKETS.rooms);
    const members = new NatsMembers(
      connection,
      nodes,
      record,
      {
        publish: (subject, payload) => this.#publish(subject, payload),
        up: (other) => {
          listener.memberUp(other);
          maps.up(other.node, other.session);
        },
        down: (other) => {
          maps.down(other.node, other.session);
          listener.memberDown(other);
        },
        load: () => listener.load(),
        meshHeardMs: (node) => listener.meshHeardMs(node),
        places: (places, changed) => listener.places(places, changed),
      },
      logger,
    );
    const maps = new OwnedMaps((node, session) => members.isAlive(node, session), listener);
    this.#members = members;
    this.#rooms = new NatsRooms(connection, rooms, BUCKETS.rooms, {
      node: record.node,
      session: record.session,
      maps,
      onError: (error) => logger.debug({ err: error }, 'control plane'),
    });
    this.#connected = true;
    void this.#followStatus(connection);
    this.#subscribe(connection, record.node, listener);
    await members.start();
    this.#reaper = setInterval(() => void this.reap(), REAP_INTERVAL_MS);
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
    clearInterval(this.#reaper);
    await this.#rooms?.stop();
    this.#members?.stop();
    await this.#connection?.drain().catch(() => {});
  }

  /** Removes what the dead wrote, where this node clears up for its zone. Goes by itself, see {@link REAP_INTERVAL_MS}. */
  async reap(): Promise<void> {
    const members = this.#members;
    if (members?.speaksForZone !== true || !this.#connected) return;
    await this.#rooms
      ?.reap((node, session) => members.isAlive(node, session))
      .catch((error: unknown) => this.#options.logger.debug({ err: error }, 'control plane'));
  }

  async #connect(): Promise<NatsConnection> {
    const { servers, user, password, token, tls } = this.#options;
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
      ...(token === undefined ? {} : { token }),
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

  /**
   * Two nodes with one name would take each other's streams: the one that runs stays, and of several that start at the same
   * moment the one whose session sorts first.
   */
  async #refuseTwin(connection: NatsConnection, { node, session }: NodeRecord): Promise<void> {
    let isUp = false;
    let gaveWay = false;
    connection.subscribe(SUBJECT.who(node), {
      callback: (error, message) => {
        if (error !== null) return;
        if (isUp || session < message.string()) message.respond();
        else gaveWay = true;
      },
    });
    const isTaken = await connection.request(SUBJECT.who(node), session, { timeout: WHO_TIMEOUT_MS }).then(
      () => true,
      () => false,
    );
    isUp = !isTaken && !gaveWay;
    if (isUp) return;
    await connection.close();
    throw new Error(`Another node named ${node} is running: give each node its own fabric.node.`);
  }

  #subscribe(connection: NatsConnection, self: string, listener: ControlPlaneListener): void {
    connection.subscribe(SUBJECT.ask, {
      callback: (error, message) => {
        const answer = error === null ? listener.asked(parseJson(message.data)) : undefined;
        // Whoever counts answers waits for one of each.
        message.respond(JSON.stringify(answer ?? null));
      },
    });
    connection.subscribe(SUBJECT.allLinks, {
      callback: (error, message) => {
        const value = error === null ? parseJson(message.data) : undefined;
        if (!isRecord(value)) return;
        const { node, report } = value;
        if (typeof node === 'string' && isReport(report)) listener.linksReported(node, report);
      },
    });
    connection.subscribe(SUBJECT.datagram(self), {
      callback: (error, message) => {
        if (error !== null) return;
        const length = message.data[0] ?? 0;
        const node = Buffer.from(message.data.subarray(1, 1 + length)).toString();
        listener.datagram(node, message.data.subarray(1 + length));
      },
    });
  }

  async #followStatus(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') {
        this.#connected = false;
        this.#members?.cutOff(true);
        this.#options.logger.warn('control plane lost: streams go on, rooms do not change until it is back');
      } else if (status.type === 'reconnect') {
        this.#connected = true;
        this.#members?.cutOff(false);
        this.#options.logger.info('control plane back');
        this.#members?.beat();
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
}
