import { randomBytes } from 'node:crypto';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server } from 'node:net';
import type { Logger } from '@switchyard/shared/runtime';
import { Core, URI } from 'sip.js';
import type { SipDriver, SipDriverEvents } from '../sip-driver.ts';
import { EmbeddedCall } from './embedded-call.ts';
import { type SipFlow, TcpFlow, UdpFlow } from './sip-flow.ts';
import { parseSipMessage } from './sip-parser.ts';
import { MESSAGE_MAX_BYTES, type MessageFacts, readFacts, stampVia } from './sip-scan.ts';
import { UdpTransactions } from './udp-transactions.ts';

const TICK_MS = 100;
const SOCKET_BUFFER_BYTES = 4 << 20;
/** A leg without dialogs and transactions is forgotten after this time. */
const LEG_IDLE_MS = 5000;
const LEGS_MAX = 10_000;
const CONNECTIONS_MAX = 1000;
/** New calls and other new dialogs of one address in this time: above it they are not answered (scanners). */
const NEW_LEGS_PER_ADDRESS = 200;
const NEW_LEGS_WINDOW_MS = 1000;
const CONTACT_USER = 'switchyard';
const USER_AGENT = 'Switchyard';

interface Leg {
  readonly core: Core.UserAgentCore;
  flow: SipFlow;
  touchedMs: number;
}

export interface EmbeddedDriverOptions {
  readonly host: string;
  /** Address in Via and Contact: where phones send what follows. */
  readonly announced: string;
  /** UDP and TCP. */
  readonly port: number;
  readonly logger: Logger;
}

/** SIP by sip.js's transactions and dialogs on our own transports, parser and timers; one sip.js core per Call-ID. */
export class EmbeddedDriver implements SipDriver {
  readonly #options: EmbeddedDriverOptions;
  readonly #loggers = new Core.LoggerFactory();
  readonly #instance = randomBytes(4).toString('hex');
  readonly #legs = new Map<string, Leg>();
  readonly #transactions = new UdpTransactions();
  readonly #connections = new Set<TcpFlow>();
  readonly #newLegs = new Map<string, number>();
  #newLegsSinceMs = 0;
  #udp: UdpSocket | undefined;
  #tcp: Server | undefined;
  #port = 0;
  #events: SipDriverEvents | undefined;
  #timer: NodeJS.Timeout | undefined;
  #calls = 0;
  /** Messages that were malformed, and exceptions of the library on what a peer sent. */
  readonly refused = { malformed: 0, exceptions: 0, limited: 0 };

  constructor(options: EmbeddedDriverOptions) {
    this.#options = options;
    this.#loggers.builtinEnabled = false;
  }

  get port(): number {
    return this.#port;
  }

  get callCount(): number {
    return this.#calls;
  }

  async start(events: SipDriverEvents): Promise<void> {
    this.#events = events;
    const { host, port } = this.#options;
    const udp = createSocket({
      type: host.includes(':') ? 'udp6' : 'udp4',
      recvBufferSize: SOCKET_BUFFER_BYTES,
    });
    await new Promise<void>((resolve, reject) => {
      udp.once('error', reject);
      udp.bind(port, host, resolve);
    });
    udp.removeAllListeners('error');
    // ICMP errors of peers that are gone.
    udp.on('error', () => {});
    udp.on('message', (bytes, from) => {
      // Keep-alives are two or four bytes.
      if (bytes.length < 16) return;
      if (bytes.length <= MESSAGE_MAX_BYTES)
        this.#receive(bytes.toString('utf8'), new UdpFlow(udp, from.address, from.port));
    });
    this.#udp = udp;
    this.#port = udp.address().port;
    const tcp = createServer((socket) => {
      const flow = new TcpFlow(
        socket,
        (message) => this.#receive(message, flow),
        () => this.#connections.delete(flow),
      );
      this.#connections.add(flow);
    });
    tcp.maxConnections = CONNECTIONS_MAX;
    await new Promise<void>((resolve, reject) => {
      tcp.once('error', reject);
      tcp.listen(this.#port, host, resolve);
    });
    this.#tcp = tcp;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    for (const { core } of this.#legs.values()) core.dispose();
    this.#legs.clear();
    for (const flow of this.#connections) flow.close();
    await new Promise<void>((resolve) =>
      this.#tcp === undefined ? resolve() : this.#tcp.close(() => resolve()),
    );
    await new Promise<void>((resolve) =>
      this.#udp === undefined ? resolve() : this.#udp.close(() => resolve()),
    );
  }

  /** Nothing a peer sends ends the process: the library throws on some malformed messages. */
  #receive(text: string, flow: SipFlow): void {
    try {
      this.#handle(text, flow);
    } catch (error) {
      this.refused.exceptions += 1;
      this.#options.logger.debug({ err: error, address: flow.address }, 'exception on a message');
    }
  }

  #handle(text: string, flow: SipFlow): void {
    const facts = readFacts(text);
    if (facts === undefined) {
      this.refused.malformed += 1;
      return;
    }
    const nowMs = performance.now();
    if (facts.status !== undefined) this.#handleResponse(text, facts, nowMs);
    else if (this.#transactions.requestReceived(facts, flow, nowMs))
      this.#handleRequest(text, facts, flow, nowMs);
  }

  #handleResponse(text: string, facts: MessageFacts, nowMs: number): void {
    this.#transactions.responseReceived(facts);
    const leg = this.#legs.get(facts.callId);
    const message = leg === undefined ? undefined : parseSipMessage(text, facts.scanned);
    if (leg === undefined || !(message instanceof Core.IncomingResponseMessage)) return;
    leg.touchedMs = nowMs;
    leg.core.receiveIncomingResponseFromTransport(message);
  }

