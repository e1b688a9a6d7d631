import { emptyMediaPacket, type MediaPacket, readPayload } from '@switchyard/shared/media';
import {
  type EndpointEvent,
  ERROR_CODES,
  isName,
  type ProtocolError,
  type TrackId,
  trackId,
} from '@switchyard/shared/protocol';
import type { Access, AccessControl, CorePort, LinkEndpoint, Logger } from '@switchyard/shared/runtime';
import type { CallSession, IncomingCall } from './driver/sip-driver.ts';
import type { MediaThread } from './media/media-thread.ts';
import {
  answerOffer,
  type LocalMedia,
  makeOffer,
  type NegotiatedAudio,
  readAnswer,
} from './sdp-negotiation.ts';

/** Speakers that a phone hears at a time. */
export const MIXER_SLOTS: readonly TrackId[] = [trackId(1), trackId(2), trackId(3)];
const VOICE: TrackId = trackId(1);
const NAME_LETTERS = /[^A-Za-z0-9._~@+-]/g;
const NAME_USER_MAX = 48;

export interface CallHome {
  readonly core: CorePort;
  readonly access: AccessControl;
  readonly media: MediaThread;
  readonly logger: Logger;
  /** Address that phones are told to send RTP to. */
  readonly mediaAddress: string;
  /** `length` random hexadecimal digits. */
  newSuffix(length: number): string;
  nowMs(): number;
  gone(call: Call): void;
}

/** One phone in a room: its dialog, its endpoint in the core and its media. */
export class Call {
  readonly id: number;
  readonly #incoming: IncomingCall;
  readonly #home: CallHome;
  readonly #packet: MediaPacket = emptyMediaPacket('opus');
  #endpoint: LinkEndpoint | undefined;
  #session: CallSession | undefined;
  #local: LocalMedia | undefined;
  #audio: NegotiatedAudio | undefined;
  #ended = false;

  constructor(id: number, incoming: IncomingCall, home: CallHome) {
    this.id = id;
    this.#incoming = incoming;
    this.#home = home;
    incoming.onCancel = () => this.#end('cancelled');
  }

  /** Number of its endpoint on the link; undefined before the call is in a room. */
  get endpointId(): number | undefined {
    return this.#endpoint?.id;
  }

