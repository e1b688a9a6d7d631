import { Connection } from './connection.ts';
import { Emitter } from './emitter.ts';
import { Mixer } from './mixer.ts';
import type { MixerSlot } from './mixer-slot.ts';
import { openPeerConnection } from './peer-connection-link.ts';
import { Places } from './places.ts';
import { PoolGrowth, RECEIVERS_MAX } from './pool-growth.ts';
import type { LocalTrackConfig, SessionRequestBody, TrackSource } from './protocol.ts';
import { Publisher } from './publisher.ts';
import type { Receiver } from './receiver.ts';
import { ReceiverPool } from './receiver-pool.ts';
import { Reconnector } from './reconnector.ts';
import { type RoomPeer, RoomView } from './room-view.ts';
import type { PublishOptions, Sender } from './sender.ts';
import type { SessionEvents, SessionState } from './session-events.ts';
import type { JoinOptions, SessionOptions } from './session-options.ts';
import type { SessionNotice } from './signaling.ts';
import { openWebSocket } from './signaling-socket.ts';
import { StandingRequests } from './standing-requests.ts';
import { SwitchyardError } from './switchyard-error.ts';

/** How long after a reconnect the server may take to tell the room again, milliseconds. */
const RETELLING_MS = 3000;

/**
 * One person in one room: publishes tracks, watches others through a pool of receivers, hears the loudest through the
 * mixer slots. Comes back by itself after a lost connection or a restarted server, with everything published and
 * attached.
 */
export class Session extends Emitter<SessionEvents> {
  readonly #options: SessionOptions;
  readonly #pool: ReceiverPool;
  readonly #growth: PoolGrowth;
  readonly #publisher: Publisher;
  readonly #room: RoomView;
  readonly #standing = new StandingRequests();
  readonly #mixer = new Mixer({ request: (body) => this.#request(body) });
  #activeSpeaker: TrackSource | undefined;
  readonly #reconnector: Reconnector;
  readonly #places: Places;
  #state: SessionState = 'idle';
  #join: JoinOptions | undefined;
  #connection: Connection | undefined;
  #settling: ReturnType<typeof setTimeout> | undefined;

