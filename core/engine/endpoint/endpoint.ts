import {
  ALL_PERMISSIONS,
  type ClientKind,
  type EndpointControl,
  type EndpointEvent,
  type Permissions,
  type ProtocolError,
  type PublishScope,
  type TrackId,
  type TrackSource,
} from '@switchyard/shared/protocol';
import type { EngineOutput, Fabric } from '../io.ts';
import type { ChannelFan } from '../room/channel-fan.ts';
import { peerKey, type Room } from '../room/room.ts';
import { EgressController } from './bitrate/egress-controller.ts';
import { checkMetadata, fail } from './control-check.ts';
import { EndpointMessages } from './endpoint-messages.ts';
import { checkMixer, EndpointMixer } from './endpoint-mixer.ts';
import type { LocalTrack, LocalTrackHome } from './local-track.ts';
import { Publications } from './publications.ts';
import { Receptions } from './receptions.ts';
import type { RemoteTrack } from './remote-track.ts';
import { Subscriptions } from './subscriptions.ts';

/** How often local tracks are looked after, milliseconds. */
const LOCAL_TRACKS_MS = 100;
/** What probing is told again when it differs by this share. */
const DEMAND_NEWS = 0.1;

const NO_DEMAND = { currentBps: 0, desiredBps: 0 };

/** What an endpoint needs of the engine. */
export interface EndpointHome extends LocalTrackHome {
  readonly output: EngineOutput;
  readonly fabric: Fabric;
  /** The channel's fan on this node, made when there is none. */
  openFan(room: Room, peer: string, track: string): ChannelFan;
  releaseFan(fan: ChannelFan): void;
  publishes(fan: ChannelFan, track: RemoteTrack | undefined): void;
}

/** Who an endpoint is, for life. */
export interface EndpointIdentity {
  readonly id: number;
  readonly client: ClientKind;
  readonly gateway: string;
  readonly address: string | undefined;
  /** Unique over all nodes and all time: tells two sessions of one peer apart. */
  readonly session: string;
  readonly openedMs: number;
}

type ControlOf<Type extends EndpointControl['type']> = Extract<EndpointControl, { type: Type }>;

/** One connected client: the room it is in, what it publishes and what it takes. */
export class Endpoint implements EndpointIdentity {
  readonly id: number;
  readonly client: ClientKind;
  readonly gateway: string;
  readonly address: string | undefined;
  readonly session: string;
  readonly openedMs: number;
  readonly subscriptions: Subscriptions = new Subscriptions(this);
  readonly #home: EndpointHome;
  readonly #publications: Publications;
  readonly #receptions: Receptions;
  readonly #messages: EndpointMessages = new EndpointMessages(this);
  #egress = new EgressController();
  #room: Room | undefined;
  #mixer: EndpointMixer | undefined;
  #permissions: Permissions = ALL_PERMISSIONS;
  #publish: PublishScope = { peer: false, tracks: false };
  #peer = '';
  #metadata: string | undefined;
  #lookedMs = Number.NEGATIVE_INFINITY;
  #toldCurrentBps = 0;
  #toldDesiredBps = 0;
  #toldSpeaker: TrackSource | null = null;

  constructor(identity: EndpointIdentity, home: EndpointHome) {
    this.id = identity.id;
    this.client = identity.client;
    this.gateway = identity.gateway;
    this.address = identity.address;
    this.session = identity.session;
    this.openedMs = identity.openedMs;
    this.#home = home;
    this.#publications = new Publications(this, home);
    this.#receptions = new Receptions(this.id, home);
  }

  get room(): Room | undefined {
    return this.#room;
  }

  get peer(): string {
    return this.#peer;
  }

  /** Of the join; there is nothing to forbid outside of a room. */
  get permissions(): Permissions {
    return this.#permissions;
  }

  get metadata(): string | undefined {
    return this.#metadata;
  }

  get remoteTracks(): ReadonlyMap<number, RemoteTrack> {
    return this.#publications.tracks;
  }

  get localTracks(): ReadonlyMap<number, LocalTrack> {
    return this.#receptions.tracks;
  }

  /** The room sees it as a peer. */
  get showsPeer(): boolean {
    return this.#publish.peer;
  }

