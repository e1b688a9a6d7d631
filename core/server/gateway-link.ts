import type { Socket } from 'node:net';
import { emptyMediaPacket, type MediaPacket, readU32 } from '@switchyard/shared/media';
import {
  type ClientKind,
  type EndpointControl,
  type EndpointEvent,
  FANOUT_TARGET_BYTES,
  FANOUT_TARGETS_MAX,
  type FanoutTarget,
  FRAME_MAX_BYTES,
  FRAME_TYPES,
  LINK_PROTOCOL,
  type ProtocolError,
  readMediaFrame,
  trackId,
  writeFanoutTarget,
} from '@switchyard/shared/protocol';
import {
  CodeCounts,
  FrameSplitter,
  isSameProof,
  type LinkHello,
  type LinkWelcome,
  LinkWriter,
  linkNonce,
  linkProof,
  type MetricSample,
  parseControl,
  parseHello,
  parseSamples,
  readJson,
  requestOf,
} from '@switchyard/shared/runtime';

/** A connection that says nothing sensible within this time is no gateway. */
const HELLO_TIMEOUT_MS = 5000;
/** Longest frame of somebody who has not introduced itself. */
const HELLO_MAX_BYTES = 4096;
const ENDPOINT_BYTES = 4;
/** Engine endpoint number of a link's endpoint that there is not. */
export const NO_ENDPOINT: number = -1;

/** What one gateway's link asks of the server that owns it. */
export interface GatewayLinkOwner {
  readonly welcome: LinkWelcome;
  /** @returns The engine's number for the endpoint, or why there can be none. */
  open(
    link: GatewayLink,
    linkEndpoint: number,
    client: ClientKind,
    address: string | undefined,
  ): number | ProtocolError;
  closeEndpoint(endpoint: number): void;
  control(endpoint: number, control: EndpointControl): void;
  media(endpoint: number, track: number, packet: MediaPacket): void;
  ready(link: GatewayLink): void;
  lost(link: GatewayLink): void;
}

/** Packets and payload bytes of a link: from its publishers, and to its viewers (each viewer's copy counts). */
export interface LinkTraffic {
  packetsIn: number;
  bytesIn: number;
  packetsOut: number;
  bytesOut: number;
}

/** The core's end of one gateway's link: frames in both directions and the numbers of its endpoints. */
export class GatewayLink {
  readonly #socket: Socket;
  readonly #owner: GatewayLinkOwner;
  readonly #writer: LinkWriter;
  readonly #splitter: FrameSplitter;
  readonly #endpoints = new Map<number, number>();
  readonly #packet = emptyMediaPacket('opus');
  readonly #address = { endpoint: 0, track: 0 };
  readonly #targets = new Uint8Array(FANOUT_TARGETS_MAX * FANOUT_TARGET_BYTES);
  #targetCount = 0;
  /** Local tracks that lost video to a full queue: engine endpoint × 65,536 + track. */
  readonly #starved = new Set<number>();
  #hello: LinkHello | undefined;
  #refused = false;
  /** Sent as a challenge when the link has a secret. */
  readonly #nonce: string | undefined;
  readonly #secret: string | undefined;
  readonly traffic: LinkTraffic = { packetsIn: 0, bytesIn: 0, packetsOut: 0, bytesOut: 0 };
  /** What its clients were refused, and why they were ended. */
  readonly errors: CodeCounts = new CodeCounts();
  /** What the gateway reported last. */
  samples: readonly MetricSample[] = [];