  constructor(options: SessionOptions = {}) {
    super();
    this.#options = options;
    this.#room = new RoomView((change) => {
      if ('peer' in change) this.emit(change.type, change.peer);
      else this.emit(change.type, change.track);
    });
    this.#pool = new ReceiverPool(
      { video: 8, audio: 0, mixer: 3, ...options.receivers },
      { request: (body) => this.#request(body) },
      {
        onReceiver: (event, receiver) => this.emit(event, receiver),
        onMixerSlot: (slot) => this.emit('mixer-slot', slot),
      },
    );
    const joined = { whenJoined: () => this.#whenJoined(), connection: () => this.#joined };
    this.#growth = new PoolGrowth(this.#pool, options.maxReceivers ?? RECEIVERS_MAX, joined);
    this.#publisher = new Publisher({
      ...joined,
      request: (body) => this.#request(body),
      onSender: (event, sender) => this.emit(event, sender),
    });
    this.#places = new Places(options.url ?? defaultUrl());
    this.#reconnector = new Reconnector(
      {
        attempt: () => this.#reconnect(),
        onWait: (attempt) => this.emit('reconnecting', attempt),
        onGiveUp: (error) => this.#end(error),
      },
      options.giveUpAfterMs ?? Number.POSITIVE_INFINITY,
    );
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Room of the last `join`. */
  get room(): string | undefined {
    return this.#join?.room;
  }

  /** Own name of the last `join`. */
  get peer(): string | undefined {
    return this.#join?.peer;
  }

  /** Everybody else in the room, by name, with their tracks. */
  get peers(): ReadonlyMap<string, RoomPeer> {
    return this.#room.peers;
  }

  /** The pool, those it began with first, video before audio: attach them to sources. */
  get receivers(): readonly Receiver[] {
    return this.#pool.receivers;
  }

  /** Play all of them: together they are what this person hears of the room. */
  get mixerSlots(): readonly MixerSlot[] {
    return this.#pool.mixerSlots;
  }

  /** What the mixer slots play: the loudest of the room, or of chosen sources; can be paused. */
  get mixer(): Mixer {
    return this.#mixer;
  }

  /** Who speaks now, oneself included; undefined: nobody. */
  get activeSpeaker(): TrackSource | undefined {
    return this.#activeSpeaker;
  }

  /** What is published, by track name. */
  get senders(): ReadonlyMap<string, Sender> {
    return this.#publisher.senders;
  }

  /** @throws SwitchyardError There is one try: what to do with a refusal is the caller's choice. */
  async join(options: JoinOptions): Promise<void> {
    if (this.#state !== 'idle' && this.#state !== 'closed')
      throw new SwitchyardError('invalid-request', 'This session is in a room already: leave first.');
    this.#join = options;
    this.#setState('joining');
    try {
      await this.#connect(options);
    } catch (error) {
      // `leave()` may have been called meanwhile, and even another `join()`.
      if (this.#join === options && this.state === 'joining') this.#clear('idle');
      throw SwitchyardError.wrap('media-failed', 'The room could not be joined.', error);
    }
    this.#onConnected();
  }

  /** Ends the session. Published tracks go on locally: stop them when they are of no more use. */
  leave(): void {
    this.#joined?.request({ type: 'leave' }).catch(() => undefined);
    this.#clear('idle');
  }

  /**
   * Publishes a track; a session that is reconnecting does it as soon as it is back.
   *
   * @throws SwitchyardError
   */
  publish(track: MediaStreamTrack, options: PublishOptions): Promise<Sender> {
    return this.#publisher.publish(track, options);
  }

  /** Takes the track of this name out of the room. @throws SwitchyardError */
  async unpublish(name: string): Promise<void> {
    await this.senders.get(name)?.unpublish();
  }

  /**
   * Attaches a free receiver of the pool. Where all are in use it adds some, by a negotiation that what plays does not
   * notice; a session that is reconnecting does that as soon as it is back.
   *
   * @throws SwitchyardError `limit-exceeded` when all of them are in use and there may be no more.
   */
  async watch(source: TrackSource, config?: Partial<LocalTrackConfig>): Promise<Receiver> {
    for (;;) {
      const kind = this.#room.track(source.peer, source.track)?.kind ?? 'video';
      const receiver = this.#pool.free(kind);
      if (receiver === undefined) {
        await this.#growth.grow(kind);
        continue;
      }
      // Taken in the same turn: nobody else finds it free.
      await receiver.attach(source, config);
      return receiver;
    }
  }

  /** Changes one's own metadata. @throws SwitchyardError */
  async updateMetadata(metadata: string): Promise<void> {
    if (this.#join !== undefined) this.#join = { ...this.#join, metadata };
    await this.#request({ type: 'update-peer', metadata });
  }

  /** Asks to be told of one peer and its tracks, where `subscribe` of `join` left them out; also before it is there.
   * @throws SwitchyardError */
  subscribePeer(peer: string): Promise<void> {
    return this.#request({ type: 'subscribe-peer', peer });
  }

  /** @throws SwitchyardError */
  unsubscribePeer(peer: string): Promise<void> {
    return this.#request({ type: 'unsubscribe-peer', peer });
  }

  /** Messages of this channel of the room arrive as `message` events. @throws SwitchyardError */
  subscribe(label: string): Promise<void> {
    return this.#request({ type: 'channel-subscribe', label });
  }

  /** @throws SwitchyardError */
  unsubscribe(label: string): Promise<void> {
    return this.#request({ type: 'channel-unsubscribe', label });
  }

  /**
   * Announces messages on the channel, so that a way is ready for the first one. Optional: `send` does it too.
   *
   * @throws SwitchyardError
   */
  startSending(label: string): Promise<void> {
    return this.#request({ type: 'channel-publish-start', label });
  }

  /** @throws SwitchyardError */
  stopSending(label: string): Promise<void> {
    return this.#request({ type: 'channel-publish-stop', label });
  }

  /** Sends to everybody who subscribed to the channel; at most 16,384 bytes. @throws SwitchyardError */
  async send(label: string, data: string): Promise<void> {
    await this.#whenJoined();
    await this.#joined?.request({ type: 'channel-publish', label, data });
  }

  /** The browser's statistics of the current connection. */
  async stats(): Promise<RTCStatsReport | undefined> {
    return this.#connection?.media?.stats();
  }

  get #joined(): Connection | undefined {
    return this.#state === 'joined' ? this.#connection : undefined;
  }

  /**
   * Passes a request on. While there is no connection it is enough that the wish is noted: the next one starts with it.
   */
  async #request(body: SessionRequestBody): Promise<void> {
    if (this.#state === 'idle' || this.#state === 'closed') throw notInRoom();
    this.#standing.note(body);
    try {
      await this.#joined?.request(body);
    } catch (error) {
      if (!(error instanceof SwitchyardError) || error.code !== 'connection-lost') throw error;
    }
  }

  /** Resolves in the state `joined`. @throws SwitchyardError when the session ends before, or never began. */
  #whenJoined(): Promise<void> {
    if (this.#state === 'joined') return Promise.resolve();
    if (this.#state === 'idle' || this.#state === 'closed') return Promise.reject(notInRoom());
    return new Promise((resolve, reject) => {
      const remove = this.on('state', (state) => {
        if (state === 'joining' || state === 'reconnecting') return;
        remove();
        if (state === 'joined') resolve();
        else reject(notInRoom());
      });
    });
  }

  async #connect({ token, ...join }: JoinOptions): Promise<void> {
    const connection = new Connection({
      url: this.#places.current,
      openSocket: this.#options.openSocket ?? openWebSocket,
      openMedia: this.#options.openMedia ?? openPeerConnection,
      senders: () => this.#publisher.senders.values(),
      listener: {
        onNotice: (notice) => {
          if (this.#connection === connection) this.#onNotice(notice);
        },
        onLost: (error) => {
          if (this.#connection === connection) this.#onLost(error);
        },
      },
    });
    this.#connection = connection;
    try {
      const fresh = typeof token === 'function' ? await token() : token;
      await connection.join(fresh === undefined ? join : { ...join, token: fresh }, (link) => {
        this.#pool.bind(link);
        for (const sender of this.#publisher.senders.values()) sender.bind(link);
      });
      if (this.#connection !== connection) throw cancelled();
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  #onConnected(): void {
    this.#setState('joined');
    for (const body of [...this.#pool.attachRequests(), ...this.#standing.list(), ...this.#mixer.standing()])
      this.#connection?.request(body).catch((error: SwitchyardError) => {
        if (error.code !== 'connection-lost') this.emit('error', error);
      });
  }

  async #reconnect(): Promise<void> {
    const join = this.#join;
    if (join === undefined) return;
    this.#room.expectRetelling();
    try {
      await this.#connect(join);
    } catch (error) {
      this.#places.leave();
      throw error;
    }
    this.#onConnected();
    this.emit('reconnected');
    this.#settling = setTimeout(() => this.#room.settle(), RETELLING_MS);
  }

  #onLost(error: SwitchyardError): void {
    // While it is still being set up, whoever sets it up hears of it.
    if (this.#state !== 'joined') return;
    clearTimeout(this.#settling);
    this.#connection = undefined;
    this.#pool.bind(undefined);
    this.#setState('reconnecting');
    this.#reconnector.start(error);
  }

  #onNotice(notice: SessionNotice): void {
    switch (notice.type) {
      case 'peer-joined':
      case 'peer-updated':
        if (notice.peer !== this.peer) this.#room.onPeer(notice.peer, notice.metadata);
        return;
      case 'peer-left':
        this.#room.onPeerLeft(notice.peer);
        return;
      case 'track-started':
      case 'track-updated':
        if (notice.peer !== this.peer) this.#room.onTrack(notice.peer, notice.info);
        return;
      case 'track-stopped':
        this.#room.onTrackStopped(notice.peer, notice.track);
        return;
      case 'receiver-status':
      case 'receiver-layers':
      case 'receiver-source':
        this.#pool.onNotice(notice);
        return;
      case 'voice-activity':
        this.emit('voice-activity', { peer: notice.peer, track: notice.track, levelDbov: notice.levelDbov });
        return;
      case 'active-speaker':
        this.#onActiveSpeaker(notice.source ?? undefined);
        return;
      case 'sender-encodings':
        this.#publisher.onEncodings(notice.name, notice.wanted);
        return;
      case 'sender-limit':
        this.#publisher.onLimit(notice.name, notice.maxBps);
        return;
      case 'channel-message':
        this.emit('message', { label: notice.label, peer: notice.peer, data: notice.data });
        return;
      case 'error':
        this.emit('error', SwitchyardError.fromServer(notice.error));
        return;
      case 'closed':
        this.#onEnded(SwitchyardError.fromServer(notice.error));
        return;
      case 'places':
        this.#places.told(notice.urls);
        return;
      case 'go-away':
        this.#places.leave();
        this.#onEnded(
          new SwitchyardError('draining', 'The server is shutting down.', { detail: notice.reason }),
        );
        return;
    }
  }

  #onActiveSpeaker(source: TrackSource | undefined): void {
    if (source?.peer === this.#activeSpeaker?.peer && source?.track === this.#activeSpeaker?.track) return;
    this.#activeSpeaker = source;
    this.emit('active-speaker', source);
  }

  /** The server ended this connection: for now, or the session for good. */
  #onEnded(error: SwitchyardError): void {
    this.#connection?.close(error);
    if (this.#state !== 'joined') return;
    if (error.passing) this.#onLost(error);
    else this.#end(error);
  }

  #end(error: SwitchyardError): void {
    this.#clear('closed');
    this.emit('closed', error);
  }

  #clear(state: 'idle' | 'closed'): void {
    this.#reconnector.stop();
    clearTimeout(this.#settling);
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.close(cancelled());
    this.#publisher.clear();
    this.#standing.clear();
    this.#mixer.reset();
    this.#activeSpeaker = undefined;
    this.#room.clear();
    this.#pool.reset();
    this.#setState(state);
  }

  #setState(state: SessionState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.emit('state', state);
  }
}

const defaultUrl = (): string => `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`;

const notInRoom = (): SwitchyardError => new SwitchyardError('not-in-room', 'Join a room first.');

const cancelled = (): SwitchyardError => new SwitchyardError('cancelled', 'The session was left.');