  /** It holds its peer name: it shows itself, its tracks, or both. */
  get isPublisher(): boolean {
    return this.#publish.peer || this.#publish.tracks;
  }

  /** What its link can carry, bits per second; undefined until the gateway said something. */
  get estimateBps(): number | undefined {
    return this.#egress.estimateBps;
  }

  tell(event: EndpointEvent): void {
    this.#home.output.event(this.id, event);
  }

  /** Whether it is told of `peer` in this scope. */
  wants(peer: string, scope: 'peers' | 'tracks'): boolean {
    return this.subscriptions.wants(peer, scope);
  }

  join(room: Room, control: ControlOf<'join'>, nowMs: number): void {
    this.#room = room;
    this.#peer = control.peer;
    this.#metadata = control.metadata;
    this.#permissions = control.permissions;
    this.#publish = control.publish;
    this.subscriptions.begin(control.subscribe);
    room.enter(this);
    if (control.publish.peer) this.#showPeer(room, nowMs);
  }

  /** Gives back everything it holds in the room. */
  leave(nowMs: number): void {
    const room = this.#room;
    if (room === undefined) return;
    this.#publications.stopAll(room, nowMs);
    this.#receptions.detachAll(nowMs);
    this.#messages.leave(room);
    this.#mixer = undefined;
    this.#egress = new EgressController();
    this.#toldSpeaker = null;
    room.endpoints.delete(this);
    if (this.#publish.peer && room.peers.get(this.#peer)?.session === this.session)
      this.#home.fabric.delete(room.map, peerKey(this.#peer), nowMs);
    this.#room = undefined;
  }

  /** Everything that needs a room, and the leaving of it. @returns What is wrong with the control. */
  handle(control: EndpointControl, nowMs: number): ProtocolError | undefined {
    const room = this.#room;
    if (room === undefined) return fail('not-in-room');
    switch (control.type) {
      case 'update-peer':
        return this.#updatePeer(room, control.metadata, nowMs);
      case 'subscribe-peer':
        return this.subscriptions.subscribe(room, control.peer) ?? this.saySpeaker(room);
      case 'unsubscribe-peer':
        return this.subscriptions.unsubscribe(room, control.peer) ?? this.saySpeaker(room);
      case 'remote-track-start':
        if (!this.#publish.tracks) return fail('not-allowed', 'this session publishes no tracks');
        return this.#publications.start(room, control.track, control.info, nowMs);
      case 'remote-track-update':
        return this.#publications.update(room, control, nowMs);
      case 'remote-track-stop':
        return this.#publications.stop(room, control.track, nowMs);
      case 'local-track-attach':
      case 'local-track-detach':
      case 'local-track-config':
      case 'local-track-keyframe-request':
        return this.#handleLocalTrack(room, control, nowMs);
      case 'mixer-attach':
        return this.#attachMixer(control, nowMs);
      case 'mixer-config':
        return this.#mixer?.configure(control, nowMs) ?? this.#needsMixer();
      case 'mixer-detach':
        this.#mixer?.close(nowMs);
        this.#mixer = undefined;
        return undefined;
      case 'egress-estimate':
        this.#egress.onEstimate(control.bitrateBps, control.congested, nowMs);
        return undefined;
      case 'channel-subscribe':
      case 'channel-unsubscribe':
      case 'channel-publish-start':
      case 'channel-publish-stop':
      case 'channel-publish':
        return this.#messages.handle(room, control, nowMs);
      case 'open':
      case 'close':
      case 'join':
      case 'leave':
        return fail('invalid-request', control.type);
    }
  }

  sourceStarted(peer: string, track: string, kind: 'audio' | 'video', nowMs: number): void {
    this.#receptions.sourceStarted(peer, track, kind, nowMs);
  }

  sourceStopped(peer: string, track: string): void {
    this.#receptions.sourceStopped(peer, track);
  }

  /** Tells who speaks when that is another one for this endpoint. */
  saySpeaker(room: Room): undefined {
    const { speaker } = room;
    const isTold =
      speaker !== undefined && (this.wants(speaker.peer, 'tracks') || room.isOwn(this, speaker.peer));
    const source = isTold ? speaker : null;
    if (source?.peer === this.#toldSpeaker?.peer && source?.track === this.#toldSpeaker?.track) return;
    this.#toldSpeaker = source;
    this.tell({ type: 'active-speaker', source });
  }

  tick(room: Room, nowMs: number): void {
    this.#mixer?.update(room, nowMs);
    this.#publications.tick(nowMs);
    if (this.#receptions.tracks.size === 0) return;
    if (nowMs - this.#lookedMs < LOCAL_TRACKS_MS) return;
    this.#lookedMs = nowMs;
    if (nowMs >= this.#egress.dueMs) this.#allocate(nowMs);
    for (const track of this.#receptions.tracks.values()) track.tick(nowMs);
  }

  #needsMixer(): ProtocolError | undefined {
    return this.#mixer === undefined ? fail('wrong-mixer-mode', 'no mixer is attached') : undefined;
  }

  #showPeer(room: Room, nowMs: number): void {
    const value = { kind: 'peer', peer: this.#peer, session: this.session } as const;
    this.#home.fabric.set(
      room.map,
      peerKey(this.#peer),
      this.#metadata === undefined ? value : { ...value, metadata: this.#metadata },
      nowMs,
    );
  }

  #updatePeer(room: Room, metadata: string, nowMs: number): ProtocolError | undefined {
    const wrong = checkMetadata(metadata);
    if (wrong !== undefined) return wrong;
    this.#metadata = metadata;
    if (this.#publish.peer) this.#showPeer(room, nowMs);
    return undefined;
  }

  #handleLocalTrack(
    room: Room,
    control: ControlOf<
      'local-track-attach' | 'local-track-detach' | 'local-track-config' | 'local-track-keyframe-request'
    >,
    nowMs: number,
  ): ProtocolError | undefined {
    const { track } = control;
    if (this.#mixer?.has(track) === true) return fail('wrong-mixer-mode', `track ${track} is a mixer slot`);
    const error = this.#changeLocalTrack(room, track, control, nowMs);
    if (error === undefined && control.type !== 'local-track-keyframe-request') this.#allocate(nowMs);
    return error;
  }

  #changeLocalTrack(
    room: Room,
    track: TrackId,
    control: ControlOf<
      'local-track-attach' | 'local-track-detach' | 'local-track-config' | 'local-track-keyframe-request'
    >,
    nowMs: number,
  ): ProtocolError | undefined {
    switch (control.type) {
      case 'local-track-attach':
        return this.#receptions.attach(room, control, nowMs);
      case 'local-track-detach':
        return this.#receptions.detach(track, nowMs);
      case 'local-track-config':
        return this.#receptions.configure(track, control.config);
      case 'local-track-keyframe-request':
        return this.#receptions.requestKeyframe(track, nowMs);
    }
  }

  #attachMixer(control: ControlOf<'mixer-attach'>, nowMs: number): ProtocolError | undefined {
    const wrong = checkMixer(control);
    if (wrong !== undefined) return wrong;
    this.#mixer?.close(nowMs);
    const mixer = new EndpointMixer(this, this.#receptions, control);
    const error = mixer.open(nowMs);
    if (error === undefined) this.#mixer = mixer;
    else {
      mixer.close(nowMs);
      this.#mixer = undefined;
    }
    return error;
  }

  #allocate(nowMs: number): void {
    const videos: LocalTrack[] = [];
    let audioBps = 0;
    for (const local of this.#receptions.tracks.values()) {
      if (local.fan === undefined) continue;
      if (local.kind === 'audio') audioBps += local.fan.meter.totalBps;
      else if (local.status !== 'ended') videos.push(local);
    }
    // Nobody probes for audio alone.
    const { currentBps, desiredBps } =
      videos.length === 0 ? NO_DEMAND : this.#egress.allocate(videos, audioBps, nowMs);
    if (!isNews(currentBps, this.#toldCurrentBps) && !isNews(desiredBps, this.#toldDesiredBps)) return;
    this.#toldCurrentBps = currentBps;
    this.#toldDesiredBps = desiredBps;
    this.tell({ type: 'estimate-config', currentBps, desiredBps });
  }
}

const isNews = (bps: number, toldBps: number): boolean =>
  Math.abs(bps - toldBps) > DEMAND_NEWS * Math.max(bps, toldBps);
