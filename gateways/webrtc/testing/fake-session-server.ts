import type { ProtocolError, SessionMessage, SessionRequest } from '@switchyard/shared/protocol';
import type { MediaLink, MediaLinkOptions, MediaSender, MediaSlot } from '../sdk/media-link.ts';
import type { SocketListener } from '../sdk/signaling-socket.ts';

/** A peer connection without a browser: numbers m-lines as one does, in the order in which offers meet them. */
export class FakeMediaLink implements MediaLink {
  readonly slots: MediaSlot[] = [];
  rollbacks = 0;
  isClosed = false;
  readonly #mids = new Map<MediaSlot, string>();
  readonly #pending: MediaSlot[] = [];
  #nextMid = 0;

  constructor({ onState }: MediaLinkOptions) {
    queueMicrotask(() => onState('connected'));
  }

  addSlot(kind: MediaSlot['kind'], use: MediaSlot['use']): MediaSlot {
    const mids = this.#mids;
    const slot: MediaSlot = {
      kind,
      use,
      get mid() {
        return mids.get(slot) ?? null;
      },
      track: { kind } as MediaStreamTrack,
      stop: () => {
        this.slots.splice(this.slots.indexOf(slot), 1);
      },
    };
    this.slots.push(slot);
    return slot;
  }

  addSender(): MediaSender {
    throw new Error('nothing is published here');
  }

  async offer(): Promise<string> {
    for (const slot of this.slots)
      if (slot.mid === null) {
        this.#mids.set(slot, String(this.#nextMid++));
        this.#pending.push(slot);
      }
    return 'offer';
  }

  async acceptAnswer(): Promise<void> {
    this.#pending.length = 0;
  }

  /** RFC 9429 §4.1.10.2: m-lines of the offer are as if it had not been made. */
  async rollback(): Promise<void> {
    this.rollbacks += 1;
    this.#nextMid -= this.#pending.length;
    for (const slot of this.#pending.splice(0)) this.#mids.delete(slot);
  }

  async stats(): Promise<RTCStatsReport> {
    return new Map() as unknown as RTCStatsReport;
  }

  close(): void {
    this.isClosed = true;
  }
}

/** What an SDK session talks to in its unit tests: answers every request as the gateway does. */
export class FakeServer {
  readonly requests: SessionRequest[] = [];
  readonly links: FakeMediaLink[] = [];
  maxReceivers = 64;
  /** Offers are refused with it. */
  refusal: (ProtocolError & { readonly message: string }) | undefined;
  /** Requests are not answered. */
  isSilent = false;
  #listener: SocketListener | undefined;

  readonly openMedia = (options: MediaLinkOptions): FakeMediaLink => {
    const link = new FakeMediaLink(options);
    this.links.push(link);
    return link;
  };

  readonly openSocket = (
    _url: string,
    listener: SocketListener,
  ): { send(text: string): void; close(): void } => {
    this.#listener = listener;
    queueMicrotask(() => listener.onOpen());
    return {
      send: (text) => this.#onRequest(JSON.parse(text) as SessionRequest),
      close: () => {
        if (this.#listener === listener) this.#listener = undefined;
      },
    };
  };

  /** Requests of one type, oldest first. */
  asked<Type extends SessionRequest['type']>(type: Type): Extract<SessionRequest, { type: Type }>[] {
    return this.requests.filter(
      (each): each is Extract<SessionRequest, { type: Type }> => each.type === type,
    );
  }

  tell(message: SessionMessage): void {
    this.#listener?.onText(JSON.stringify(message));
  }

  /** The connection breaks. */
  drop(): void {
    this.#listener?.onClose('test');
  }

  #onRequest(asked: SessionRequest): void {
    this.requests.push(asked);
    if (this.isSilent) return;
    const listener = this.#listener;
    queueMicrotask(() => listener?.onText(JSON.stringify(this.#answer(asked))));
  }

  #answer({ type, request }: SessionRequest): SessionMessage {
    if (type === 'join')
      return {
        type: 'response',
        request,
        result: 'joined',
        session: 's',
        iceServers: [],
        maxReceivers: this.maxReceivers,
      };
    if (type !== 'offer') return { type: 'response', request };
    if (this.refusal !== undefined) return { type: 'response', request, error: this.refusal };
    return { type: 'response', request, result: 'answer', sdp: 'answer' };
  }
}
