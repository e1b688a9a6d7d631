import {
  isName,
  MESSAGE_MAX_BYTES,
  type ProtocolError,
  SESSION_PROTOCOL,
  type SessionMessage,
  type SessionRequest,
} from '@switchyard/shared/protocol';
import type { LinkEndpoint } from '@switchyard/shared/runtime';
import type { PeerListener } from '../peer-contract.ts';
import { parseOffer } from '../sdp/sdp-offer.ts';
import { LocalSlots } from './local-slots.ts';
import { planOffer } from './offer-plan.ts';
import { PeerEvents } from './peer-events.ts';
import { PeerNegotiation } from './peer-negotiation.ts';
import { RemoteTracks } from './remote-tracks.ts';
import type { SessionEnvironment } from './session-environment.ts';
import { explain } from './session-error.ts';

/** The SDK's end of the WebSocket. */
export interface SessionClient {
  send(message: SessionMessage): void;
  /** Ends the connection; the SDK comes back by itself unless it was told `closed`. */
  close(reason: string): void;
}

type Request<Type extends SessionRequest['type']> = Extract<SessionRequest, { type: Type }>;
/** Requests that may wait for their turn. */
const PENDING_MAX = 256;

/**
 * One SDK client: requests of the session protocol and facts of its transport on one side, controls and events of its
 * endpoint on the other. Requests are answered in their order, each exactly once. Losing the WebSocket ends everything:
 * the SDK joins again in a new session that replaces what may be left of this one.
 */
export class PeerSession {
  readonly #environment: SessionEnvironment;
  readonly #client: SessionClient;
  readonly #address: string | undefined;
  readonly #negotiation: PeerNegotiation;
  #endpoint: LinkEndpoint | undefined;
  #tracks: RemoteTracks | undefined;
  #slots: LocalSlots | undefined;
  readonly #events: PeerEvents;
  #joined = false;
  #closed = false;
  #pending = 0;
  #turn: Promise<void> = Promise.resolve();

