import type { EndpointEvent, RemoteTrackInfo } from '@switchyard/shared/protocol';
import type { Endpoint } from '../endpoint/endpoint.ts';
import type { EngineOutput, PresenceValue } from '../io.ts';
import type { MixerSource } from './audio-mixer.ts';
import type { ChannelFan } from './channel-fan.ts';

/** Voice is told at most this often for a source, milliseconds, and from this level on, dBov. */
const VOICE_INTERVAL_MS = 500;
const VOICE_DBOV = -40;

/** A peer of the room, on whatever node. */
export interface RoomPeer {
  readonly peer: string;
  metadata: string | undefined;
  /** False for somebody who publishes tracks without showing itself. */
  shown: boolean;
  readonly tracks: Map<string, RemoteTrackInfo>;
}

/** What a room needs of the engine. */
export interface RoomHome {
  readonly output: EngineOutput;
  fanOf(app: string, room: string, peer: string, track: string): ChannelFan | undefined;
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
  readonly createdMs: number;
  readonly #home: RoomHome;
  readonly #voiceToldMs = new Map<string, number>();

  constructor(app: string, name: string, home: RoomHome, nowMs: number) {
    this.app = app;
    this.name = name;
    this.map = roomMap(app, name);
    this.#home = home;
    this.createdMs = nowMs;
  }

  /** The endpoint of this node that shows itself as `peer`. */
  endpointOf(peer: string): Endpoint | undefined {
    for (const endpoint of this.endpoints) if (endpoint.peer === peer && endpoint.showsPeer) return endpoint;
    return undefined;
  }

  mapSet(value: PresenceValue, nowMs: number): void {
    const peer = this.#peer(value.peer);
    if (value.kind === 'peer') {
      const type = peer.shown ? 'peer-updated' : 'peer-joined';
      peer.shown = true;
      peer.metadata = value.metadata;
      this.#tell(peer.peer, 'peers', { type, ...describePeer(peer) });
      return;
    }
    const type = peer.tracks.has(value.info.name) ? 'track-updated' : 'track-started';
    peer.tracks.set(value.info.name, value.info);
    this.#tell(peer.peer, 'tracks', { type, peer: peer.peer, info: value.info });
    for (const endpoint of this.endpoints) endpoint.sourceStarted(peer.peer, value.info.name, nowMs);
  }

  mapDeleted(key: string): void {
    const [kind, name = '', track = ''] = key.split('/');
    const peer = this.peers.get(name);
    if (peer === undefined) return;
    if (kind === 'peer') {
      peer.shown = false;
      this.#tell(name, 'peers', { type: 'peer-left', peer: name });
    } else if (peer.tracks.delete(track)) {
      this.#tell(name, 'tracks', { type: 'track-stopped', peer: name, track });
      for (const endpoint of this.endpoints) endpoint.sourceStopped(name, track);
    }
    if (!peer.shown && peer.tracks.size === 0) this.peers.delete(name);
  }

  /** Tells a newcomer, or a new manual subscriber of `only`, who is here. */
  replay(endpoint: Endpoint, only?: string): void {
    for (const peer of this.peers.values()) {
      if (peer.peer === endpoint.peer && endpoint.showsPeer) continue;
      if (only !== undefined && peer.peer !== only) continue;
      if (peer.shown && endpoint.wants(peer.peer, 'peers'))
        endpoint.tell({ type: 'peer-joined', ...describePeer(peer) });
      if (!endpoint.wants(peer.peer, 'tracks')) continue;
      for (const info of peer.tracks.values())
        endpoint.tell({ type: 'track-started', peer: peer.peer, info });
    }
  }

  tick(nowMs: number): void {
    const sources = this.#audioSources();
    this.#tellVoices(sources, nowMs);
    for (const endpoint of this.endpoints) {
      endpoint.mix(sources, nowMs);
      endpoint.tick(nowMs);
    }
  }

  #audioSources(): MixerSource[] {
    const sources: MixerSource[] = [];
    for (const { peer, tracks } of this.peers.values())
      for (const { name, kind } of tracks.values()) {
        if (kind !== 'audio') continue;
        const fan = this.#home.fanOf(this.app, this.name, peer, name);
        sources.push({
          source: { peer, track: name },
          levelDbov: fan?.levelDbov ?? -127,
          lastPacketMs: fan?.lastPacketMs ?? -1,
        });
      }
    return sources;
  }

  #tellVoices(sources: readonly MixerSource[], nowMs: number): void {
    for (const { source, levelDbov, lastPacketMs } of sources) {
      if (levelDbov < VOICE_DBOV || nowMs - lastPacketMs > VOICE_INTERVAL_MS) continue;
      const key = trackKey(source.peer, source.track);
      if (nowMs - (this.#voiceToldMs.get(key) ?? 0) < VOICE_INTERVAL_MS) continue;
      this.#voiceToldMs.set(key, nowMs);
      this.#tell(source.peer, 'tracks', {
        type: 'voice-activity',
        peer: source.peer,
        track: source.track,
        levelDbov: Math.round(levelDbov),
      });
    }
    if (this.#voiceToldMs.size > sources.length * 2 + 64) this.#voiceToldMs.clear();
  }

  #tell(about: string, scope: 'peers' | 'tracks', event: EndpointEvent): void {
    for (const endpoint of this.endpoints) {
      if (endpoint.peer === about && endpoint.showsPeer) continue;
      if (endpoint.wants(about, scope)) endpoint.tell(event);
    }
  }

  #peer(name: string): RoomPeer {
    const known = this.peers.get(name);
    if (known !== undefined) return known;
    const peer: RoomPeer = { peer: name, metadata: undefined, shown: false, tracks: new Map() };
    this.peers.set(name, peer);
    return peer;
  }
}

const describePeer = (peer: RoomPeer): { peer: string; metadata?: string } =>
  peer.metadata === undefined ? { peer: peer.peer } : { peer: peer.peer, metadata: peer.metadata };

/** Room names are per app; neither contains a slash. */
export const roomMap = (app: string, room: string): string => `${app}/${room}`;
export const channelName = (app: string, room: string, peer: string, track: string): string =>
  `${app}/${room}/${peer}/${track}`;
