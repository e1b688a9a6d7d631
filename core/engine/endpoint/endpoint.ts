import {
  ALL_PERMISSIONS,
  type ClientKind,
  type EndpointControl,
  type EndpointEvent,
  type ErrorCode,
  isName,
  type LocalTrackConfig,
  METADATA_MAX_BYTES,
  type Permissions,
  type ProtocolError,
  type PublishScope,
  type RemoteTrackInfo,
  SUBSCRIPTIONS_MAX,
  type SubscribeScope,
  TRACKS_MAX,
  type TrackId,
} from '@switchyard/shared/protocol';
import type { EngineOutput, Fabric } from '../io.ts';
import { MixerSlots, type MixerSource } from '../room/audio-mixer.ts';
import type { ChannelFan } from '../room/channel-fan.ts';
import { peerKey, type Room, trackKey } from '../room/room.ts';
import { type AllocationRequest, allocateEgress } from './bitrate/egress-allocator.ts';
import { layerSteps } from './bitrate/layer-steps.ts';
import { LocalTrack, type LocalTrackHome } from './local-track.ts';
import { RemoteTrack } from './remote-track.ts';

/** How often a viewer's layers are chosen anew, milliseconds. */
const ALLOCATE_MS = 200;

const fail = (code: ErrorCode, detail?: string): ProtocolError =>
  detail === undefined ? { code } : { code, detail };

/** What an endpoint needs of the engine. */
export interface EndpointHome extends LocalTrackHome {
  readonly output: EngineOutput;
  readonly fabric: Fabric;
  /** The channel's fan on this node, made when there is none. */
  openFan(room: Room, peer: string, track: string): ChannelFan;
  releaseFan(fan: ChannelFan): void;
  publishes(fan: ChannelFan, track: RemoteTrack | undefined): void;
}

type ControlOf<Type extends EndpointControl['type']> = Extract<EndpointControl, { type: Type }>;

/** One connected client: what it publishes, what it takes, and the room it is in. */
export class Endpoint {
  readonly id: number;
  readonly client: ClientKind;
  readonly gateway: string;
  readonly address: string | undefined;
  readonly openedMs: number;
  readonly remoteTracks: Map<number, RemoteTrack> = new Map();
  readonly localTracks: Map<number, LocalTrack> = new Map();
  readonly labels: Set<string> = new Set();
  readonly #home: EndpointHome;
  readonly #manualPeers = new Set<string>();
  #room: Room | undefined;
  peer = '';
  metadata: string | undefined;
  /** Of the join; there is nothing to forbid outside of a room. */
  permissions: Permissions = ALL_PERMISSIONS;
  #publish: PublishScope = { peer: false, tracks: false };
  #subscribe: SubscribeScope = { peers: false, tracks: false };
  #mixer: { readonly slots: readonly TrackId[]; readonly chooser: MixerSlots } | undefined;
  /** Bits per second; undefined until the gateway said something. */
  estimateBps: number | undefined;
  #allocatedMs = Number.NEGATIVE_INFINITY;

  constructor(
    id: number,
    client: ClientKind,
    gateway: string,
    address: string | undefined,
    home: EndpointHome,
    nowMs: number,
  ) {
    this.id = id;
    this.client = client;
    this.gateway = gateway;
    this.address = address;
    this.#home = home;
    this.openedMs = nowMs;
  }

  get room(): Room | undefined {
    return this.#room;
  }

  get showsPeer(): boolean {
    return this.#publish.peer;
  }

  tell(event: EndpointEvent): void {
    this.#home.output.event(this.id, event);
  }

  /** Whether the endpoint is told of `peer` in this scope. */
  wants(peer: string, scope: 'peers' | 'tracks'): boolean {
    return this.#subscribe[scope] || this.#manualPeers.has(peer);
  }

  join(room: Room, control: ControlOf<'join'>, nowMs: number): void {
    this.#room = room;
    this.peer = control.peer;
    this.metadata = control.metadata;
    this.permissions = control.permissions;
    this.#publish = control.publish;
    this.#subscribe = control.subscribe;
    room.endpoints.add(this);
    room.replay(this);
    if (control.publish.peer) this.#showPeer(nowMs);
  }

