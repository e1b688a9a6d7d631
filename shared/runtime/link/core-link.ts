import type { Socket } from 'node:net';
import { emptyMediaPacket, readU32 } from '@switchyard/shared/media';
import {
  type ClientKind,
  type EndpointId,
  endpointId,
  type FanoutFrame,
  FanoutReader,
  FRAME_TYPES,
  LINK_PROTOCOL,
} from '@switchyard/shared/protocol';
import type { CorePort, EndpointListener, LinkEndpoint } from '../link-endpoint.ts';
import type { Logger } from '../logger.ts';
import type { MetricSample } from '../metrics/metric-sample.ts';
import { ProcessSamples } from '../metrics/process-samples.ts';
import { parseEvent } from './event-schema.ts';
import { FrameSplitter } from './frame-splitter.ts';
import {
  type GatewayKind,
  type LinkHello,
  type LinkWelcome,
  parseChallenge,
  parseWelcome,
} from './link-hello.ts';
import { isSameProof, linkNonce, linkProof } from './link-proof.ts';
import { connectTo, describeTarget, type LinkTarget } from './link-target.ts';
import { LinkWriter } from './link-writer.ts';
import { type EndpointHome, LinkedEndpoint } from './linked-endpoint.ts';
import { readJson } from './read-json.ts';

/** Time between attempts to reach a core that is away: DESIGN asks for reattachment within a second. */
const RECONNECT_MS = 250;
/** A core that accepts but does not answer the hello. */
const WELCOME_TIMEOUT_MS = 3000;
/** How long a restarted core has to announce who was in the room before. */
const RESTART_GRACE_MS = 3000;
const HOUSEKEEPING_MS = 1000;
/** How often figures go to the core. */
const METRICS_INTERVAL_MS = 2000;
/** Over TCP: a core of which nothing is heard for so long is gone, whatever its host's kernel thinks. */
const SILENCE_MAX_MS = 10_000;
const EVENT_PREFIX_BYTES = 4;

export interface CoreLinkOptions {
  readonly target: LinkTarget;
  readonly kind: GatewayKind;
  readonly logger: Logger;
  /** Figures of the gateway's own for `/metrics`, read every 2 s. */
  readonly samples?: () => readonly MetricSample[];
}

/** A gateway process's link to its core: connects, reconnects, and tells a new core what the old one knew. */
export class CoreLink implements CorePort, EndpointHome {
  readonly #options: CoreLinkOptions;
  readonly #name: string;
  readonly #processSamples: ProcessSamples;
  readonly #endpoints = new Map<EndpointId, LinkedEndpoint>();
  readonly #fanout = new FanoutReader(emptyMediaPacket('opus'));
  onFanout: (frame: FanoutFrame) => void = () => {};
  /** Called at each attachment to a core and at each loss. */
  onConnectedChange: (connected: boolean) => void = () => {};
  /** Media frames that could not be sent because the core was away or slow. */
  droppedPackets = 0;
  #socket: Socket | undefined;
  #writer: LinkWriter | undefined;
  #nextId = 1;
  #closed = false;
  #attachments = 0;
  #reconnectTimer: NodeJS.Timeout | undefined;
  #graceTimer: NodeJS.Timeout | undefined;
  #housekeeping: NodeJS.Timeout | undefined;
  #saidUnavailable = false;
  #metricsDueMs = 0;
  #heardMs = 0;
  /** Nonces of the handshake that is under way, when the link has a secret. */
  #nonces: { readonly core: string; readonly gateway: string } | undefined;

  constructor(options: CoreLinkOptions) {
    this.#options = options;
    this.#name = `${options.kind}-${process.pid}`;
    this.#processSamples = new ProcessSamples(this.#name);
  }

  get connected(): boolean {
    return this.#writer !== undefined;
  }

  get writer(): LinkWriter | undefined {
    return this.#writer;
  }

  /** Begins to connect; a core that is not there yet is waited for. */
  start(): void {
    this.#housekeeping = setInterval(() => {
      const nowMs = performance.now();
      for (const endpoint of this.#endpoints.values()) endpoint.expireRequests(nowMs);
      this.#report(nowMs);
      if ('host' in this.#options.target && this.connected && nowMs - this.#heardMs > SILENCE_MAX_MS)
        this.#socket?.destroy();
    }, HOUSEKEEPING_MS);
    this.#connect();
  }