  /** Takes the call into its room, or says why not in a phone's words. */
  async accept(): Promise<void> {
    const { info } = this.#incoming;
    if (!isName(info.target)) {
      this.#reject(404, 'No Such Room');
      return;
    }
    const { token, target: room } = info;
    // With either one the call makes sense: a speaker who hears nobody, a listener who is not heard.
    const admission = await this.#home.access.admit({ token, room, needs: ['publish', 'subscribe'] });
    if (this.#ended) return;
    if (!admission.ok) {
      this.#rejectWith(admission.error);
      return;
    }
    const port = this.#checkOffer() ? await this.#openMedia() : undefined;
    if (port === undefined || this.#ended) return;
    this.#local = {
      address: this.#home.mediaAddress,
      port,
      sessionId: Math.floor(this.#home.nowMs()),
      version: 1,
    };
    this.#incoming.ring();
    const error = await this.#join(info.target, admission.access);
    if (this.#ended) return;
    if (error !== undefined) this.#rejectWith(error);
    else this.#answer(this.#local, admission.access);
  }

  /** Ends the call from this side. Idempotent. */
  hangup(): void {
    if (this.#ended) return;
    if (this.#session === undefined) this.#incoming.reject(503, 'Service Unavailable');
    this.#session?.hangup();
    this.#end('ended by the server');
  }

  /** The offer is looked at before anybody is bothered. */
  #checkOffer(): boolean {
    const { offer } = this.#incoming.info;
    if (offer === undefined) return true;
    const trial = answerOffer(offer, { address: this.#home.mediaAddress, port: 9, sessionId: 1, version: 1 });
    if (trial.ok) return true;
    this.#reject(trial.status, trial.reason);
    return false;
  }

  async #openMedia(): Promise<number | undefined> {
    const port = await this.#home.media.open(this.id, MIXER_SLOTS, {
      onVoice: (payload, timestamp, levelDbov) => this.#speak(payload, timestamp, levelDbov),
      onSilent: () => {
        this.#home.logger.info({ call: this.id }, 'no RTP: hanging up');
        this.hangup();
      },
    });
    if (port === undefined && !this.#ended) this.#reject(503, 'No RTP Port Free');
    return port;
  }

  async #join(room: string, access: Access): Promise<ProtocolError | undefined> {
    const { info } = this.#incoming;
    const { core, logger } = this.#home;
    const endpoint = core.openEndpoint('sip', info.address, { onEvent: (event) => this.#onEvent(event) });
    this.#endpoint = endpoint;
    const user = info.from.replace(NAME_LETTERS, '').slice(0, NAME_USER_MAX) || 'phone';
    const peer = access.peer ?? `${user}-${this.#home.newSuffix(4)}`;
    const metadata = info.displayName === '' ? {} : { metadata: JSON.stringify({ name: info.displayName }) };
    const error = await endpoint.request({
      type: 'join',
      app: access.app,
      room,
      peer,
      ...metadata,
      publish: { peer: true, tracks: true },
      subscribe: { peers: false, tracks: false },
      permissions: access.permissions,
      replace: false,
    });
    if (error !== undefined) return error;
    logger.info({ call: this.id, room, peer, transport: info.transport }, 'call');
    return undefined;
  }

  #answer(local: LocalMedia, { permissions }: Access): void {
    const { offer } = this.#incoming.info;
    const negotiated = offer === undefined ? undefined : answerOffer(offer, local);
    if (negotiated?.ok === false) {
      this.#reject(negotiated.status, negotiated.reason);
      return;
    }
    this.#session = this.#incoming.answer(negotiated?.answer ?? makeOffer(local), {
      onAnswer: (sdp) => {
        const audio = readAnswer(sdp);
        if (audio === undefined) this.hangup();
        else this.#negotiated(audio);
      },
      onReoffer: (sdp) => this.#reoffer(sdp),
      onEnded: (reason) => this.#end(reason),
    });
    if (this.#ended) return;
    const endpoint = this.#endpoint;
    if (permissions.publish)
      endpoint?.control({
        type: 'remote-track-start',
        track: VOICE,
        info: { name: 'audio_main', kind: 'audio', codec: 'opus', layers: [] },
      });
    if (permissions.subscribe) endpoint?.control({ type: 'mixer-attach', mode: 'auto', slots: MIXER_SLOTS });
    if (negotiated !== undefined) this.#negotiated(negotiated.audio);
  }

  /** re-INVITE: hold, resume, another codec or address (RFC 3264 §8). */
  #reoffer(offer: string | undefined): { readonly sdp: string } | { readonly status: number } {
    if (this.#local === undefined) return { status: 491 };
    this.#local = { ...this.#local, version: this.#local.version + 1 };
    if (offer === undefined) return { sdp: makeOffer(this.#local) };
    const negotiated = answerOffer(offer, this.#local);
    if (!negotiated.ok) return { status: negotiated.status };
    this.#negotiated(negotiated.audio);
    return { sdp: negotiated.answer };
  }

  #negotiated(audio: NegotiatedAudio): void {
    if (this.#audio?.direction !== audio.direction)
      this.#home.logger.info({ call: this.id, codec: audio.codec, direction: audio.direction }, 'media');
    this.#audio = audio;
    this.#home.media.negotiated(this.id, audio);
  }

  #speak(payload: Uint8Array, timestamp: number, levelDbov: number): void {
    const packet = this.#packet;
    packet.seq = (packet.seq + 1) & 0xffff;
    packet.timestamp = timestamp;
    packet.captureMs = this.#home.nowMs();
    packet.audioLevel = levelDbov;
    packet.payload = payload;
    if (readPayload(packet)) this.#endpoint?.media(VOICE, packet);
  }

  #onEvent(event: EndpointEvent): void {
    if (event.type === 'mixer-slot-unset') this.#home.media.setSlot(this.id, event.track, undefined);
    else if (event.type === 'mixer-slot-set') {
      const { peer, track } = event.source;
      this.#home.media.setSlot(this.id, event.track, `${this.#incoming.info.target}/${peer}/${track}`);
    } else if (event.type === 'closed' || event.type === 'error') {
      // A call asks for its voice and its mix: without one of them it is no conversation.
      this.#home.logger.info({ call: this.id, error: event.error }, 'ended by the core');
      this.hangup();
    }
  }

  #rejectWith(error: ProtocolError): void {
    const { sipStatus, sentence } = ERROR_CODES[error.code];
    this.#reject(sipStatus, sentence);
  }

  #reject(status: number, reason: string): void {
    this.#incoming.reject(status, reason);
    this.#end(`refused with ${status}`);
  }

  #end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#endpoint?.close();
    this.#home.media.close(this.id);
    this.#home.logger.info({ call: this.id, reason }, 'call ended');
    this.#home.gone(this);
  }
}