  /** @param secret Given: the gateway has to prove that it knows it. */
  constructor(socket: Socket, owner: GatewayLinkOwner, secret?: string) {
    this.#socket = socket;
    this.#owner = owner;
    this.#secret = secret;
    this.#writer = new LinkWriter(socket);
    this.#writer.onRecovered = () => this.#recovered();
    this.#splitter = new FrameSplitter((type, body) => this.#frame(type, body));
    this.#splitter.maxBytes = HELLO_MAX_BYTES;
    if (secret !== undefined) {
      this.#nonce = linkNonce();
      this.#writer.json(FRAME_TYPES.challenge, { nonce: this.#nonce });
    }
    const helloTimer = setTimeout(() => {
      if (this.#hello === undefined) socket.destroy();
    }, HELLO_TIMEOUT_MS);
    socket.on('data', (chunk: Buffer) => {
      if (!this.#splitter.push(chunk)) this.#refuse('invalid-request', 'a frame has an impossible length');
    });
    // 'close' follows every 'error'.
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(helloTimer);
      owner.lost(this);
    });
  }

  /** Undefined before the gateway introduced itself. */
  get hello(): LinkHello | undefined {
    return this.#hello;
  }

  /** Engine numbers of everything that is open on this link. */
  get endpoints(): Iterable<number> {
    return this.#endpoints.values();
  }

  get endpointCount(): number {
    return this.#endpoints.size;
  }

  get droppedFrames(): number {
    return this.#writer.droppedFrames;
  }

  get queuedBytes(): number {
    return this.#writer.queuedBytes;
  }

  event(linkEndpoint: number, event: EndpointEvent): void {
    if ('error' in event && event.error !== undefined) this.errors.add(event.error.code);
    if (event.type === 'closed') this.#endpoints.delete(linkEndpoint);
    this.#writer.json(FRAME_TYPES.event, event, linkEndpoint);
  }