  /** Sends what is written, then ends the link; the core drops every endpoint that is left. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#reconnectTimer);
    clearTimeout(this.#graceTimer);
    clearInterval(this.#housekeeping);
    this.#processSamples.close();
    const socket = this.#socket;
    if (socket === undefined || socket.destroyed) return;
    this.#writer?.flush();
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      socket.destroySoon();
    });
  }

  openEndpoint(client: ClientKind, address: string | undefined, listener: EndpointListener): LinkEndpoint {
    const id = endpointId(this.#nextId);
    this.#nextId = (this.#nextId + 1) >>> 0;
    const endpoint = new LinkedEndpoint(id, this, listener);
    this.#endpoints.set(id, endpoint);
    endpoint.control({ type: 'open', client, ...(address === undefined ? {} : { address }) });
    return endpoint;
  }

  forget(id: EndpointId): void {
    this.#endpoints.delete(id);
  }

  mediaDropped(): void {
    this.droppedPackets += 1;
  }

  #connect(): void {
    const { target } = this.#options;
    const socket = connectTo(target);
    this.#socket = socket;
    const writer = new LinkWriter(socket);
    const splitter = new FrameSplitter((type, body) => this.#frame(writer, type, body));
    const welcomeTimer = setTimeout(() => socket.destroy(), WELCOME_TIMEOUT_MS);
    this.#nonces = undefined;
    // With a secret the core speaks first.
    if ('path' in target) socket.on('connect', () => writer.json(FRAME_TYPES.hello, this.#hello()));
    socket.on('data', (chunk: Buffer) => {
      this.#heardMs = performance.now();
      if (!splitter.push(chunk)) socket.destroy();
      if (this.#writer === writer) clearTimeout(welcomeTimer);
    });
    // 'close' follows every 'error'.
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(welcomeTimer);
      this.#lost(writer);
    });
    writer.onRecovered = () => {
      for (const endpoint of this.#endpoints.values()) endpoint.recovered();
    };
  }

  #frame(writer: LinkWriter, type: number, body: Uint8Array): void {
    switch (type) {
      case FRAME_TYPES.fanout:
        if (this.#fanout.read(body)) this.onFanout(this.#fanout);
        return;
      case FRAME_TYPES.event: {
        const id = endpointId(readU32(body, 0));
        const event = parseEvent(readJson(body.subarray(EVENT_PREFIX_BYTES)));
        if (event === undefined)
          this.#options.logger.warn({ endpoint: id }, 'unreadable event from the core');
        else this.#endpoints.get(id)?.receive(event);
        return;
      }
      case FRAME_TYPES.welcome: {
        const welcome = parseWelcome(readJson(body));
        if (welcome !== undefined && this.#trusts(welcome)) this.#attached(writer, welcome.node);
        return;
      }
      case FRAME_TYPES.challenge: {
        const nonce = parseChallenge(readJson(body));
        const { target } = this.#options;
        if (nonce === undefined || this.#writer === writer || !('secret' in target)) return;
        this.#nonces = { core: nonce, gateway: linkNonce() };
        const proof = linkProof(target.secret, 'gateway', this.#nonces);
        writer.json(FRAME_TYPES.hello, { ...this.#hello(), auth: { nonce: this.#nonces.gateway, proof } });
        return;
      }
      case FRAME_TYPES.refused:
        this.#options.logger.error({ refusal: readJson(body) }, 'the core refuses this gateway');
        return;
      default:
        return;
    }
  }

  #hello(): LinkHello {
    return { protocol: LINK_PROTOCOL, kind: this.#options.kind, name: this.#name };
  }

  /** With a secret, the core has to prove that it knows it too. */
  #trusts({ proof }: LinkWelcome): boolean {
    const { target } = this.#options;
    if (!('secret' in target)) return true;
    if (this.#nonces !== undefined && isSameProof(linkProof(target.secret, 'core', this.#nonces), proof))
      return true;
    this.#options.logger.error({ core: describeTarget(target) }, 'the core does not know the link secret');
    this.#socket?.destroy();
    return false;
  }

  #report(nowMs: number): void {
    if (this.#writer === undefined || nowMs < this.#metricsDueMs) return;
    this.#metricsDueMs = nowMs + METRICS_INTERVAL_MS;
    const samples: readonly MetricSample[] = [
      ...this.#processSamples.read(),
      {
        name: 'link_dropped_up_total',
        help: 'Packets of publishers that a gateway could not give to the core.',
        type: 'counter',
        value: this.droppedPackets,
      },
      ...(this.#options.samples?.() ?? []),
    ];
    this.#writer.json(FRAME_TYPES.metrics, samples);
  }

  #attached(writer: LinkWriter, node: string): void {
    if (this.#closed) return;
    this.#writer = writer;
    this.#attachments += 1;
    this.#saidUnavailable = false;
    this.#options.logger.info({ node, endpoints: this.#endpoints.size }, 'attached to the core');
    for (const endpoint of [...this.#endpoints.values()]) endpoint.attached();
    clearTimeout(this.#graceTimer);
    if (this.#attachments > 1)
      this.#graceTimer = setTimeout(() => {
        for (const endpoint of [...this.#endpoints.values()]) endpoint.settle();
      }, RESTART_GRACE_MS);
    this.onConnectedChange(true);
  }

  #lost(writer: LinkWriter): void {
    if (this.#closed) return;
    if (this.#writer === writer) {
      this.#writer = undefined;
      clearTimeout(this.#graceTimer);
      for (const endpoint of [...this.#endpoints.values()]) endpoint.detached();
      this.#options.logger.warn('lost the core, reconnecting');
      this.onConnectedChange(false);
    } else if (!this.#saidUnavailable) {
      this.#saidUnavailable = true;
      this.#options.logger.info({ core: describeTarget(this.#options.target) }, 'waiting for the core');
    }
    this.#reconnectTimer = setTimeout(() => this.#connect(), RECONNECT_MS);
  }
}
