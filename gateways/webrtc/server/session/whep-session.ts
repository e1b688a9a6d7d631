import {
  DEFAULT_LOCAL_TRACK_CONFIG,
  type EndpointEvent,
  type LayerFlow,
  type LocalTrackConfig,
  type ProtocolError,
  type TrackId,
  type TrackSource,
  trackId,
} from '@switchyard/shared/protocol';
import type { Access, LinkEndpoint } from '@switchyard/shared/runtime';
import type { NegotiatedMedia, PeerListener } from '../peer-contract.ts';
import type { IceFragment } from '../sdp/ice-fragment.ts';
import type { Offer } from '../sdp/sdp-offer.ts';
import {
  type HttpSession,
  type HttpSessionRequest,
  IceResource,
  type OpenHttpSession,
  type PatchResult,
  type WhepViewer,
} from './http-session.ts';
import { configOf, type LayerWish, parseLayerQuery } from './layer-wish.ts';
import { writeLayers } from './layers-event.ts';
import type { SessionEnvironment } from './session-environment.ts';
import { ViewerNews } from './viewer-news.ts';
import { WhepFollower } from './whep-follower.ts';

const AUDIO_TRACK: TrackId = trackId(1);
const VIDEO_TRACK: TrackId = trackId(2);

/**
 * Joins the room unseen, as a viewer, and answers its offer. A room without publishers is fine: it plays as soon as
 * someone publishes.
 */
export const openWhepSession: OpenHttpSession = async (environment, request, onEnd) => {
  const { room, token } = request;
  const wish = parseLayerQuery(request.query);
  if ('error' in wish) return { ok: false, error: wish.error };
  const admission = await environment.access.admit({ token, room, needs: ['subscribe'] });
  if (!admission.ok) return admission;
  const config = configOf(wish.value, undefined);
  if ('error' in config) return { ok: false, error: config.error };
  const session = new WhepSession(environment, request, config.value, onEnd);
  const error = (await session.join(room, admission.access)) ?? session.negotiate(request.offer);
  if (error === undefined) return { ok: true, session };
  session.close();
  return { ok: false, error };
};