  #handleRequest(text: string, facts: MessageFacts, flow: SipFlow, nowMs: number): void {
    const known = this.#legs.get(facts.callId);
    if (known === undefined && !this.#mayOpen(flow.address, nowMs)) {
      this.refused.limited += 1;
      return;
    }
    const stamped = stampVia(text, facts, flow.address, flow.port);
    const rescanned = readFacts(stamped);
    const message = rescanned === undefined ? undefined : parseSipMessage(stamped, rescanned.scanned);
    if (!(message instanceof Core.IncomingRequestMessage)) {
      this.refused.malformed += 1;
      if (facts.method !== 'ACK') this.#answerMalformed(facts, flow, nowMs);
      return;
    }
    const refusal = bodyRefusal(message);
    if (refusal !== undefined) {
      this.refused.malformed += 1;
      if (facts.method !== 'ACK') this.#write(responseTo(facts, ...refusal), flow, nowMs);
      return;
    }
    const required = message.getHeader('require');
    if (facts.method !== 'ACK' && facts.method !== 'CANCEL' && required !== undefined) {
      const headers = [`Unsupported: ${required}`];
      this.#write(responseTo(facts, 420, 'Bad Extension', headers), flow, nowMs);
      return;
    }
    const leg = known ?? this.#openLeg(facts.callId, flow, nowMs);
    leg.flow = flow;
    leg.touchedMs = nowMs;
    const target = message.ruri?.user ?? '';
    const token = message.ruri?.getParam('token') ?? message.getHeader('x-switchyard-token');
    // sip.js answers 404 to a request URI that is not its contact; whom a call is for is decided above.
    message.ruri = new URI('sip', CONTACT_USER, this.#options.announced);
    Object.assign(message, { target, token });
    leg.core.receiveIncomingRequestFromTransport(message);
  }

