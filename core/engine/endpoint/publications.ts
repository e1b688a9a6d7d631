import {
  type EndpointControl,
  type ProtocolError,
  type RemoteTrackInfo,
  TRACKS_MAX,
  type TrackId,
} from '@switchyard/shared/protocol';
import { type Room, trackKey } from '../room/room.ts';
import { allocateIngress } from './bitrate/ingress-allocator.ts';
import { checkName, checkTrack, fail } from './control-check.ts';
import type { EndpointHome } from './endpoint.ts';
import { RemoteTrack } from './remote-track.ts';

const DEFAULT_PRIORITY = 100;
/** How often publishers' limits are chosen anew, milliseconds. */
const ALLOCATE_MS = 500;

type ControlOf<Type extends EndpointControl['type']> = Extract<EndpointControl, { type: Type }>;

/** Who publishes. */
export interface PublisherIdentity {
  readonly id: number;
  readonly peer: string;
  readonly session: string;
}

/** What one endpoint publishes: its remote tracks, by number. */
export class Publications {
  readonly tracks: Map<number, RemoteTrack> = new Map();
  readonly #owner: PublisherIdentity;
  readonly #home: EndpointHome;
  #allocatedMs = Number.NEGATIVE_INFINITY;

  constructor(owner: PublisherIdentity, home: EndpointHome) {
    this.#owner = owner;
    this.#home = home;
  }

  start(room: Room, id: TrackId, info: RemoteTrackInfo, nowMs: number): ProtocolError | undefined {
    const wrong = checkName(info.name) ?? checkTrack(info);
    if (wrong !== undefined) return wrong;
    for (const track of this.tracks.values())
      if (track.info.name === info.name && track.id !== id) return fail('track-name-taken', info.name);
    const old = this.tracks.get(id);
    if (old === undefined && this.tracks.size >= TRACKS_MAX)
      return fail('limit-exceeded', `${TRACKS_MAX} tracks`);
    if (old !== undefined) this.#stop(room, old, nowMs);
    const { output, fabric } = this.#home;
    const fan = this.#home.openFan(room, this.#owner.peer, info.name);
    const track = new RemoteTrack(this.#owner.id, id, info, fan, output, fabric, nowMs);
    this.tracks.set(id, track);
    this.#home.publishes(fan, track);
    this.#show(room, info, nowMs);
    return undefined;
  }

  update(room: Room, control: ControlOf<'remote-track-update'>, nowMs: number): ProtocolError | undefined {
    const { type: _type, track: id, request: _request, ...change } = control;
    const track = this.tracks.get(id);
    if (track === undefined) return fail('unknown-track', `remote track ${id}`);
    const wrong = checkTrack(change);
    if (wrong !== undefined) return wrong;
    track.info = { ...track.info, ...change };
    this.#show(room, track.info, nowMs);
    return undefined;
  }

  stop(room: Room, id: TrackId, nowMs: number): ProtocolError | undefined {
    const track = this.tracks.get(id);
    if (track === undefined) return fail('unknown-track', `remote track ${id}`);
    this.#stop(room, track, nowMs);
    return undefined;
  }

  stopAll(room: Room, nowMs: number): void {
    for (const track of [...this.tracks.values()]) this.#stop(room, track, nowMs);
  }

  /** Tells the publisher what its viewers can use. */
  tick(nowMs: number): void {
    if (this.tracks.size === 0 || nowMs - this.#allocatedMs < ALLOCATE_MS) return;
    this.#allocatedMs = nowMs;
    const videos = [...this.tracks.values()].filter(({ info }) => info.kind === 'video');
    if (videos.length === 0) return;
    const limits = allocateIngress(
      videos.map((track) => ({
        priority: track.info.priority ?? DEFAULT_PRIORITY,
        wantedBps: track.wantedBps(nowMs),
      })),
    );
    for (const [index, track] of videos.entries()) track.limit(limits[index] ?? 0, nowMs);
  }

  #show(room: Room, info: RemoteTrackInfo, nowMs: number): void {
    const { peer, session } = this.#owner;
    this.#home.fabric.set(room.map, trackKey(peer, info.name), { kind: 'track', peer, session, info }, nowMs);
  }

  #stop(room: Room, track: RemoteTrack, nowMs: number): void {
    this.tracks.delete(track.id);
    track.fan.keepPictures(false);
    this.#home.publishes(track.fan, undefined);
    const { peer, session } = this.#owner;
    // Another session may have taken it over.
    if (room.trackSession(peer, track.info.name) === session)
      this.#home.fabric.delete(room.map, trackKey(peer, track.info.name), nowMs);
    this.#home.releaseFan(track.fan);
  }
}
