import type { MediaKind } from '@switchyard/shared/media';
import {
  type EndpointControl,
  type LocalTrackConfig,
  type ProtocolError,
  TRACKS_MAX,
  type TrackId,
  type TrackSource,
} from '@switchyard/shared/protocol';
import type { Room } from '../room/room.ts';
import { checkConfig, checkSource, fail } from './control-check.ts';
import type { EndpointHome } from './endpoint.ts';
import { LocalTrack } from './local-track.ts';

type ControlOf<Type extends EndpointControl['type']> = Extract<EndpointControl, { type: Type }>;

/** What one endpoint receives: its local tracks, by number. A track stays attached while its source comes and goes. */
export class Receptions {
  readonly tracks: Map<number, LocalTrack> = new Map();
  readonly #endpoint: number;
  readonly #home: EndpointHome;
  /** Slots of the mixer: they wait for a speaker. */
  readonly #reserved = new Set<TrackId>();

  constructor(endpoint: number, home: EndpointHome) {
    this.#endpoint = endpoint;
    this.#home = home;
  }

  attach(room: Room, control: ControlOf<'local-track-attach'>, nowMs: number): ProtocolError | undefined {
    const { track: id, source, config, kind } = control;
    const wrong = checkConfig(config) ?? checkSource(source);
    if (wrong !== undefined) return wrong;
    const info = room.trackInfo(source.peer, source.track);
    if (info !== undefined && info.kind !== kind)
      return fail('invalid-request', `${source.track} is ${info.kind}, the local track ${kind}`);
    const local = this.open(id, kind, config, nowMs);
    if (local === undefined) return fail('limit-exceeded', `${TRACKS_MAX} tracks`);
    local.config = config;
    local.takesDescriptors = control.descriptors === true;
    local.observed = control.observe === true;
    this.connect(room, local, source, nowMs);
    return undefined;
  }

  configure(id: TrackId, config: LocalTrackConfig): ProtocolError | undefined {
    const local = this.#attached(id);
    if (local === undefined) return fail('unknown-track', `local track ${id}`);
    const wrong = checkConfig(config);
    if (wrong === undefined) local.config = config;
    return wrong;
  }

  requestKeyframe(id: TrackId, nowMs: number): ProtocolError | undefined {
    const local = this.#attached(id);
    if (local === undefined) return fail('unknown-track', `local track ${id}`);
    local.keyframeRequested(nowMs);
    return undefined;
  }

  detach(id: TrackId, nowMs: number): ProtocolError | undefined {
    const local = this.#attached(id);
    if (local === undefined) return fail('unknown-track', `local track ${id}`);
    this.disconnect(local, nowMs);
    return undefined;
  }

  /** Tracks are kept, detached: their counters go on with the next source. */
  detachAll(nowMs: number): void {
    for (const local of this.tracks.values()) this.disconnect(local, nowMs);
    this.#reserved.clear();
  }

  /** Makes a slot of the mixer. @returns false when there are too many tracks. */
  reserve(id: TrackId, config: LocalTrackConfig, nowMs: number): boolean {
    if (this.open(id, 'audio', config, nowMs) === undefined) return false;
    this.#reserved.add(id);
    return true;
  }

  unreserve(id: TrackId): void {
    this.#reserved.delete(id);
  }

  /** The track of that number; made when there is none, undefined when there are too many. */
  open(id: TrackId, kind: MediaKind, config: LocalTrackConfig, nowMs: number): LocalTrack | undefined {
    const known = this.tracks.get(id);
    if (known?.kind === kind) return known;
    if (known !== undefined) this.disconnect(known, nowMs);
    else if (this.tracks.size >= TRACKS_MAX && !this.#forgetDetached()) return undefined;
    const local = new LocalTrack(this.#endpoint, id, kind, config, this.#home);
    this.tracks.set(id, local);
    return local;
  }

  #attached(id: TrackId): LocalTrack | undefined {
    const local = this.tracks.get(id);
    return local?.source === undefined ? undefined : local;
  }

  /** Makes room for a track. @returns false when all of them are in use. */
  #forgetDetached(): boolean {
    for (const [number, { id, fan }] of this.tracks)
      if (fan === undefined && !this.#reserved.has(id)) return this.tracks.delete(number);
    return false;
  }

  /** Attaches to a source, or switches to it. The same again changes nothing: the picture goes on. */
  connect(room: Room, local: LocalTrack, source: TrackSource, nowMs: number): void {
    const before = local.fan;
    const fan = this.#home.openFan(room, source.peer, source.track);
    if (fan === before && local.status !== 'ended') return;
    local.attach(source, fan, nowMs);
    if (before !== undefined && before !== fan) this.#home.releaseFan(before);
  }

  disconnect(local: LocalTrack, nowMs: number): void {
    const { fan } = local;
    local.attach(undefined, undefined, nowMs);
    if (fan !== undefined) this.#home.releaseFan(fan);
  }

  /** A track of the room began again under the same name: what flows is another stream. */
  sourceStarted(peer: string, track: string, kind: MediaKind, nowMs: number): void {
    for (const local of this.tracks.values())
      if (local.status === 'ended' && local.kind === kind && isSource(local, peer, track))
        local.attach(local.source, local.fan, nowMs);
  }

  sourceStopped(peer: string, track: string): void {
    for (const local of this.tracks.values()) if (isSource(local, peer, track)) local.ended();
  }
}

const isSource = ({ source }: LocalTrack, peer: string, track: string): boolean =>
  source !== undefined && source.peer === peer && source.track === track;
