import type {
  EndpointEvent,
  RemoteTrackInfo,
  SubscribeScope,
  TrackSource,
} from '@switchyard/shared/protocol';
import type { Endpoint } from '../endpoint/endpoint.ts';
import type { EngineOutput, Fabric, PresenceValue } from '../io.ts';
import { ActiveSpeaker } from './active-speaker.ts';
import type { ChannelFan } from './channel-fan.ts';
import { MessageLabels } from './message-labels.ts';
import { Voices } from './voices.ts';

/** A peer of the room, on whatever node. */
export interface RoomPeer {
  readonly peer: string;
  metadata: string | undefined;
  /** False for somebody who publishes tracks without showing itself. */
  shown: boolean;
  /** Session that shows it. */
  session: string;
  readonly tracks: Map<string, RoomTrack>;
}

export interface RoomTrack {
  info: RemoteTrackInfo;
  /** What the room's endpoints are told of it. */
  shown: RemoteTrackInfo;
  session: string;
}

/** What a room needs of the engine. */
export interface RoomHome {
  readonly output: EngineOutput;
  readonly fabric: Fabric;
  fanOf(app: string, room: string, peer: string, track: string): ChannelFan | undefined;
  /** The channel's fan on this node, made when there is none. */
  openFan(room: Room, peer: string, track: string): ChannelFan;
  releaseFan(fan: ChannelFan): void;
}

/** Keys of a room's map. */
export const peerKey = (peer: string): string => `peer/${peer}`;
export const trackKey = (peer: string, track: string): string => `track/${peer}/${track}`;

/** One room as this node sees it: everybody's presence from the fabric's map, and the endpoints that are here. */
export class Room {
  readonly app: string;
  readonly name: string;
  /** Name of the room's map in the fabric. */
  readonly map: string;
  readonly peers: Map<string, RoomPeer> = new Map();
  readonly endpoints: Set<Endpoint> = new Set();
  readonly voices: Voices = new Voices();
  readonly labels: MessageLabels;
  readonly createdMs: number;
  readonly #home: RoomHome;
  readonly #speaker = new ActiveSpeaker();

  constructor(app: string, name: string, home: RoomHome, nowMs: number) {
    this.app = app;
    this.name = name;
    this.map = roomMap(app, name);
    this.#home = home;
    this.labels = new MessageLabels(this.map, home.fabric);
    this.createdMs = nowMs;
  }

  get fabric(): Fabric {
    return this.#home.fabric;
  }

  /** Who speaks. */
  get speaker(): TrackSource | undefined {
    return this.#speaker.current?.source;
  }

  /** The endpoint of this node that holds the name `peer`: it shows itself or its tracks under it. */
  holderOf(peer: string): Endpoint | undefined {
    for (const endpoint of this.endpoints)
      if (endpoint.peer === peer && endpoint.isPublisher) return endpoint;
    return undefined;
  }

  trackInfo(peer: string, track: string): RemoteTrackInfo | undefined {
    return this.peers.get(peer)?.tracks.get(track)?.info;
  }

  /** Session that publishes the track. */
  trackSession(peer: string, track: string): string | undefined {
    return this.peers.get(peer)?.tracks.get(track)?.session;
  }

  /** Whether `peer` is the endpoint itself: nobody is told of itself. */
  isOwn(endpoint: Endpoint, peer: string): boolean {
    return endpoint.isPublisher && endpoint.peer === peer;
  }

  /** Adds an endpoint and tells it who is here. */
  enter(endpoint: Endpoint): void {
    this.endpoints.add(endpoint);
    const { scope } = endpoint.subscriptions;
    for (const peer of this.peers.keys()) this.replayPeer(endpoint, peer, scope);
    endpoint.saySpeaker(this);
  }

  /** Tells one endpoint of one peer, what `scope` says of it. */
  replayPeer(endpoint: Endpoint, name: string, scope: SubscribeScope): void {
    const peer = this.peers.get(name);
    if (peer === undefined || this.isOwn(endpoint, name)) return;
    if (scope.peers && peer.shown) endpoint.tell({ type: 'peer-joined', ...describePeer(peer) });
    if (!scope.tracks) return;
    for (const { shown } of peer.tracks.values())
      endpoint.tell({ type: 'track-started', peer: name, info: shown });
  }

