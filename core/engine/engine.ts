import type { MediaPacket } from '@switchyard/shared/media';
import {
  type ClientKind,
  type EndpointControl,
  isName,
  type ProtocolError,
} from '@switchyard/shared/protocol';
import { checkMetadata } from './endpoint/control-check.ts';
import { DROP, type DropReason } from './endpoint/drop-reason.ts';
import { Endpoint, type EndpointHome } from './endpoint/endpoint.ts';
import { byReason, bySwitchKind, ForwardCounters, type SwitchKind } from './endpoint/forward-counters.ts';
import { narrowJoin, permissionError } from './endpoint/permission-check.ts';
import type { RemoteTrack } from './endpoint/remote-track.ts';
import type {
  Channel,
  ChannelFeedback,
  EngineInput,
  EngineOutput,
  Fabric,
  FabricListener,
  PresenceValue,
  RoomMessage,
} from './io.ts';
import { ChannelFan } from './room/channel-fan.ts';
import { channelName, Room, type RoomHome, roomMap } from './room/room.ts';

/** Timers of the engine have this grain, milliseconds. */
export const TICK_MS: number = 50;

/** What viewers can use of a track is told to its publisher this often, milliseconds; a new layer at once. */
const DEMAND_MS = 500;

/** Rooms, endpoints and the streams between them. Pure: see {@link EngineInput}. */
export class Engine implements EngineInput, FabricListener, EndpointHome, RoomHome {
  readonly output: EngineOutput;
  readonly fabric: Fabric;
  readonly counters: ForwardCounters = new ForwardCounters();
  /** Index is the endpoint's number. */
  readonly #endpoints: (Endpoint | undefined)[] = [];
  readonly #rooms = new Map<string, Room>();
  /** Index is the channel's number. */
  readonly #fans: (ChannelFan | undefined)[] = [];
  readonly #fanByName = new Map<string, ChannelFan>();
  readonly #publishers: (RemoteTrack | undefined)[] = [];
  readonly #freeChannels: number[] = [];
  readonly #node: string;
  #endpointCount = 0;
  #sessions = 0;
  #lastTickMs = 0;
  #isDraining = false;
  /** Streams are measured on every other tick. */
  #isEvenTick = false;

  /** @param node Name of this node, unique among those that share the fabric, and of this start. */
  constructor(output: EngineOutput, fabric: Fabric, node: string = 'node') {
    this.output = output;
    this.fabric = fabric;
    this.#node = node;
  }

  /** Packets that went no further since the start, by reason; one that several viewers did not get counts for each. */
  get drops(): Readonly<Record<DropReason, number>> {
    return byReason(this.counters.drops);
  }

  /** Switches that viewers saw since the start: spatial layer up or down, another source or stream. */
  get switches(): Readonly<Record<SwitchKind, number>> {
    return bySwitchKind(this.counters.switches);
  }

  get rooms(): Iterable<Room> {
    return this.#rooms.values();
  }

  get endpointCount(): number {
    return this.#endpointCount;
  }

  /** Streams that somebody of this node publishes or takes. */
  get channelCount(): number {
    return this.#fanByName.size;
  }

  get nextDeadlineMs(): number {
    return this.#endpointCount === 0 ? Number.POSITIVE_INFINITY : this.#lastTickMs + TICK_MS;
  }

  room(app: string, name: string): Room | undefined {
    return this.#rooms.get(roomMap(app, name));
  }

  openEndpoint(
    endpoint: number,
    client: ClientKind,
    gateway: string,
    address: string | undefined,
    nowMs: number,
  ): void {
    this.closeEndpoint(endpoint, nowMs);
    this.#sessions += 1;
    const session = `${this.#node}/${this.#sessions}`;
    const identity = { id: endpoint, client, gateway, address, session, openedMs: nowMs };
    this.#endpoints[endpoint] = new Endpoint(identity, this);
    this.#endpointCount += 1;
  }