/** One WHEP viewer: one slot for audio, one for video, whose sources follow the room. */
class WhepSession implements HttpSession, WhepViewer {
  readonly id: string;
  readonly news: ViewerNews = new ViewerNews((isWatched) => this.#observe(isWatched));
  readonly #environment: SessionEnvironment;
  readonly #endpoint: LinkEndpoint;
  readonly #ice: IceResource;
  readonly #onEnd: (session: HttpSession) => void;
  /** The one peer that is watched; undefined: whoever speaks. */
  readonly #watched: string | undefined;
  readonly #follower: WhepFollower;
  #audio: NegotiatedMedia | undefined;
  #video: NegotiatedMedia | undefined;
  #audioSource: TrackSource | undefined;
  #videoSource: TrackSource | undefined;
  /** An event stream wants to know what flows of the source. */
  #isObserved = false;
  #flowing: readonly LayerFlow[] | undefined;
  #config: LocalTrackConfig;
  /** Index of the picture's m-line, as the layer extension names it. */
  #mediaId = '';
  #answer = '';
  #connected = false;
  #closed = false;
  /** What the timer waits for; `Infinity`: there is none. */
  #dueMs = Number.POSITIVE_INFINITY;
  #cancelTimer: () => void = () => {};

  constructor(
    environment: SessionEnvironment,
    request: HttpSessionRequest,
    config: LocalTrackConfig,
    onEnd: (session: HttpSession) => void,
  ) {
    this.#config = config;
    this.id = environment.newToken();
    this.#environment = environment;
    this.#onEnd = onEnd;
    this.#watched = request.peer;
    this.#follower = new WhepFollower(
      (codec) => codec === 'opus' || (this.#video?.codecs.some((each) => each.codec === codec) ?? false),
    );
    this.#ice = new IceResource(environment, this.#transportListener());
    this.#endpoint = environment.core.openEndpoint('whep', request.address, {
      onEvent: (event) => this.#onEvent(event),
    });
  }

  get etag(): string {
    return this.#ice.etag;
  }

  get answer(): string {
    return this.#answer;
  }

  get viewer(): WhepViewer {
    return this;
  }

  async join(room: string, { app, permissions }: Access): Promise<ProtocolError | undefined> {
    const all = this.#watched === undefined;
    this.#ice.negotiation.joined(room);
    return this.#endpoint.request({
      type: 'join',
      app,
      room,
      peer: `whep-${this.#environment.newSuffix(6)}`,
      publish: { peer: false, tracks: false },
      subscribe: { peers: all, tracks: all },
      permissions,
      replace: true,
    });
  }

  /** Answers the offer, and starts to follow the room. */
  negotiate(offer: Offer): ProtocolError | undefined {
    const isFirst = (mid: string, type: string): boolean =>
      offer.media.find((media) => media.type === type && !media.rejected && media.direction !== 'sendonly')
        ?.mid === mid;
    const { negotiation } = this.#ice;
    const result = negotiation.answer(offer, {
      use: ({ mid, type }) => (isFirst(mid, type) ? 'send' : undefined),
      // One stream: the viewer keeps lips in sync.
      msid: ({ type }) => ({ stream: 'switchyard', track: type }),
      allOrNothing: true,
      publishesLater: false,
    });
    if (!result.ok) return result.error;
    this.#answer = result.sdp;
    const sending = result.session.media.filter(({ direction }) => direction === 'send');
    this.#audio = sending.find(({ kind }) => kind === 'audio');
    this.#video = sending.find(({ kind }) => kind === 'video');
    this.#mediaId = String(offer.media.findIndex(({ mid }) => mid === this.#video?.mid));
    if (this.#audio !== undefined) {
      negotiation.transport?.bindSlot(this.#audio.mid, this.#endpoint.id, AUDIO_TRACK);
      if (this.#watched === undefined)
        this.#endpoint.control({ type: 'mixer-attach', mode: 'auto', slots: [AUDIO_TRACK] });
    }
    if (this.#video !== undefined)
      negotiation.transport?.bindSlot(this.#video.mid, this.#endpoint.id, VIDEO_TRACK);
    if (this.#watched !== undefined) this.#endpoint.control({ type: 'subscribe-peer', peer: this.#watched });
    for (const event of this.#early.splice(0)) this.#follow(event);
    return undefined;
  }

  patch(fragment: IceFragment, ifMatch: string | undefined): PatchResult {
    return this.#ice.patch(fragment, ifMatch);
  }

  async select(wish: LayerWish): Promise<ProtocolError | undefined> {
    if (this.#video === undefined) return { code: 'unknown-track', detail: 'no m-line plays a picture' };
    if (wish.mediaId !== undefined && wish.mediaId !== this.#mediaId)
      return { code: 'unknown-track', detail: `m-line ${wish.mediaId} plays no picture` };
    const before = this.#config;
    const wanted = configOf(wish, this.#follower.videoLayers, this.#flowing);
    if ('error' in wanted) return wanted.error;
    this.#config = wanted.value;
    if (this.#videoSource === undefined) return undefined;
    const error = await this.#endpoint.request({
      type: 'local-track-config',
      track: VIDEO_TRACK,
      config: this.#config,
    });
    if (error !== undefined && this.#config === wanted.value) this.#config = before;
    return error;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelTimer();
    this.news.close();
    this.#endpoint.close();
    this.#ice.negotiation.close();
  }

  /** What the room told between join and answer, when it was not known yet what the viewer can play. */
  readonly #early: EndpointEvent[] = [];

  #onEvent(event: EndpointEvent): void {
    if (this.#closed) return;
    if (event.type === 'closed') {
      this.close();
      this.#onEnd(this);
    } else if (this.#ice.negotiation.session === undefined) {
      this.#early.push(event);
    } else {
      this.#follow(event);
    }
  }

  #follow(event: EndpointEvent): void {
    const nowMs = this.#environment.nowMs();
    switch (event.type) {
      case 'track-started':
        this.#follower.onTrackStarted(event.peer, event.info, nowMs);
        break;
      case 'track-updated':
        this.#follower.onTrackUpdated(event.peer, event.info);
        break;
      case 'track-stopped':
        this.#follower.onTrackStopped(event.peer, event.track, nowMs);
        break;
      case 'peer-left':
        this.#follower.onPeerLeft(event.peer, nowMs);
        break;
      case 'active-speaker':
        this.#follower.onActiveSpeaker(event.source?.peer, nowMs);
        break;
      case 'local-track-status':
        // Who asked for one peer gets that peer, whatever it sends.
        if (event.track !== VIDEO_TRACK || this.#watched !== undefined) return;
        this.#follower.onSilence(event.reason === 'source-silent', nowMs);
        break;
      case 'source-layers':
        if (this.#videoSource !== undefined) this.#flowing = event.layers;
        this.#tell();
        return;
      case 'estimate-config':
        this.#ice.negotiation.transport?.setDemand(event.currentBps, event.desiredBps);
        return;
      default:
        return;
    }
    this.#apply();
  }

  /** What the follower decided. */
  #apply(): void {
    this.#attach();
    this.#tell();
    const { deadlineMs } = this.#follower;
    if (deadlineMs === this.#dueMs) return;
    this.#cancelTimer();
    this.#dueMs = deadlineMs;
    if (deadlineMs === Number.POSITIVE_INFINITY) return;
    this.#cancelTimer = this.#environment.after(deadlineMs - this.#environment.nowMs(), () => {
      this.#dueMs = Number.POSITIVE_INFINITY;
      this.#follower.tick(this.#environment.nowMs());
      this.#apply();
    });
  }

  #tell(): void {
    const { video, audio, videoLayers } = this.#follower;
    const known = videoLayers ?? (this.news.layers === undefined ? undefined : []);
    this.news.tell(
      video !== undefined || audio !== undefined,
      this.#video === undefined || known === undefined
        ? undefined
        : writeLayers(this.#mediaId, known, this.#flowing),
    );
  }

  /** Only once media can flow: the first thing that the viewer gets is then a keyframe. */
  #attach(): void {
    if (!this.#connected) return;
    if (this.#audio !== undefined && this.#watched !== undefined)
      this.#audioSource = this.#switchTo(AUDIO_TRACK, 'audio', this.#audioSource, this.#follower.audio);
    if (this.#video !== undefined)
      this.#videoSource = this.#switchTo(VIDEO_TRACK, 'video', this.#videoSource, this.#follower.video);
  }

  #switchTo(
    track: TrackId,
    kind: 'audio' | 'video',
    from: TrackSource | undefined,
    to: TrackSource | undefined,
  ): TrackSource | undefined {
    if (from?.peer === to?.peer && from?.track === to?.track) return from;
    if (kind === 'video') this.#flowing = undefined;
    if (to === undefined) this.#endpoint.control({ type: 'local-track-detach', track });
    else this.#attachTo(track, kind, to);
    return to;
  }

  #attachTo(track: TrackId, kind: 'audio' | 'video', source: TrackSource): void {
    const isVideo = kind === 'video';
    this.#endpoint.control({
      type: 'local-track-attach',
      track,
      kind,
      source,
      config: isVideo ? this.#config : DEFAULT_LOCAL_TRACK_CONFIG,
      descriptors: isVideo && this.#video?.extensions['dependency-descriptor'] !== undefined,
      observe: isVideo && this.#isObserved,
    });
  }

  #observe(isObserved: boolean): void {
    this.#isObserved = isObserved;
    this.#flowing = undefined;
    if (this.#videoSource !== undefined) this.#attachTo(VIDEO_TRACK, 'video', this.#videoSource);
  }

  #requestKeyframe(): void {
    if (this.#videoSource !== undefined)
      this.#endpoint.control({ type: 'local-track-keyframe-request', track: VIDEO_TRACK });
  }

  #transportListener(): PeerListener {
    return {
      onConnected: () => {
        this.#connected = true;
        this.#attach();
      },
      onClosed: () => {
        if (this.#closed) return;
        this.close();
        this.#onEnd(this);
      },
      onMedia: () => {},
      onTrackFacts: () => {},
      onKeyframeRequest: () => this.#requestKeyframe(),
      onEstimate: (bitrateBps, congested) =>
        this.#endpoint.control({ type: 'egress-estimate', bitrateBps, congested }),
      onData: () => {},
    };
  }
}