  mapSet(value: PresenceValue, nowMs: number): void {
    const peer = this.#peer(value.peer);
    if (value.kind === 'peer') {
      // Another session that takes the name over is somebody else.
      if (peer.shown && peer.session !== value.session) this.#hide(peer);
      const type = peer.shown ? 'peer-updated' : 'peer-joined';
      peer.shown = true;
      peer.session = value.session;
      peer.metadata = value.metadata;
      this.#tell(peer.peer, 'peers', { type, ...describePeer(peer) });
      return;
    }
    const { info, session } = value;
    const known = peer.tracks.get(info.name);
    if (known !== undefined && known.session !== session) this.#stop(peer, info.name);
    const before = peer.tracks.get(info.name)?.shown;
    const isNew = before === undefined;
    const shown = shownOf(info);
    peer.tracks.set(info.name, { info, shown, session });
    const fan =
      info.kind === 'audio'
        ? this.#home.openFan(this, peer.peer, info.name)
        : this.#fanOf(peer.peer, info.name);
    if (fan !== undefined) {
      fan.info = info;
      if (info.kind === 'audio') this.voices.add(fan);
    }
    if (!isNew && isSame(before, shown)) return;
    this.#tell(peer.peer, 'tracks', {
      type: isNew ? 'track-started' : 'track-updated',
      peer: peer.peer,
      info: shown,
    });
    if (!isNew) return;
    for (const endpoint of this.endpoints) endpoint.sourceStarted(peer.peer, info.name, info.kind, nowMs);
  }

  mapDeleted(key: string): void {
    const [kind, name = '', track = ''] = key.split('/');
    const peer = this.peers.get(name);
    if (peer === undefined) return;
    if (kind === 'peer') this.#hide(peer);
    else this.#stop(peer, track);
    if (!peer.shown && peer.tracks.size === 0) this.peers.delete(name);
  }

  /** Nobody of this node is in it any more. */
  close(): void {
    for (const { peer, tracks } of this.peers.values())
      for (const track of tracks.keys()) {
        const fan = this.#fanOf(peer, track);
        if (fan === undefined) continue;
        this.voices.remove(fan);
        this.#home.releaseFan(fan);
      }
  }

  tick(nowMs: number): void {
    this.voices.update(nowMs, ({ source, levelDbov }) =>
      this.#tell(source.peer, 'tracks', {
        type: 'voice-activity',
        peer: source.peer,
        track: source.track,
        levelDbov: Math.round(levelDbov),
      }),
    );
    if (this.#speaker.update(this.voices.speaking, nowMs))
      for (const endpoint of this.endpoints) endpoint.saySpeaker(this);
    for (const endpoint of this.endpoints) endpoint.tick(this, nowMs);
  }

  #hide(peer: RoomPeer): void {
    peer.shown = false;
    this.#tell(peer.peer, 'peers', { type: 'peer-left', peer: peer.peer });
  }

  #stop(peer: RoomPeer, track: string): void {
    if (!peer.tracks.delete(track)) return;
    const fan = this.#fanOf(peer.peer, track);
    if (fan !== undefined) {
      fan.info = undefined;
      this.voices.remove(fan);
      this.#home.releaseFan(fan);
    }
    this.#tell(peer.peer, 'tracks', { type: 'track-stopped', peer: peer.peer, track });
    for (const endpoint of this.endpoints) endpoint.sourceStopped(peer.peer, track);
  }

  #fanOf(peer: string, track: string): ChannelFan | undefined {
    return this.#home.fanOf(this.app, this.name, peer, track);
  }

  #tell(about: string, scope: 'peers' | 'tracks', event: EndpointEvent): void {
    for (const endpoint of this.endpoints)
      if (!this.isOwn(endpoint, about) && endpoint.wants(about, scope)) endpoint.tell(event);
  }

  #peer(name: string): RoomPeer {
    const known = this.peers.get(name);
    if (known !== undefined) return known;
    const peer: RoomPeer = { peer: name, metadata: undefined, shown: false, session: '', tracks: new Map() };
    this.peers.set(name, peer);
    return peer;
  }
}

const describePeer = (peer: RoomPeer): { peer: string; metadata?: string } =>
  peer.metadata === undefined ? { peer: peer.peer } : { peer: peer.peer, metadata: peer.metadata };

/** Whether a layer is sent at the moment is no news for a room: it may change every second. */
function shownOf(info: RemoteTrackInfo): RemoteTrackInfo {
  if (info.layers.every(({ active }) => active === undefined)) return info;
  return { ...info, layers: info.layers.map(({ active: _, ...layer }) => layer) };
}

const isSame = (before: RemoteTrackInfo, after: RemoteTrackInfo): boolean =>
  JSON.stringify(before) === JSON.stringify(after);

/** Room names are per app; neither contains a slash. */
export const roomMap = (app: string, room: string): string => `${app}/${room}`;
export const channelName = (app: string, room: string, peer: string, track: string): string =>
  `${app}/${room}/${peer}/${track}`;