  /**
   * Notes a target of the packet in flight.
   * @returns true for the first target: the caller then calls {@link endPacket} when the packet is done.
   */
  addTarget(linkEndpoint: number, packet: MediaPacket, target: FanoutTarget): boolean {
    if (this.#targetCount === FANOUT_TARGETS_MAX) this.endPacket(packet);
    writeFanoutTarget(this.#targets, this.#targetCount * FANOUT_TARGET_BYTES, linkEndpoint, target);
    this.#targetCount += 1;
    return this.#targetCount === 1;
  }

  /** Sends the packet in flight to all its targets as one frame. */
  endPacket(packet: MediaPacket): void {
    const count = this.#targetCount;
    this.#targetCount = 0;
    if (count === 0) return;
    if (this.#writer.fanout(packet, this.#targets, count)) {
      this.traffic.packetsOut += count;
      this.traffic.bytesOut += count * packet.payload.length;
      return;
    }
    if (packet.codec === 'opus') return;
    for (let index = 0; index < count; index += 1) {
      const at = index * FANOUT_TARGET_BYTES;
      const endpoint = this.#endpoints.get(readU32(this.#targets, at));
      const track = ((this.#targets[at + 4] ?? 0) << 8) | (this.#targets[at + 5] ?? 0);
      if (endpoint !== undefined) this.#starved.add(endpoint * 0x1_0000 + track);
    }
  }

  close(): void {
    this.#writer.flush();
    this.#socket.destroySoon();
  }

  #frame(type: number, body: Uint8Array): void {
    // What comes in the same chunk as a reason to cut the link is not looked at.
    if (this.#refused) return;
    if (type === FRAME_TYPES.media) this.#media(body);
    else if (type === FRAME_TYPES.control) this.#control(body);
    else if (type === FRAME_TYPES.hello) this.#introduce(body);
    else if (type === FRAME_TYPES.metrics && this.#hello !== undefined) this.#report(body);
    else this.#refuse('invalid-request', `frame type ${type} is not for the core`);
  }

  #introduce(body: Uint8Array): void {
    const hello = parseHello(readJson(body));
    if (hello === undefined) this.#refuse('invalid-request', 'the hello is malformed');
    else if (hello.protocol !== LINK_PROTOCOL)
      this.#refuse(
        'unsupported-feature',
        `the gateway speaks link protocol ${hello.protocol}, the core ${LINK_PROTOCOL}: start both from one version`,
      );
    else if (this.#hello !== undefined) this.#refuse('invalid-request', 'a second hello');
    else {
      const proof = this.#proofFor(hello);
      if (proof === 'wrong') {
        this.#refuse('not-allowed', 'the link secret is wrong: link.secret must be the same at both ends');
        return;
      }
      this.#hello = hello;
      this.#splitter.maxBytes = FRAME_MAX_BYTES;
      this.#writer.json(FRAME_TYPES.welcome, { ...this.#owner.welcome, ...proof });
      this.#owner.ready(this);
    }
  }

  /** Checks the gateway's proof. @returns Our own, nothing when the link has no secret. */
  #proofFor({ auth }: LinkHello): 'wrong' | { readonly proof?: string } {
    const [secret, core] = [this.#secret, this.#nonce];
    if (secret === undefined || core === undefined) return {};
    const nonces = { core, gateway: auth?.nonce ?? '' };
    if (!isSameProof(linkProof(secret, 'gateway', nonces), auth?.proof)) return 'wrong';
    return { proof: linkProof(secret, 'core', nonces) };
  }

  #report(body: Uint8Array): void {
    this.samples = parseSamples(readJson(body)) ?? this.samples;
    this.#writer.json(FRAME_TYPES.alive, {});
  }

  #media(body: Uint8Array): void {
    if (this.#hello === undefined || !readMediaFrame(body, this.#address, this.#packet)) return;
    this.traffic.packetsIn += 1;
    this.traffic.bytesIn += this.#packet.payload.length;
    const endpoint = this.#endpoints.get(this.#address.endpoint);
    if (endpoint !== undefined) this.#owner.media(endpoint, this.#address.track, this.#packet);
  }

  #control(body: Uint8Array): void {
    if (this.#hello === undefined || body.length < ENDPOINT_BYTES) {
      this.#refuse('invalid-request', 'a control before the hello');
      return;
    }
    const linkEndpoint = readU32(body, 0);
    const value = readJson(body.subarray(ENDPOINT_BYTES));
    const parsed = parseControl(value);
    if ('error' in parsed) this.#answer(linkEndpoint, requestOf(value), parsed.error);
    else this.#handle(linkEndpoint, parsed.value);
  }

  #handle(linkEndpoint: number, control: EndpointControl): void {
    const endpoint = this.#endpoints.get(linkEndpoint);
    if (control.type === 'open') {
      if (endpoint !== undefined) this.#owner.closeEndpoint(endpoint);
      const opened = this.#owner.open(this, linkEndpoint, control.client, control.address);
      if (typeof opened === 'number') this.#endpoints.set(linkEndpoint, opened);
      else this.event(linkEndpoint, { type: 'closed', error: opened });
    } else if (endpoint === undefined) {
      if (control.type !== 'close')
        this.#answer(linkEndpoint, requestOf(control), { code: 'unknown-endpoint' });
    } else if (control.type === 'close') {
      this.#endpoints.delete(linkEndpoint);
      this.#owner.closeEndpoint(endpoint);
    } else this.#owner.control(endpoint, control);
  }

  #answer(linkEndpoint: number, request: number | undefined, error: ProtocolError): void {
    this.event(
      linkEndpoint,
      request === undefined ? { type: 'error', error } : { type: 'reply', request, error },
    );
  }

  #recovered(): void {
    const starved = [...this.#starved];
    this.#starved.clear();
    const open = new Set(this.#endpoints.values());
    for (const key of starved) {
      const endpoint = Math.floor(key / 0x1_0000);
      if (open.has(endpoint))
        this.#owner.control(endpoint, { type: 'local-track-keyframe-request', track: trackId(key & 0xffff) });
    }
  }

  #refuse(code: ProtocolError['code'], detail: string): void {
    this.#refused = true;
    this.#writer.json(FRAME_TYPES.refused, { code, detail } satisfies ProtocolError);
    this.close();
  }
}