  /** Gives back everything it holds in the room. */
  leave(nowMs: number): void {
    const room = this.#room;
    if (room === undefined) return;
    for (const track of [...this.remoteTracks.values()]) this.#stopRemoteTrack(track, nowMs);
    for (const track of this.localTracks.values()) this.#detach(track, nowMs);
    this.#mixer = undefined;
    this.labels.clear();
    this.#manualPeers.clear();
    room.endpoints.delete(this);
    if (this.#publish.peer) this.#home.fabric.delete(room.map, peerKey(this.peer), nowMs);
    this.#room = undefined;
  }

  /** Everything that needs a room, and the leaving of it. @returns What is wrong with the control. */
  handle(control: EndpointControl, nowMs: number): ProtocolError | undefined {
    const room = this.#room;
    if (room === undefined) return fail('not-in-room');
    switch (control.type) {
      case 'update-peer':
        return this.#updatePeer(control.metadata, nowMs);
      case 'subscribe-peer':
        return this.#subscribePeer(room, control.peer);
      case 'unsubscribe-peer':
        return this.#manualPeers.delete(control.peer) ? undefined : fail('unknown-peer', control.peer);
      case 'remote-track-start':
        return this.#startRemoteTrack(room, control.track, control.info, nowMs);
      case 'remote-track-update':
        return this.#updateRemoteTrack(room, control, nowMs);
      case 'remote-track-stop': {
        const track = this.remoteTracks.get(control.track);
        if (track === undefined) return fail('unknown-track', `remote track ${control.track}`);
        this.#stopRemoteTrack(track, nowMs);
        return undefined;
      }
      case 'local-track-attach':
        return this.#attach(room, control, nowMs);
      case 'local-track-detach':
      case 'local-track-config':
      case 'local-track-keyframe-request':
        return this.#handleLocalTrack(control, nowMs);
      case 'mixer-attach':
        return this.#attachMixer(control, nowMs);
      case 'mixer-detach':
        return this.#detachMixer(nowMs);
      case 'egress-estimate':
        this.estimateBps = control.bitrateBps;
        this.#allocate(nowMs);
        return undefined;
      case 'channel-subscribe':
        return this.#subscribeLabel(control.label);
      case 'channel-unsubscribe':
        return this.labels.delete(control.label)
          ? undefined
          : fail('invalid-request', `label ${control.label}`);
      case 'mixer-config':
      case 'channel-publish-start':
      case 'channel-publish-stop':
        return fail('unsupported-feature', control.type);
      case 'channel-publish': {
        if (!isName(control.label)) return fail('invalid-name', control.label);
        const { label, data } = control;
        this.#home.fabric.send(room.map, { label, peer: this.peer, data }, nowMs);
        return undefined;
      }
      case 'open':
      case 'close':
      case 'join':
      case 'leave':
        return fail('invalid-request', control.type);
    }
  }

  /** A track of the room began again under the same name: what flows is another stream. */
  sourceStarted(peer: string, track: string, nowMs: number): void {
    for (const local of this.localTracks.values())
      if (local.source?.peer === peer && local.source.track === track && local.status === 'ended')
        local.attach(local.source, local.fan, nowMs);
  }

  sourceStopped(peer: string, track: string): void {
    for (const local of this.localTracks.values())
      if (local.source?.peer === peer && local.source.track === track) local.ended();
  }

  mix(sources: readonly MixerSource[], nowMs: number): void {
    const mixer = this.#mixer;
    if (mixer === undefined) return;
    const others = sources.filter(({ source }) => source.peer !== this.peer || !this.#publish.peer);
    mixer.chooser.update(others, nowMs, (index, source) => {
      const track = mixer.slots[index];
      const local = track === undefined ? undefined : this.localTracks.get(track);
      if (local === undefined || this.#room === undefined) return;
      if (source === undefined) {
        this.#detach(local, nowMs);
        this.tell({ type: 'mixer-slot-unset', track: local.id });
        return;
      }
      this.#connect(this.#room, local, source.peer, source.track, nowMs);
      this.tell({ type: 'mixer-slot-set', track: local.id, source });
    });
  }

  tick(nowMs: number): void {
    if (nowMs - this.#allocatedMs >= ALLOCATE_MS) this.#allocate(nowMs);
    for (const track of this.localTracks.values()) track.tick(nowMs);
  }

  #showPeer(nowMs: number): void {
    if (this.#room === undefined) return;
    const value = { kind: 'peer', peer: this.peer } as const;
    this.#home.fabric.set(
      this.#room.map,
      peerKey(this.peer),
      this.metadata === undefined ? value : { ...value, metadata: this.metadata },
      nowMs,
    );
  }

  #updatePeer(metadata: string, nowMs: number): ProtocolError | undefined {
    if (metadata.length > METADATA_MAX_BYTES) return fail('limit-exceeded', 'metadata');
    this.metadata = metadata;
    if (this.#publish.peer) this.#showPeer(nowMs);
    return undefined;
  }

  #subscribePeer(room: Room, peer: string): ProtocolError | undefined {
    if (!isName(peer)) return fail('invalid-name', peer);
    if (this.#manualPeers.size >= SUBSCRIPTIONS_MAX)
      return fail('limit-exceeded', `${SUBSCRIPTIONS_MAX} peers`);
    if (this.#manualPeers.has(peer)) return undefined;
    this.#manualPeers.add(peer);
    room.replay(this, peer);
    return undefined;
  }

  #subscribeLabel(label: string): ProtocolError | undefined {
    if (!isName(label)) return fail('invalid-name', label);
    if (this.labels.size >= SUBSCRIPTIONS_MAX) return fail('limit-exceeded', `${SUBSCRIPTIONS_MAX} labels`);
    this.labels.add(label);
    return undefined;
  }

  #startRemoteTrack(
    room: Room,
    id: TrackId,
    info: RemoteTrackInfo,
    nowMs: number,
  ): ProtocolError | undefined {
    if (!this.#publish.tracks) return fail('not-allowed', 'this session publishes no tracks');
    if (!isName(info.name)) return fail('invalid-name', info.name);
    if (!isPriority(info.priority)) return fail('invalid-priority', `${info.priority}`);
    for (const track of this.remoteTracks.values())
      if (track.info.name === info.name && track.id !== id)
        return fail('invalid-request', `a track ${info.name} is there already`);
    const old = this.remoteTracks.get(id);
    if (old !== undefined) this.#stopRemoteTrack(old, nowMs);
    if (this.remoteTracks.size >= TRACKS_MAX) return fail('limit-exceeded', `${TRACKS_MAX} tracks`);
    const fan = this.#home.openFan(room, this.peer, info.name);
    const track = new RemoteTrack(this.id, id, info, fan, this.#home.output, this.#home.fabric);
    this.remoteTracks.set(id, track);
    this.#home.publishes(fan, track);
    this.#showTrack(room, info, nowMs);
    return undefined;
  }

  #updateRemoteTrack(
    room: Room,
    control: ControlOf<'remote-track-update'>,
    nowMs: number,
  ): ProtocolError | undefined {
    const track = this.remoteTracks.get(control.track);
    if (track === undefined) return fail('unknown-track', `remote track ${control.track}`);
    if (!isPriority(control.priority)) return fail('invalid-priority', `${control.priority}`);
    const { type: _type, track: _track, request: _request, ...change } = control;
    track.info = { ...track.info, ...change };
    this.#showTrack(room, track.info, nowMs);
    return undefined;
  }

  #showTrack(room: Room, info: RemoteTrackInfo, nowMs: number): void {
    const key = trackKey(this.peer, info.name);
    this.#home.fabric.set(room.map, key, { kind: 'track', peer: this.peer, info }, nowMs);
  }

  #stopRemoteTrack(track: RemoteTrack, nowMs: number): void {
    this.remoteTracks.delete(track.id);
    track.fan.keepPictures(false);
    this.#home.publishes(track.fan, undefined);
    if (this.#room !== undefined)
      this.#home.fabric.delete(this.#room.map, trackKey(this.peer, track.info.name), nowMs);
    this.#home.releaseFan(track.fan);
  }

  #attach(room: Room, control: ControlOf<'local-track-attach'>, nowMs: number): ProtocolError | undefined {
    const { track: id, source, config, kind } = control;
    const wrong = configError(config);
    if (wrong !== undefined) return wrong;
    if (!isName(source.peer) || !isName(source.track))
      return fail('invalid-name', `${source.peer}/${source.track}`);
    if (this.#mixer?.slots.includes(id) === true)
      return fail('wrong-mixer-mode', `track ${id} is a mixer slot`);
    const local = this.#localTrack(id, kind, config);
    if (local === undefined) return fail('limit-exceeded', `${TRACKS_MAX} tracks`);
    local.config = config;
    this.#connect(room, local, source.peer, source.track, nowMs);
    this.#allocate(nowMs);
    return undefined;
  }

  #handleLocalTrack(
    control: ControlOf<'local-track-detach' | 'local-track-config' | 'local-track-keyframe-request'>,
    nowMs: number,
  ): ProtocolError | undefined {
    const local = this.localTracks.get(control.track);
    if (local?.source === undefined) return fail('unknown-track', `local track ${control.track}`);
    if (control.type === 'local-track-keyframe-request') {
      local.keyframeRequested(nowMs);
      return undefined;
    }
    if (control.type === 'local-track-detach') {
      // Its counters are kept: the viewer's stream goes on with the next source.
      this.#detach(local, nowMs);
      return undefined;
    }
    const wrong = configError(control.config);
    if (wrong !== undefined) return wrong;
    local.config = control.config;
    this.#allocate(nowMs);
    return undefined;
  }

  #attachMixer(control: ControlOf<'mixer-attach'>, nowMs: number): ProtocolError | undefined {
    if (control.mode === 'manual') return fail('unsupported-feature', 'manual mixer');
    if (this.#mixer !== undefined) this.#detachMixer(nowMs);
    if (new Set(control.slots).size !== control.slots.length)
      return fail('invalid-request', 'slots: one twice');
    const config: LocalTrackConfig = { priority: 1000, maxSpatial: 0, maxTemporal: 0 };
    for (const id of control.slots)
      if (this.#localTrack(id, 'audio', config) === undefined)
        return fail('limit-exceeded', `${TRACKS_MAX} tracks`);
    this.#mixer = { slots: control.slots, chooser: new MixerSlots(control.slots.length) };
    return undefined;
  }

  #detachMixer(nowMs: number): ProtocolError | undefined {
    for (const id of this.#mixer?.slots ?? []) {
      const local = this.localTracks.get(id);
      if (local !== undefined) this.#detach(local, nowMs);
    }
    this.#mixer = undefined;
    return undefined;
  }

  /** The track of that number; made when there is none, undefined when there are too many. */
  #localTrack(id: TrackId, kind: 'audio' | 'video', config: LocalTrackConfig): LocalTrack | undefined {
    const known = this.localTracks.get(id);
    if (known?.kind === kind) return known;
    if (known !== undefined) this.#detach(known, 0);
    else if (this.localTracks.size >= TRACKS_MAX && !this.#forgetDetached()) return undefined;
    const local = new LocalTrack(this.id, id, kind, config, this.#home);
    this.localTracks.set(id, local);
    return local;
  }

  /** Makes room for a track. @returns false when all of them are in use. */
  #forgetDetached(): boolean {
    for (const [id, { fan }] of this.localTracks)
      if (fan === undefined && this.#mixer?.slots.includes(id as TrackId) !== true)
        return this.localTracks.delete(id);
    return false;
  }

  #connect(room: Room, local: LocalTrack, peer: string, track: string, nowMs: number): void {
    const before = local.fan;
    const fan = this.#home.openFan(room, peer, track);
    local.attach({ peer, track }, fan, nowMs);
    if (before !== undefined && before !== fan) this.#home.releaseFan(before);
  }

  #detach(local: LocalTrack, nowMs: number): void {
    const { fan } = local;
    local.attach(undefined, undefined, nowMs);
    if (fan !== undefined) this.#home.releaseFan(fan);
  }

