import { Engine, type EngineOutput, type Fabric, TICK_MS } from '@switchyard/core/engine';
import { LocalFabric } from '@switchyard/core/fabric';
import { emptyMediaPacket, type MediaPacket } from '@switchyard/shared/media';
import {
  ALL_PERMISSIONS,
  DEFAULT_LOCAL_TRACK_CONFIG,
  type EndpointControl,
  type EndpointEvent,
  type FanoutTarget,
  type LocalTrackConfig,
  type RemoteTrackInfo,
  trackId,
} from '@switchyard/shared/protocol';

export interface Forwarded extends FanoutTarget {
  readonly spatial: number;
  readonly temporal: number;
  readonly keyframe: boolean;
}

type EventOf<Type extends EndpointEvent['type']> = Extract<EndpointEvent, { type: Type }>;

/** The engine on a virtual clock, with everything that leaves it. */
export class VirtualYard implements EngineOutput {
  readonly engine: Engine;
  readonly fabric: Fabric;
  readonly forwarded: Forwarded[] = [];
  readonly events: { readonly endpoint: number; readonly event: EndpointEvent; readonly atMs: number }[] = [];
  /** Packets that were forwarded, noted or not. */
  forwardedCount = 0;
  /** Forgets packets and events at once: for long runs. */
  isForgetful = false;
  /** Called for each event, before it is noted. */
  onEvent: (endpoint: number, event: EndpointEvent) => void = () => {};
  nowMs = 1_800_000_000_000;
  readonly #packet = emptyMediaPacket('vp8');

  constructor(fabric: LocalFabric = new LocalFabric(), node: string = 'a') {
    this.fabric = fabric;
    this.engine = new Engine(this, fabric, node);
    fabric.attach(this.engine);
  }

  forward(packet: MediaPacket, target: FanoutTarget): void {
    this.forwardedCount += 1;
    if (this.isForgetful) return;
    const { spatial, temporal, keyframe } = packet;
    this.forwarded.push({ ...target, spatial, temporal, keyframe });
  }

  endPacket(): void {}

  event(endpoint: number, event: EndpointEvent): void {
    this.onEvent(endpoint, event);
    if (!this.isForgetful) this.events.push({ endpoint, event, atMs: this.nowMs });
  }

  advance(ms: number): void {
    for (let left = ms; left > 0; left -= TICK_MS) {
      this.nowMs += Math.min(left, TICK_MS);
      if (this.nowMs >= this.engine.nextDeadlineMs) this.engine.handleTick(this.nowMs);
    }
  }

  control(endpoint: number, control: EndpointControl): void {
    this.engine.handleControl(endpoint, control, this.nowMs);
  }

  /** Asks, and returns the code of the refusal; undefined when it was taken. */
  ask(endpoint: number, control: EndpointControl): string | undefined {
    let code: string | undefined = 'no reply';
    const before = this.onEvent;
    this.onEvent = (to, event) => {
      if (to === endpoint && event.type === 'reply') code = event.error?.code;
    };
    this.control(endpoint, { ...control, request: 1 } as EndpointControl);
    this.onEvent = before;
    return code;
  }

  open(endpoint: number): void {
    this.engine.openEndpoint(endpoint, 'sdk', 'webrtc', undefined, this.nowMs);
  }

  /** @returns The code of the refusal; undefined when it was taken. */
  join(
    endpoint: number,
    peer: string,
    more: Partial<Extract<EndpointControl, { type: 'join' }>> = {},
  ): string | undefined {
    this.open(endpoint);
    return this.ask(endpoint, {
      type: 'join',
      app: 'default',
      room: 'demo',
      peer,
      publish: { peer: true, tracks: true },
      subscribe: { peers: true, tracks: true },
      permissions: ALL_PERMISSIONS,
      replace: false,
      ...more,
    });
  }

  leave(endpoint: number): void {
    this.engine.closeEndpoint(endpoint, this.nowMs);
  }

  publish(endpoint: number, track: number, info: Partial<RemoteTrackInfo> = {}): string | undefined {
    return this.ask(endpoint, {
      type: 'remote-track-start',
      track: trackId(track),
      info: { name: 'video_main', kind: 'video', codec: 'vp8', layers: [{}], ...info },
    });
  }

  publishAudio(endpoint: number, track: number, name: string = 'audio_main'): string | undefined {
    return this.publish(endpoint, track, { name, kind: 'audio', codec: 'opus', layers: [] });
  }

  attach(
    endpoint: number,
    track: number,
    peer: string,
    config: Partial<LocalTrackConfig> = {},
    source: string = 'video_main',
  ): string | undefined {
    return this.ask(endpoint, {
      type: 'local-track-attach',
      track: trackId(track),
      kind: source.startsWith('audio') ? 'audio' : 'video',
      source: { peer, track: source },
      config: { ...DEFAULT_LOCAL_TRACK_CONFIG, ...config },
    });
  }

  media(endpoint: number, track: number, packet: Partial<MediaPacket>): void {
    const whole = Object.assign(this.#packet, emptyMediaPacket(packet.codec ?? 'vp8'), packet);
    whole.captureMs = this.nowMs;
    this.engine.handleMedia(endpoint, track, whole, this.nowMs);
  }

  /** 20 ms of audio of each of these endpoints' track, `times` times. */
  speak(levels: Readonly<Record<number, number>>, ms: number, track: number = 1): void {
    for (let left = ms; left > 0; left -= 20) {
      for (const [endpoint, levelDbov] of Object.entries(levels))
        this.media(Number(endpoint), track, {
          codec: 'opus',
          seq: (this.nowMs / 20) & 0xffff,
          timestamp: (this.nowMs * 48) >>> 0,
          audioLevel: levelDbov,
          payload: AUDIO,
        });
      this.advance(20);
    }
  }

  /** Events of one type to one endpoint, as far as they were noted. */
  told<Type extends EndpointEvent['type']>(endpoint: number, type: Type): EventOf<Type>[] {
    return this.events.flatMap(({ endpoint: to, event }) =>
      to === endpoint && event.type === type ? [event as EventOf<Type>] : [],
    );
  }

  /** What one endpoint was told of who is in the room, in short. */
  presence(endpoint: number): string[] {
    return this.events.flatMap(({ endpoint: to, event }) => {
      if (to !== endpoint) return [];
      switch (event.type) {
        case 'peer-joined':
        case 'peer-updated':
          return [`${event.type} ${event.peer}${event.metadata === undefined ? '' : ` ${event.metadata}`}`];
        case 'peer-left':
          return [`${event.type} ${event.peer}`];
        case 'track-started':
        case 'track-updated':
          return [`${event.type} ${event.peer}/${event.info.name}`];
        case 'track-stopped':
          return [`${event.type} ${event.peer}/${event.track}`];
        default:
          return [];
      }
    });
  }

  forget(): void {
    this.forwarded.length = 0;
    this.events.length = 0;
  }
}

const AUDIO = new Uint8Array(80);