  closeEndpoint(endpoint: number, nowMs: number): void {
    const closing = this.#endpoints[endpoint];
    if (closing === undefined) return;
    this.#leave(closing, nowMs);
    this.#endpoints[endpoint] = undefined;
    this.#endpointCount -= 1;
  }

  handleControl(number: number, control: EndpointControl, nowMs: number): void {
    const endpoint = this.#endpoints[number];
    const request = 'request' in control ? control.request : undefined;
    const error =
      endpoint === undefined ? { code: 'unknown-endpoint' as const } : this.#handle(endpoint, control, nowMs);
    if (request !== undefined)
      this.output.event(
        number,
        error === undefined ? { type: 'reply', request } : { type: 'reply', request, error },
      );
    else if (error !== undefined) this.output.event(number, { type: 'error', error });
  }

  handleMedia(endpoint: number, track: number, packet: MediaPacket, nowMs: number): void {
    const remote = this.#endpoints[endpoint]?.remoteTracks.get(track);
    if (remote === undefined) this.counters.drop(DROP['unknown-track']);
    else remote.handleMedia(packet, nowMs);
  }

  handleTick(nowMs: number): void {
    this.#lastTickMs = nowMs;
    this.#isEvenTick = !this.#isEvenTick;
    if (this.#isEvenTick) for (const fan of this.#fans) if (fan !== undefined) this.#measure(fan, nowMs);
    for (const room of this.#rooms.values()) room.tick(nowMs);
  }

  /** Ends an endpoint from this side, with a reason its client is told. */
  kick(endpoint: Endpoint, error: ProtocolError, nowMs: number): void {
    this.closeEndpoint(endpoint.id, nowMs);
    this.output.event(endpoint.id, { type: 'closed', error });
  }

  /** Takes no new joins, and asks every client that can go elsewhere to do so. Those that stay are served. */
  drain(reason: string): void {
    this.#isDraining = true;
    for (const endpoint of this.#endpoints) endpoint?.tell({ type: 'go-away', reason });
  }

  channelMedia(channel: Channel, packet: MediaPacket, nowMs: number): void {
    this.#fans[channel.id]?.deliver(packet, nowMs);
  }

  channelFeedback(channel: Channel, feedback: ChannelFeedback, nowMs: number): void {
    this.#publishers[channel.id]?.onFeedback(feedback, nowMs);
  }

  mapSet(map: string, _key: string, value: PresenceValue, nowMs: number): void {
    const room = this.#rooms.get(map);
    if (room === undefined) return;
    const holder = room.holderOf(value.peer);
    // Somebody took the name over on another node.
    if (holder !== undefined && holder.session !== value.session) {
      room.mapSet(value, nowMs);
      this.kick(holder, { code: 'replaced' }, nowMs);
      return;
    }
    room.mapSet(value, nowMs);
  }

  mapDeleted(map: string, key: string): void {
    this.#rooms.get(map)?.mapDeleted(key);
  }

  message(map: string, message: RoomMessage): void {
    this.#rooms.get(map)?.labels.deliver(message);
  }

  fanOf(app: string, room: string, peer: string, track: string): ChannelFan | undefined {
    return this.#fanByName.get(channelName(app, room, peer, track));
  }

  openFan(room: Room, peer: string, track: string): ChannelFan {
    const name = channelName(room.app, room.name, peer, track);
    const known = this.#fanByName.get(name);
    if (known !== undefined) return known;
    const channel: Channel = { id: this.#freeChannels.pop() ?? this.#fans.length, name };
    const fan = new ChannelFan(channel, { peer, track }, this.output);
    fan.info = room.trackInfo(peer, track);
    this.#fans[channel.id] = fan;
    this.#fanByName.set(name, fan);
    this.fabric.subscribe(channel);
    return fan;
  }

  releaseFan(fan: ChannelFan): void {
    if (!fan.isUnused || this.#fans[fan.channel.id] !== fan) return;
    this.fabric.unsubscribe(fan.channel);
    this.#fans[fan.channel.id] = undefined;
    this.#fanByName.delete(fan.channel.name);
    this.#freeChannels.push(fan.channel.id);
  }

  publishes(fan: ChannelFan, track: RemoteTrack | undefined): void {
    fan.published = track !== undefined;
    this.#publishers[fan.channel.id] = track;
  }

  requestKeyframe(fan: ChannelFan, spatial: number, nowMs: number): void {
    this.fabric.feedback(fan.channel, { type: 'keyframe', spatial }, nowMs);
  }

  #handle(endpoint: Endpoint, control: EndpointControl, nowMs: number): ProtocolError | undefined {
    if (control.type === 'join') return this.#join(endpoint, control, nowMs);
    if (control.type === 'leave') {
      if (endpoint.room === undefined) return { code: 'not-in-room' };
      this.#leave(endpoint, nowMs);
      return undefined;
    }
    return permissionError(control, endpoint.permissions) ?? endpoint.handle(control, nowMs);
  }

  #join(
    endpoint: Endpoint,
    control: Extract<EndpointControl, { type: 'join' }>,
    nowMs: number,
  ): ProtocolError | undefined {
    const names: readonly string[] = [control.app, control.room, control.peer];
    if (names.some((name) => !isName(name)))
      return { code: 'invalid-name', detail: names.join('/').slice(0, 120) };
    const wrong = checkMetadata(control.metadata);
    if (wrong !== undefined) return wrong;
    if (this.#isDraining) return { code: 'draining' };
    const taken = this.#takeName(endpoint, control, nowMs);
    if (taken !== undefined) return taken;
    this.#leave(endpoint, nowMs);
    endpoint.join(this.#openRoom(control.app, control.room, nowMs), narrowJoin(control), nowMs);
    return undefined;
  }

  /**
   * One publishing session a peer name: another that wants it is refused, or takes it over. Viewers hold no name.
   * See docs/adr/0017-one-session-a-peer-name.md.
   */
  #takeName(
    endpoint: Endpoint,
    { app, room, peer, publish, replace }: Extract<EndpointControl, { type: 'join' }>,
    nowMs: number,
  ): ProtocolError | undefined {
    const there = this.room(app, room);
    if (there === undefined || (!publish.peer && !publish.tracks)) return undefined;
    const holder = there.holderOf(peer);
    if (holder === endpoint || (holder === undefined && !there.peers.has(peer))) return undefined;
    if (!replace) return { code: 'peer-name-taken', detail: peer };
    if (holder !== undefined) this.kick(holder, { code: 'replaced' }, nowMs);
    return undefined;
  }

  #measure(fan: ChannelFan, nowMs: number): void {
    fan.tick(nowMs);
    if (fan.info?.kind === 'audio' || (nowMs - fan.demandToldMs < DEMAND_MS && !fan.hasNewTargets)) return;
    fan.hasNewTargets = false;
    const demand = fan.demand();
    fan.costs.tick(demand.layers, nowMs);
    fan.demandMaxBps = demand.maxBps;
    fan.demandToldMs = nowMs;
    // Nobody, twice: the publisher's node has forgotten already.
    if (demand.count === 0 && fan.demandCount === 0) return;
    fan.demandCount = demand.count;
    this.fabric.feedback(fan.channel, { type: 'demand', node: this.#node, demand }, nowMs);
  }

  #leave(endpoint: Endpoint, nowMs: number): void {
    const { room } = endpoint;
    if (room === undefined) return;
    endpoint.leave(nowMs);
    if (room.endpoints.size > 0) return;
    room.close();
    this.fabric.unwatch(room.map);
    this.#rooms.delete(room.map);
  }

  #openRoom(app: string, name: string, nowMs: number): Room {
    const map = roomMap(app, name);
    const known = this.#rooms.get(map);
    if (known !== undefined) return known;
    const room = new Room(app, name, this, nowMs);
    this.#rooms.set(map, room);
    this.fabric.watch(map, nowMs);
    return room;
  }
}
