import { randomUUID } from 'node:crypto';
import type { Server } from 'node:net';
import type { MediaPacket } from '@switchyard/shared/media';
import {
  type ClientKind,
  type EndpointControl,
  type EndpointEvent,
  type FanoutTarget,
  LINK_PROTOCOL,
  type ProtocolError,
} from '@switchyard/shared/protocol';
import type { CodeCounts, GatewayKind, LinkWelcome, Logger, MetricSample } from '@switchyard/shared/runtime';
import type { Admission } from './admission.ts';
import { GatewayLink, type GatewayLinkOwner, type LinkTraffic } from './gateway-link.ts';
import { listenOnPath, listenOnTcp } from './link-listener.ts';

/** Numbers that endpoints may have; who may join is decided long before by {@link Admission}. */
const ENDPOINTS_MAX = 1_000_000;

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
  /** Where gateways of other hosts attach, and what they have to know. */
  readonly tcp?: { readonly host: string; readonly port: number; readonly secret: string };
  /** Name of this core for people. */
  readonly node: string;
  readonly admission: Admission;
  readonly logger: Logger;
}

/** One attached gateway, for `/health` and `/metrics`. */
export interface GatewayStatus {
  readonly kind: GatewayKind;
  readonly name: string;
  readonly endpoints: number;
  readonly droppedFrames: number;
  readonly queuedBytes: number;
}

/** What one attached gateway has done. */
export interface GatewayFigures extends GatewayStatus {
  readonly traffic: LinkTraffic;
  readonly errors: CodeCounts;
  /** Of its own, as it reported them last. */
  readonly samples: readonly MetricSample[];
}

interface Route {
  readonly link: GatewayLink;
  readonly linkEndpoint: number;
  readonly client: ClientKind;
}

/**
 * Where gateways attach: a Unix socket, and TCP for other hosts. Maps (link, its endpoint) to the engine's numbers and back, and groups the
 * engine's forwards of one packet into one fan-out frame a gateway.
 */
export class GatewayServer implements GatewayLinkOwner {
  readonly welcome: LinkWelcome;
  readonly #options: GatewayServerOptions;
  readonly #servers: Server[] = [];
  readonly #links = new Set<GatewayLink>();
  /** Index is the engine's endpoint number. */
  readonly #routes: (Route | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #inFlight: GatewayLink[] = [];
  #engine: EngineInputs | undefined;
  #places: readonly string[] = [];

  constructor(options: GatewayServerOptions) {
    this.#options = options;
    this.welcome = { protocol: LINK_PROTOCOL, node: options.node, session: randomUUID() };
  }

  get gateways(): GatewayStatus[] {
    return this.figures.map(({ kind, name, endpoints, droppedFrames, queuedBytes }) => ({
      kind,
      name,
      endpoints,
      droppedFrames,
      queuedBytes,
    }));
  }

  get figures(): GatewayFigures[] {
    const figures: GatewayFigures[] = [];
    for (const { hello, endpointCount, droppedFrames, queuedBytes, traffic, errors, samples } of this.#links)
      if (hello !== undefined)
        figures.push({
          kind: hello.kind,
          name: hello.name,
          endpoints: endpointCount,
          droppedFrames,
          queuedBytes,
          traffic,
          errors,
          samples,
        });
    return figures;
  }

  get endpointCount(): number {
    return this.#routes.length - this.#free.length;
  }

  /** Begins to take gateways. @throws when another core has the socket, or another program the port. */
  async listen(engine: EngineInputs): Promise<void> {
    this.#engine = engine;
    const { socketPath, tcp } = this.#options;
    this.#servers.push(
      await listenOnPath(socketPath, (socket) => this.#links.add(new GatewayLink(socket, this))),
    );
    if (tcp === undefined) return;
    const { host, port, secret } = tcp;
    this.#servers.push(
      await listenOnTcp(host, port, (socket) => this.#links.add(new GatewayLink(socket, this, secret))),
    );
  }

  /** Where browsers can join the same rooms, other than here. */
  setPlaces(urls: readonly string[]): void {
    this.#places = urls;
    for (const route of this.#routes) if (route?.client === 'sdk') this.#tellPlaces(route);
  }

  async close(): Promise<void> {
    const closed = this.#servers.map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    for (const link of this.#links) link.close();
    await Promise.all(closed);
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
    const route = { link, linkEndpoint, client };
    this.#routes[endpoint] = route;
    if (client === 'sdk' && this.#places.length > 0) this.#tellPlaces(route);
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
    const refusal =
      control.type === 'join' && control.resumed !== true
        ? this.#options.admission.refusal(this.endpointCount)
        : undefined;
    if (refusal === undefined) this.#engine?.handleControl(endpoint, control);
    else if (control.type === 'join' && control.request !== undefined)
      this.event(endpoint, { type: 'reply', request: control.request, error: refusal });
    else this.event(endpoint, { type: 'error', error: refusal });
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

  #tellPlaces({ link, linkEndpoint }: Route): void {
    link.event(linkEndpoint, { type: 'places', urls: this.#places });
  }

  #release(endpoint: number): void {
    this.#routes[endpoint] = undefined;
    this.#free.push(endpoint);
  }
}
