import type { EndpointEvent } from '@switchyard/shared/protocol';
import type { LinkEndpoint } from '@switchyard/shared/runtime';
import type { NegotiatedSession, PeerListener } from '../peer-contract.ts';
import type { IceFragment } from '../sdp/ice-fragment.ts';
import { type HttpSession, IceResource, type OpenHttpSession, type PatchResult } from './http-session.ts';
import { RemoteTracks, type TrackDeclaration } from './remote-tracks.ts';
import type { SessionEnvironment } from './session-environment.ts';

/** Added per audio track to the limit of the video tracks: REMB counts them together. Bits per second. */
const AUDIO_HEADROOM_BPS = 64_000;

/** Joins the room as a publisher and answers its offer (RFC 9725 §4.2). A session of the same room and peer is replaced. */
export const openWhipSession: OpenHttpSession = async (environment, request, onEnd) => {
  const { room, token, peer } = request;
  const admission = await environment.access.admit({ token, room, peer, needs: ['publish'] });
  if (!admission.ok) return admission;
  const { access } = admission;
  const session = new WhipSession(environment, request.address, onEnd);
  const error = await session.endpoint.request({
    type: 'join',
    app: access.app,
    room,
    peer: peer ?? access.peer ?? `whip-${environment.newSuffix(6)}`,
    publish: { peer: true, tracks: true },
    subscribe: { peers: false, tracks: false },
    permissions: access.permissions,
    replace: true,
  });
  const answer = error === undefined ? session.negotiate(request.offer) : { ok: false as const, error };
  if (answer.ok) return { ok: true, session };
  session.close();
  return answer;
};

/** One WHIP publisher: its tracks are `audio_main` and `video_main`. */
class WhipSession implements HttpSession {
  readonly id: string;
  readonly endpoint: LinkEndpoint;
  readonly #ice: IceResource;
  readonly #tracks: RemoteTracks;
  readonly #onEnd: (session: HttpSession) => void;
  #answer = '';
  #audioTracks = 0;
  #closed = false;

  constructor(
    environment: SessionEnvironment,
    address: string | undefined,
    onEnd: (session: HttpSession) => void,
  ) {
    this.id = environment.newToken();
    this.#onEnd = onEnd;
    this.#ice = new IceResource(environment, this.#transportListener());
    this.endpoint = environment.core.openEndpoint('whip', address, {
      onEvent: (event) => this.#onEvent(event),
    });
    this.#tracks = new RemoteTracks(this.endpoint, () => this.#end());
  }

  get etag(): string {
    return this.#ice.etag;
  }

  get answer(): string {
    return this.#answer;
  }

  negotiate(
    offer: Parameters<IceResource['negotiation']['answer']>[0],
  ): ReturnType<IceResource['negotiation']['answer']> {
    const result = this.#ice.negotiation.answer(offer, {
      use: () => 'receive',
      msid: ({ mid }) => ({ stream: 'switchyard', track: mid }),
      allOrNothing: true,
      publishesLater: false,
    });
    if (!result.ok) return result;
    this.#answer = result.sdp;
    this.#tracks.declare(declarationsOf(result.session));
    this.#audioTracks = result.session.media.filter(({ kind }) => kind === 'audio').length;
    return result;
  }

  patch(fragment: IceFragment, ifMatch: string | undefined): PatchResult {
    return this.#ice.patch(fragment, ifMatch);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.endpoint.close();
    this.#ice.negotiation.close();
  }

  #end(): void {
    if (this.#closed) return;
    this.close();
    this.#onEnd(this);
  }

  #onEvent(event: EndpointEvent): void {
    switch (event.type) {
      case 'closed':
        this.#end();
        return;
      case 'remote-track-keyframe-request': {
        const mid = this.#tracks.midOf(event.track);
        if (mid !== undefined) this.#ice.negotiation.transport?.requestKeyframe(mid, event.spatial);
        return;
      }
      case 'remote-track-limit': {
        const videoBps = this.#tracks.limit(event.track, event.maxBps);
        this.#ice.negotiation.transport?.limitIngress(videoBps + this.#audioTracks * AUDIO_HEADROOM_BPS);
        return;
      }
      default:
        // A publisher subscribes to nothing; there is nobody to tell of the rest.
        return;
    }
  }

  #transportListener(): PeerListener {
    return {
      onConnected: () => {},
      onClosed: () => this.#end(),
      onMedia: (mid, packet) => this.#tracks.onMedia(mid, packet),
      onTrackFacts: (mid, codec, layers) => this.#tracks.onTrackFacts(mid, codec, layers),
      onKeyframeRequest: () => {},
      onEstimate: () => {},
      onData: () => {},
    };
  }
}

/** `audio_main`, `video_main`; a second m-line of a kind is `audio_2`, and so on. WHIP publishers keep their full bitrate. */
function declarationsOf(session: NegotiatedSession): ReadonlyMap<string, TrackDeclaration> {
  const declarations = new Map<string, TrackDeclaration>();
  const count = { audio: 0, video: 0 };
  for (const { mid, kind, direction } of session.media) {
    if (direction !== 'receive') continue;
    count[kind] += 1;
    const name = count[kind] === 1 ? `${kind}_main` : `${kind}_${count[kind]}`;
    declarations.set(mid, { name, bitrateMode: 'max' });
  }
  return declarations;
}
