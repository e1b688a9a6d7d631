import type { ProtocolError } from '@switchyard/shared/protocol';
import type {
  IceCredentials,
  NegotiatedSession,
  PeerListener,
  PeerTransport,
  ServerCandidate,
} from '../peer-contract.ts';
import { writeAnswer } from '../sdp/sdp-answer.ts';
import { type NegotiationPlan, negotiate } from '../sdp/sdp-negotiation.ts';
import type { Offer } from '../sdp/sdp-offer.ts';
import type { SessionEnvironment } from './session-environment.ts';

export type AnswerResult =
  | { readonly ok: true; readonly sdp: string; readonly session: NegotiatedSession }
  | { readonly ok: false; readonly error: ProtocolError };

export type PlanOfOffer = Pick<NegotiationPlan, 'use' | 'msid' | 'allOrNothing' | 'publishesLater'>;

/** One client's offers and answers over time, and the transport that carries them out: made by the first that succeeds. */
export class PeerNegotiation {
  readonly #environment: SessionEnvironment;
  readonly #listener: PeerListener;
  readonly #cname: string;
  readonly #originId: string;
  #version = 0;
  #transport: PeerTransport | undefined;
  #session: NegotiatedSession | undefined;
  #room = '';
  #closed = false;

  constructor(environment: SessionEnvironment, listener: PeerListener) {
    this.#environment = environment;
    this.#listener = listener;
    this.#cname = environment.newSuffix(16);
    this.#originId = String(environment.newSsrc());
  }

  /** Undefined before the first answer. */
  get transport(): PeerTransport | undefined {
    return this.#transport;
  }

  get session(): NegotiatedSession | undefined {
    return this.#session;
  }

  get candidates(): readonly ServerCandidate[] {
    return this.#environment.transports.candidates;
  }

  /** The client is in this room now: its viewers' playout delay holds for it. */
  joined(room: string): void {
    this.#room = room;
    this.#applyRoom();
  }

  /** Answers an offer, the first or a later one. A refused offer changes nothing. */
  answer(offer: Offer, plan: PlanOfOffer): AnswerResult {
    if (this.#closed) return { ok: false, error: { code: 'unknown-endpoint' } };
    const previous = this.#session;
    const result = negotiate(offer, {
      ...plan,
      previous,
      cname: this.#cname,
      newSsrc: () => this.#environment.newSsrc(),
    });
    if (!result.ok) return result;
    this.#transport ??= this.#environment.transports.createPeer(this.#listener);
    if (previous !== undefined && changesIce(previous, offer)) this.#transport.restartIce();
    this.#session = result.session;
    this.#transport.apply(result.session);
    this.#applyRoom();
    this.#version += 1;
    const sdp = writeAnswer(offer, {
      session: result.session,
      answers: result.answers,
      credentials: this.#transport.credentials,
      fingerprint: this.#environment.transports.fingerprint,
      candidates: this.candidates,
      originId: this.#originId,
      version: this.#version,
    });
    return { ok: true, sdp, session: result.session };
  }

  /** Whether these are the client's current ICE credentials: trickle then, otherwise a restart. */
  hasRemoteCredentials(ufrag: string, password: string): boolean {
    return this.#session?.remoteUfrag === ufrag && this.#session.remotePassword === password;
  }

  /** ICE restart without an offer (RFC 9725 §4.3.3). @returns The server's new credentials. */
  restartIce(ufrag: string, password: string): IceCredentials | undefined {
    if (this.#session === undefined || this.#transport === undefined) return undefined;
    const credentials = this.#transport.restartIce();
    this.#session = { ...this.#session, remoteUfrag: ufrag, remotePassword: password };
    this.#transport.apply(this.#session);
    return credentials;
  }

  #applyRoom(): void {
    const delay = this.#environment.playoutDelays.of(this.#room);
    if (delay !== undefined) this.#transport?.setPlayoutDelay(delay.minMs, delay.maxMs);
  }

  close(): void {
    this.#closed = true;
    this.#transport?.close();
  }
}

const changesIce = (previous: NegotiatedSession, offer: Offer): boolean =>
  previous.remoteUfrag !== offer.ufrag || previous.remotePassword !== offer.password;
