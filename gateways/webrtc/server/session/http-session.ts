import type { ProtocolError } from '@switchyard/shared/protocol';
import type { PeerListener } from '../peer-contract.ts';
import { type IceFragment, writeIceFragment } from '../sdp/ice-fragment.ts';
import type { Offer } from '../sdp/sdp-offer.ts';
import type { LayerWish } from './layer-wish.ts';
import { PeerNegotiation } from './peer-negotiation.ts';
import type { SessionEnvironment } from './session-environment.ts';
import type { ViewerNews } from './viewer-news.ts';

/** What a POST asked for. */
export interface HttpSessionRequest {
  readonly room: string;
  /** `?peer=`: the publisher's name (WHIP), or whom to watch (WHEP). */
  readonly peer: string | undefined;
  /** Parameters of the URL, as they came. */
  readonly query: Readonly<Record<string, unknown>>;
  readonly token: string | undefined;
  /** Address of the client. */
  readonly address: string | undefined;
  readonly offer: Offer;
}

export type PatchResult =
  | { readonly ok: true; readonly restart: undefined }
  | { readonly ok: true; readonly restart: { readonly fragment: string; readonly etag: string } }
  | { readonly ok: false; readonly precondition: 412 | 428 };

/** What the holder of a WHEP session may choose and be told of (draft-murillo-whep §4.7). */
export interface WhepViewer {
  readonly news: ViewerNews;
  /** Limits the layers of the picture; an empty wish returns to automatic. @returns What is wrong with it. */
  select(wish: LayerWish): Promise<ProtocolError | undefined>;
}

/** One WHIP or WHEP session as its HTTP resource. */
export interface HttpSession {
  /** Unguessable: knowing it is the permission to end the session. */
  readonly id: string;
  readonly etag: string;
  readonly answer: string;
  /** Of a WHEP session. */
  readonly viewer?: WhepViewer;
  /** Trickle ICE or ICE restart (RFC 9725 §4.3). */
  patch(fragment: IceFragment, ifMatch: string | undefined): PatchResult;
  /** Ends the session. Idempotent. */
  close(): void;
}

export type HttpSessionResult =
  | { readonly ok: true; readonly session: HttpSession }
  | { readonly ok: false; readonly error: ProtocolError };

/**
 * Opens a session, or says why not.
 * @param onEnd Called once when the session ends by itself: the client vanished, or the core closed it.
 */
export type OpenHttpSession = (
  environment: SessionEnvironment,
  request: HttpSessionRequest,
  onEnd: (session: HttpSession) => void,
) => Promise<HttpSessionResult>;

/** The ICE session behind an HTTP resource: its entity tag names the current credentials. */
export class IceResource {
  readonly negotiation: PeerNegotiation;
  readonly #environment: SessionEnvironment;
  #etag: string;

  constructor(environment: SessionEnvironment, listener: PeerListener) {
    this.#environment = environment;
    this.negotiation = new PeerNegotiation(environment, listener);
    this.#etag = this.#newEtag();
  }

  get etag(): string {
    return this.#etag;
  }

  patch(fragment: IceFragment, ifMatch: string | undefined): PatchResult {
    const current = this.negotiation.hasRemoteCredentials(fragment.ufrag, fragment.password);
    const any = ifMatch === '*' || ifMatch === '"*"';
    if (ifMatch === undefined) return { ok: false, precondition: 428 };
    if (!any && !entityTags(ifMatch).includes(this.#etag)) return { ok: false, precondition: 412 };
    if (current) return { ok: true, restart: undefined };
    const credentials = this.negotiation.restartIce(fragment.ufrag, fragment.password);
    if (credentials === undefined) return { ok: false, precondition: 412 };
    this.#etag = this.#newEtag();
    const mid = this.negotiation.session?.media[0]?.mid ?? '0';
    return {
      ok: true,
      restart: {
        fragment: writeIceFragment(credentials, this.negotiation.candidates, mid),
        etag: this.#etag,
      },
    };
  }

  #newEtag(): string {
    return `"${this.#environment.newSuffix(12)}"`;
  }
}

/** Tags of an `If-Match` header (RFC 9110 §13.1.1). Weak ones never match. */
const entityTags = (header: string): readonly string[] => header.split(',').map((tag) => tag.trim());