  #mayOpen(address: string, nowMs: number): boolean {
    if (this.#legs.size >= LEGS_MAX) return false;
    if (nowMs - this.#newLegsSinceMs > NEW_LEGS_WINDOW_MS) {
      this.#newLegsSinceMs = nowMs;
      this.#newLegs.clear();
    }
    const count = (this.#newLegs.get(address) ?? 0) + 1;
    this.#newLegs.set(address, count);
    return count <= NEW_LEGS_PER_ADDRESS;
  }

  #openLeg(callId: string, flow: SipFlow, nowMs: number): Leg {
    const { announced } = this.#options;
    const parameters = flow.transport === 'TCP' ? { transport: 'tcp' } : {};
    const uri = new URI('sip', CONTACT_USER, announced, this.#port, parameters);
    const transport: Core.Transport = {
      protocol: flow.transport,
      send: (message: string): Promise<void> => {
        this.#send(message, callId);
        return Promise.resolve();
      },
    } as Core.Transport;
    const core = new Core.UserAgentCore(
      {
        aor: new URI('sip', CONTACT_USER, announced),
        contact: { pubGruu: undefined, tempGruu: undefined, uri, toString: () => `<${uri.toString()}>` },
        displayName: '',
        loggerFactory: this.#loggers,
        hackViaTcp: false,
        routeSet: [],
        sipjsId: this.#instance,
        supportedOptionTags: [],
        supportedOptionTagsResponse: [],
        userAgentHeaderFieldValue: USER_AGENT,
        viaForceRport: true,
        viaHost: `${announced}:${this.#port}`,
        authenticationFactory: () => undefined,
        transportAccessor: () => transport,
      },
      {
        onInvite: (invite) => this.#onInvite(invite, flow),
        onRegister: (register) => {
          register.reject({ statusCode: 403, reasonPhrase: 'No Accounts Configured' });
        },
        onMessage: (message) => {
          message.reject({ statusCode: 405 });
        },
        onRefer: (refer) => {
          refer.reject({ statusCode: 403 });
        },
        onSubscribe: (subscribe) => {
          subscribe.reject({ statusCode: 489 });
        },
      },
    );
    const leg: Leg = { core, flow, touchedMs: nowMs };
    this.#legs.set(callId, leg);
    return leg;
  }

  #onInvite(invite: Core.IncomingInviteRequest, flow: SipFlow): void {
    this.#calls += 1;
    const call = new EmbeddedCall(invite, flow, () => {
      this.#calls -= 1;
    });
    this.#events?.onCall(call);
  }

  /** A message of sip.js: a response by its transaction's flow, a request by its leg's. */
  #send(text: string, callId: string): void {
    const facts = readFacts(text);
    if (facts === undefined) return;
    const nowMs = performance.now();
    const leg = this.#legs.get(callId);
    if (facts.status !== undefined) {
      const flow = this.#transactions.responseSent(facts, text, nowMs) ?? leg?.flow;
      flow?.send(text);
      return;
    }
    if (leg === undefined) return;
    // Symmetric: requests in a dialog go where its last request came from, as NAT needs it.
    leg.flow.send(text);
    this.#transactions.requestSent(facts, text, leg.flow, nowMs);
  }

  #write(text: string, flow: SipFlow, nowMs: number): void {
    const facts = readFacts(text);
    if (facts !== undefined) this.#transactions.responseSent(facts, text, nowMs);
    flow.send(text);
  }

  #answerMalformed(facts: MessageFacts, flow: SipFlow, nowMs: number): void {
    this.#write(responseTo(facts, 400, 'Bad Request', []), flow, nowMs);
  }

  #tick(): void {
    const nowMs = performance.now();
    this.#transactions.tick(nowMs);
    for (const [callId, { core, touchedMs }] of this.#legs) {
      const busy = core.dialogs.size + core.userAgentServers.size + core.userAgentClients.size > 0;
      if (busy || nowMs - touchedMs < LEG_IDLE_MS) continue;
      core.dispose();
      this.#legs.delete(callId);
    }
  }
}

/** What is wrong with a body: sip.js throws where its type is missing (RFC 3261 §20.15), and an offer must be SDP. */
function bodyRefusal(
  message: Core.IncomingRequestMessage,
): readonly [status: number, reason: string, headers: readonly string[]] | undefined {
  if (message.body === '') return undefined;
  const type = message.getHeader('content-type');
  if (type === undefined) return [400, 'Missing Content-Type', []];
  const isOffer = message.method === 'INVITE' || message.method === 'UPDATE';
  return isOffer && !/^application\/sdp\b/i.test(type.trim())
    ? [415, 'Unsupported Media Type', ['Accept: application/sdp']]
    : undefined;
}

/** A response without sip.js, for requests that it cannot be given. */
function responseTo(facts: MessageFacts, status: number, reason: string, extra: readonly string[]): string {
  const vias = facts.scanned.headers.filter(({ name }) => name === 'via').map(({ value }) => `Via: ${value}`);
  const tag = /;\s*tag=/i.test(facts.to) ? '' : `;tag=${randomBytes(5).toString('hex')}`;
  return [
    `SIP/2.0 ${status} ${reason}`,
    ...vias,
    `From: ${facts.from}`,
    `To: ${facts.to}${tag}`,
    `Call-ID: ${facts.callId}`,
    `CSeq: ${facts.cseq} ${facts.cseqMethod}`,
    ...extra,
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
}
