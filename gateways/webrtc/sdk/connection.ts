import type { MediaLink, MediaState, OpenMediaLink } from './media-link.ts';
import type { PublishScope, SessionReceiver, SessionRequestBody, SubscribeScope } from './protocol.ts';
import type { Sender } from './sender.ts';
import { type SessionNotice, type SessionResponse, Signaling } from './signaling.ts';
import type { OpenSocket } from './signaling-socket.ts';
import { SwitchyardError } from './switchyard-error.ts';

/** Version of the session protocol that this SDK speaks (shared/protocol/session.ts). */
export const PROTOCOL_VERSION: number = 1;
/** An interruption of media mends itself in this time, or ICE is restarted; the same again, or the connection is lost. */
export const INTERRUPTION_MS: number = 3000;
/** How long the first media path may take after the answer, milliseconds. */
export const MEDIA_DEADLINE_MS: number = 15_000;

export interface JoinRequest {
  readonly room: string;
  readonly peer: string;
  readonly token?: string;
  readonly metadata?: string;
  readonly publish?: PublishScope;
  readonly subscribe?: SubscribeScope;
}

export interface ConnectionListener {
  onNotice(notice: SessionNotice): void;
  /** Gone for good: another connection is needed. Called once, never after `close()`. */
  onLost(error: SwitchyardError): void;
}

export interface ConnectionOptions {
  readonly url: string;
  readonly openSocket: OpenSocket;
  readonly openMedia: OpenMediaLink;
  /** What is published now; read for every offer. */
  senders(): Iterable<Sender>;
  readonly listener: ConnectionListener;
}

/**
 * One life of a session: a WebSocket, a joined room, a peer connection. When either of its two legs fails for good it is
 * lost as a whole, and the session makes another.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #signaling: Signaling;
  #media: MediaLink | undefined;
  #maxReceivers = 0;
  #turn: Promise<unknown> = Promise.resolve();
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  #restarted = false;
  #over = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#signaling = new Signaling(
      options.url,
      { onNotice: (notice) => options.listener.onNotice(notice), onLost: (error) => this.#lose(error) },
      options.openSocket,
    );
  }

  /** The peer connection; undefined before `join` is through. */
  get media(): MediaLink | undefined {
    return this.#media;
  }

  /** Most m-lines on which the server sends, mixer slots included. */
  get maxReceivers(): number {
    return this.#maxReceivers;
  }

  /**
   * Connects, joins, and negotiates the pool and what is published. `prepare` binds receivers and senders to the new
   * link before its first offer.
   *
   * @throws SwitchyardError
   */
  async join(join: JoinRequest, prepare: (link: MediaLink) => void): Promise<void> {
    await this.#signaling.open();
    const joined = await this.#signaling.request({ type: 'join', protocol: PROTOCOL_VERSION, ...join });
    if (!('result' in joined) || joined.result !== 'joined') throw unexpected('join');
    this.#maxReceivers = joined.maxReceivers;
    this.#media = this.#options.openMedia({
      iceServers: joined.iceServers,
      onState: (state) => this.#onMediaState(state),
    });
    prepare(this.#media);
    this.#watch('The media path could not be opened: UDP may be blocked.', MEDIA_DEADLINE_MS);
    await this.#negotiate(false);
  }

  /** Passes a request on. @throws SwitchyardError */
  request(body: SessionRequestBody): Promise<SessionResponse> {
    return this.#signaling.request(body);
  }

  /**
   * Changes m-lines and negotiates that; `undo` runs when the server or the browser refuses.
   *
   * @throws SwitchyardError
   */
  renegotiate(change: (link: MediaLink) => void, undo: () => void): Promise<void> {
    return this.#inTurn(async () => {
      const link = this.#media;
      if (link === undefined || this.#over) throw lost('The connection is closed.');
      try {
        change(link);
        await this.#exchange(false);
      } catch (error) {
        undo();
        throw SwitchyardError.wrap('media-failed', 'The browser refused this track.', error);
      }
    });
  }

  /** Ends quietly; requests that wait are refused with `reason`. */
  close(reason?: SwitchyardError): void {
    this.#over = true;
    clearTimeout(this.#watchdog);
    this.#signaling.close(reason);
    this.#media?.close();
  }

  #negotiate(restartIce: boolean): Promise<void> {
    return this.#inTurn(() => this.#exchange(restartIce));
  }

  /** One offer at a time. */
  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #exchange(restartIce: boolean): Promise<void> {
    const media = this.#media;
    if (media === undefined || this.#over) throw lost('The connection is closed.');
    try {
      const sdp = await media.offer(restartIce);
      const senders = [...this.#options.senders()].flatMap((sender) => sender.describe() ?? []);
      const receivers = media.slots.flatMap(({ mid, use }): SessionReceiver[] =>
        mid === null ? [] : [{ mid, use }],
      );
      const answer = await this.#signaling.request({ type: 'offer', sdp, senders, receivers });
      if (!('result' in answer) || answer.result !== 'answer') throw unexpected('offer');
      await media.acceptAnswer(answer.sdp);
    } catch (error) {
      // When even that fails the next offer does too, and says why.
      await media.rollback().catch(() => undefined);
      throw SwitchyardError.wrap('media-failed', 'The browser refused to set up media.', error);
    }
  }

  #onMediaState(state: MediaState): void {
    if (this.#over) return;
    switch (state) {
      case 'connected':
        clearTimeout(this.#watchdog);
        this.#watchdog = undefined;
        this.#restarted = false;
        return;
      case 'interrupted':
        if (this.#watchdog === undefined) this.#watch('The media path is interrupted.', INTERRUPTION_MS);
        return;
      case 'failed':
        this.#lose(new SwitchyardError('media-failed', 'The media path was lost.'));
        return;
      case 'connecting':
        return;
    }
  }

  /** Restarts ICE once when media does not come (back) in time, and then gives up. */
  #watch(message: string, ms: number): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      this.#watchdog = undefined;
      if (this.#restarted) {
        this.#lose(new SwitchyardError('media-failed', message));
        return;
      }
      this.#restarted = true;
      this.#watch(message, INTERRUPTION_MS);
      // Whether it helped is told by the state of the media, or by the watch that runs.
      this.#negotiate(true).catch(() => undefined);
    }, ms);
  }

  #lose(error: SwitchyardError): void {
    if (this.#over) return;
    this.close(error);
    this.#options.listener.onLost(error);
  }
}

const lost = (message: string): SwitchyardError => new SwitchyardError('connection-lost', message);

const unexpected = (request: string): SwitchyardError =>
  new SwitchyardError('internal-error', 'The server gave an answer of another kind.', { detail: request });