  #allocate(nowMs: number): void {
    this.#allocatedMs = nowMs;
    const videos: LocalTrack[] = [];
    const requests: AllocationRequest[] = [];
    let audioBps = 0;
    for (const local of this.localTracks.values()) {
      const { fan } = local;
      if (fan === undefined) continue;
      if (local.kind === 'audio') {
        audioBps += fan.meter.totalBps;
        continue;
      }
      const { config } = local;
      const steps = layerSteps(fan.meter, fan.svc, config);
      const top = steps.at(-1);
      const all = layerSteps(fan.meter, fan.svc, { ...config, maxSpatial: 15, maxTemporal: 15 }).at(-1);
      const limited = top !== undefined && all !== undefined && top.bitrateBps < all.bitrateBps;
      videos.push(local);
      requests.push({ priority: config.priority, steps, limit: limited ? 'limit' : 'best' });
    }
    const budget = this.estimateBps === undefined ? Number.POSITIVE_INFINITY : this.estimateBps - audioBps;
    allocateEgress(requests, budget).forEach((allocation, index) => {
      const local = videos[index];
      if (allocation === undefined || local === undefined) return;
      const { spatial, temporal, bitrateBps } = allocation.step;
      local.setTarget(spatial, temporal, bitrateBps, allocation.reason, nowMs);
    });
  }
}

const isPriority = (priority: number | undefined): boolean =>
  priority === undefined || (Number.isInteger(priority) && priority >= 1 && priority <= 1000);

function configError(config: LocalTrackConfig): ProtocolError | undefined {
  if (!isPriority(config.priority)) return fail('invalid-priority', `${config.priority}`);
  if ((config.minSpatial ?? 0) > config.maxSpatial)
    return fail('invalid-layer-limits', 'minSpatial > maxSpatial');
  if ((config.minTemporal ?? 0) > config.maxTemporal)
    return fail('invalid-layer-limits', 'minTemporal > maxTemporal');
  return undefined;
}