  constructor(environment: SessionEnvironment, client: SessionClient, address: string | undefined) {
    this.#environment = environment;
    this.#client = client;
    this.#address = address;
    this.#negotiation = new PeerNegotiation(environment, this.#transportListener());
    this.#events = new PeerEvents(client, {
      tracks: () => this.#tracks,
      slots: () => this.#slots,
      transport: () => this.#negotiation.transport,
      onClosed: (error) => this.#onCoreClosed(error),
    });
  }

  /** Takes one request; its response goes to the client when its turn has come. */
  handle(request: SessionRequest): void {
    if (this.#closed) return;
    if (this.#pending >= PENDING_MAX) {
      this.#respond(request.request, { code: 'limit-exceeded', detail: 'too many requests wait' });
      return;
    }
    this.#pending += 1;
    const turn = this.#turn.then(async () => {
      this.#pending -= 1;
      if (!this.#closed) await this.#answer(request);
    });
    this.#turn = turn.catch(() => this.#fail());
  }

  /** Tells the client to reconnect elsewhere: this process ends. */
  goAway(reason: string): void {
    this.#client.send({ type: 'go-away', reason });
  }

  /** The client is gone, or has to go. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#endpoint?.close();
    this.#negotiation.close();
  }

  async #answer(request: SessionRequest): Promise<void> {
    switch (request.type) {
      case 'join':
        await this.#join(request);
        return;
      case 'offer':
        this.#offer(request);
        return;
      default:
        this.#respond(request.request, await this.#pass(request));
    }
  }

  async #join(request: Request<'join'>): Promise<void> {
    const wrong = checkJoin(request);
    if (wrong !== undefined) {
      this.#respond(request.request, wrong);
      return;
    }
    const { room, peer, token } = request;
    const needs = ['publish', 'subscribe', 'data'] as const;
    const admission = await this.#environment.access.admit({ token, room, peer, needs });
    if (this.#closed) return;
    if (!admission.ok) {
      this.#respond(request.request, admission.error);
      return;
    }
    const { app, permissions } = admission.access;
    const endpoint = this.#openEndpoint();
    // What the core tells of the room right behind its reply is for a client that knows it has joined.
    this.#events.hold();
    const error = await endpoint.request({
      type: 'join',
      app,
      room,
      peer,
      ...(request.metadata === undefined ? {} : { metadata: request.metadata }),
      publish: request.publish ?? { peer: true, tracks: true },
      subscribe: request.subscribe ?? { peers: true, tracks: true },
      permissions,
      replace: true,
    });
    if (this.#closed) return;
    if (error !== undefined) {
      this.#onLeft();
      this.#respond(request.request, error);
    } else {
      this.#joined = true;
      this.#negotiation.joined(room);
      this.#client.send({
        type: 'response',
        request: request.request,
        result: 'joined',
        session: this.#environment.newToken(),
        iceServers: this.#environment.iceServers(request.peer),
        maxReceivers: this.#environment.maxReceivers,
      });
      this.#tracks?.onJoined();
      this.#slots?.onJoined();
    }
    this.#events.release();
  }

  #offer(request: Request<'offer'>): void {
    const [endpoint, tracks, slots] = [this.#endpoint, this.#tracks, this.#slots];
    if (!this.#joined || endpoint === undefined || tracks === undefined || slots === undefined) {
      this.#respond(request.request, { code: 'not-in-room' });
      return;
    }
    const parsed = parseOffer(request.sdp);
    if (!parsed.ok) {
      this.#respond(request.request, parsed.error);
      return;
    }
    const plan = planOffer(request, parsed.offer, this.#environment.maxReceivers);
    if ('code' in plan) {
      this.#respond(request.request, plan);
      return;
    }
    const { senders, receivers } = plan;
    const answer = this.#negotiation.answer(parsed.offer, {
      use: ({ mid }) => (senders.has(mid) ? 'receive' : receivers.has(mid) ? 'send' : undefined),
      // Sources change under a slot, so no two slots belong together for good.
      msid: ({ mid }) => ({ stream: `slot-${safe(mid)}`, track: `track-${safe(mid)}` }),
      allOrNothing: false,
      publishesLater: true,
    });
    if (!answer.ok) {
      this.#respond(request.request, answer.error);
      return;
    }
    const { media } = answer.session;
    const receiving = media.filter(({ direction }) => direction === 'receive').map(({ mid }) => mid);
    tracks.declare(new Map([...senders].filter(([mid]) => receiving.includes(mid))));
    const added = slots.declare(
      media.flatMap(({ mid, kind, direction, extensions }) => {
        const use = receivers.get(mid);
        const descriptors = extensions['dependency-descriptor'] !== undefined;
        return direction === 'send' && use !== undefined ? [{ mid, kind, use, descriptors }] : [];
      }),
    );
    for (const { mid, track } of added) this.#negotiation.transport?.bindSlot(mid, endpoint.id, track);
    this.#client.send({
      type: 'response',
      request: request.request,
      result: 'answer',
      sdp: answer.sdp,
    });
  }

  async #pass(
    request: Exclude<SessionRequest, { type: 'join' | 'offer' }>,
  ): Promise<ProtocolError | undefined> {
    const [endpoint, tracks, slots] = [this.#endpoint, this.#tracks, this.#slots];
    if (!this.#joined || endpoint === undefined || tracks === undefined || slots === undefined)
      return { code: 'not-in-room' };
    switch (request.type) {
      case 'receiver-attach':
        return slots.attach(request.mid, request.source, request.config);
      case 'receiver-config':
        return slots.configure(request.mid, request.config);
      case 'receiver-detach':
        return slots.detach(request.mid);
      case 'mixer-config':
        return slots.configureMixer(request);
      case 'sender-update': {
        const { type: _type, request: _request, name, ...change } = request;
        return tracks.update(name, change);
      }
      case 'leave': {
        const error = await endpoint.request({ type: 'leave' });
        this.#onLeft();
        return error;
      }
      case 'update-peer':
      case 'subscribe-peer':
      case 'unsubscribe-peer':
      case 'channel-subscribe':
      case 'channel-unsubscribe':
      case 'channel-publish-start':
      case 'channel-publish-stop':
      case 'channel-publish':
        // The link numbers its requests itself.
        return endpoint.request(request);
    }
  }

  #openEndpoint(): LinkEndpoint {
    if (this.#endpoint !== undefined) return this.#endpoint;
    const endpoint = this.#environment.core.openEndpoint('sdk', this.#address, {
      onEvent: (event) => this.#events.onEvent(event),
    });
    this.#endpoint = endpoint;
    this.#slots = new LocalSlots(endpoint);
    this.#tracks = new RemoteTracks(endpoint, (name, error) =>
      this.#client.send({
        type: 'error',
        error: explain({ ...error, detail: `sender ${name}: ${error.detail ?? error.code}` }),
      }),
    );
    return endpoint;
  }

  #onLeft(): void {
    this.#joined = false;
    this.#tracks?.onLeft();
    this.#slots?.onLeft();
  }

  /** A bug ends this session, and nothing else. */
  #fail(): void {
    if (this.#closed) return;
    this.close();
    this.#client.close('internal-error');
  }

  #onCoreClosed(error: ProtocolError): void {
    this.#client.send({ type: 'closed', error: explain(error) });
    this.close();
    this.#client.close(error.code);
  }

  #transportListener(): PeerListener {
    return {
      onConnected: () => this.#slots?.onConnected(),
      onClosed: (reason) => {
        if (this.#closed) return;
        this.close();
        // Not `closed`: the SDK shall try again.
        this.#client.close(`media ${reason}`);
      },
      onMedia: (mid, packet) => this.#tracks?.onMedia(mid, packet),
      onTrackFacts: (mid, codec, layers) => this.#tracks?.onTrackFacts(mid, codec, layers),
      onKeyframeRequest: (mid) => this.#slots?.requestKeyframe(mid),
      onEstimate: (bitrateBps, congested) =>
        this.#endpoint?.control({ type: 'egress-estimate', bitrateBps, congested }),
      onData: (label, data) => {
        if (!this.#joined || data.length > MESSAGE_MAX_BYTES) return;
        this.#endpoint?.control({ type: 'channel-publish', label, data });
      },
    };
  }

  #respond(request: number, error: ProtocolError | undefined): void {
    if (this.#closed) return;
    this.#client.send({
      type: 'response',
      request,
      ...(error === undefined ? {} : { error: explain(error) }),
    });
  }
}

function checkJoin(request: Request<'join'>): ProtocolError | undefined {
  if (request.protocol !== SESSION_PROTOCOL)
    return {
      code: 'invalid-request',
      detail: `protocol ${request.protocol}: ${SESSION_PROTOCOL} is spoken here`,
    };
  if (!isName(request.room)) return { code: 'invalid-name', detail: 'room' };
  if (!isName(request.peer)) return { code: 'invalid-name', detail: 'peer' };
  return undefined;
}

/** A mid as part of an `msid`. */
const safe = (mid: string): string => mid.replace(/[^A-Za-z0-9-]/g, '-');
