import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import type { MediaPacket } from '@switchyard/shared/media';
import {
  type ClientKind,
  type EndpointControl,
  type EndpointEvent,
  type FanoutTarget,
  LINK_PROTOCOL,
  type ProtocolError,
} from '@switchyard/shared/protocol';
import type { GatewayKind, LinkWelcome, Logger } from '@switchyard/shared/runtime';
import { GatewayLink, type GatewayLinkOwner } from './gateway-link.ts';

/** Most endpoints of one core; above it new ones are told `overloaded`. */
export const ENDPOINTS_MAX: number = 50_000;

/** The engine as gateways reach it. Endpoint numbers are chosen here and reused after a close. */
export interface EngineInputs {
  openEndpoint(endpoint: number, client: ClientKind, gateway: string, address: string | undefined): void;
  closeEndpoint(endpoint: number): void;
  handleControl(endpoint: number, control: EndpointControl): void;
  handleMedia(endpoint: number, track: number, packet: MediaPacket): void;
}

export interface GatewayServerOptions {
  /** Path of the Unix socket, readable and writable by this user only. */
  readonly socketPath: string;
  /** Name of this core for people. */
  readonly node: string;
  readonly logger: Logger;
}

/** One attached gateway, for `/health`. */
export interface GatewayStatus {
  readonly kind: GatewayKind;
  readonly name: string;
  readonly endpoints: number;
  readonly droppedFrames: number;
  readonly queuedBytes: number;
}

interface Route {
  readonly link: GatewayLink;
  readonly linkEndpoint: number;
}

/**
 * Where gateways attach: a Unix socket. Maps (link, its endpoint) to the engine's numbers and back, and groups the
 * engine's forwards of one packet into one fan-out frame a gateway.
 */
export class GatewayServer implements GatewayLinkOwner {
  readonly welcome: LinkWelcome;
  readonly #options: GatewayServerOptions;
  readonly #server: Server;
  readonly #links = new Set<GatewayLink>();
  /** Index is the engine's endpoint number. */
  readonly #routes: (Route | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #inFlight: GatewayLink[] = [];
  #engine: EngineInputs | undefined;

  constructor(options: GatewayServerOptions) {
    this.#options = options;
    this.welcome = { protocol: LINK_PROTOCOL, node: options.node, session: randomUUID() };
    this.#server = createServer((socket) => this.#links.add(new GatewayLink(socket, this)));
  }

  get gateways(): GatewayStatus[] {
    const status: GatewayStatus[] = [];
    for (const { hello, endpointCount, droppedFrames, queuedBytes } of this.#links)
      if (hello !== undefined)
        status.push({
          kind: hello.kind,
          name: hello.name,
          endpoints: endpointCount,
          droppedFrames,
          queuedBytes,
        });
    return status;
  }

  /** Kind of the gateway that `endpoint` came through. */
  gatewayOf(endpoint: number): GatewayKind | undefined {
    return this.#routes[endpoint]?.link.hello?.kind;
  }

  /**
   * Listens; a socket file that a killed core left behind is removed.
   * @throws when another core answers on it.
   */
  async listen(engine: EngineInputs): Promise<void> {
    this.#engine = engine;
    const { socketPath } = this.#options;
    if (await isAnswered(socketPath))
      throw new Error(
        `Another core is running on ${socketPath}: stop it, or set core.socket to another path.`,
      );
    rmSync(socketPath, { force: true });
    const before = process.umask(0o177);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#server.once('error', reject);
        this.#server.listen(socketPath, resolve);
      });
    } finally {
      process.umask(before);
    }
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const link of this.#links) link.close();
    await closed;
  }

  event(endpoint: number, event: EndpointEvent): void {
    const route = this.#routes[endpoint];
    if (route === undefined) return;
    route.link.event(route.linkEndpoint, event);
    if (event.type === 'closed') this.#release(endpoint);
  }

  forward(packet: MediaPacket, target: FanoutTarget): void {
    const route = this.#routes[target.endpoint];
    if (route === undefined) return;
    const { link, linkEndpoint } = route;
    if (link.addTarget(linkEndpoint, packet, target)) this.#inFlight.push(link);
  }

  endPacket(packet: MediaPacket): void {
    for (const link of this.#inFlight) link.endPacket(packet);
    this.#inFlight.length = 0;
  }

  open(
    link: GatewayLink,
    linkEndpoint: number,
    client: ClientKind,
    address: string | undefined,
  ): number | ProtocolError {
    const endpoint = this.#free.pop() ?? this.#routes.length;
    if (endpoint >= ENDPOINTS_MAX) return { code: 'overloaded' };
    this.#routes[endpoint] = { link, linkEndpoint };
    this.#engine?.openEndpoint(endpoint, client, link.hello?.name ?? '', address);
    return endpoint;
  }

  closeEndpoint(endpoint: number): void {
    if (this.#routes[endpoint] === undefined) return;
    // First the route: the engine has nothing more to say to who is gone.
    this.#release(endpoint);
    this.#engine?.closeEndpoint(endpoint);
  }

  control(endpoint: number, control: EndpointControl): void {
    this.#engine?.handleControl(endpoint, control);
  }

  media(endpoint: number, track: number, packet: MediaPacket): void {
    this.#engine?.handleMedia(endpoint, track, packet);
  }

  ready(link: GatewayLink): void {
    this.#options.logger.info({ gateway: link.hello?.name }, 'gateway attached');
  }

  lost(link: GatewayLink): void {
    this.#links.delete(link);
    const endpoints = [...link.endpoints];
    if (link.hello !== undefined)
      this.#options.logger.warn({ gateway: link.hello.name, endpoints: endpoints.length }, 'gateway gone');
    for (const endpoint of endpoints) this.closeEndpoint(endpoint);
  }

  #release(endpoint: number): void {
    this.#routes[endpoint] = undefined;
    this.#free.push(endpoint);
  }
}

/** Whether somebody listens on `socketPath`. */
const isAnswered = (socketPath: string): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = connect(socketPath);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
