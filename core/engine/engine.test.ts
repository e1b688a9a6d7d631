import { LocalFabric } from '@switchyard/core/fabric';
import { emptyMediaPacket, type MediaPacket } from '@switchyard/shared/media';
import {
  ALL_PERMISSIONS,
  DEFAULT_LOCAL_TRACK_CONFIG,
  type EndpointControl,
  type EndpointEvent,
  type FanoutTarget,
  type RemoteTrackInfo,
  trackId,
} from '@switchyard/shared/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { Engine, TICK_MS } from './engine.ts';
import type { EngineOutput } from './io.ts';

interface Forwarded {
  endpoint: number;
  track: number;
  seq: number;
  timestamp: number;
  spatial: number;
  keyframe: boolean;
  marker: boolean;
  pictureId: number;
}

/** The engine on a virtual clock, with everything that leaves it. */
class Yard implements EngineOutput {
  readonly forwarded: Forwarded[] = [];
  readonly events: [number, EndpointEvent][] = [];
  readonly engine: Engine;
  nowMs = 1_800_000_000_000;

  constructor() {
    const fabric = new LocalFabric();
    this.engine = new Engine(this, fabric);
    fabric.attach(this.engine);
  }

  forward(packet: MediaPacket, target: FanoutTarget): void {
    const { spatial, keyframe } = packet;
    const { endpoint, track, seq, timestamp, marker, pictureId } = target;
    this.forwarded.push({ endpoint, track, seq, timestamp, spatial, keyframe, marker, pictureId });
  }

  endPacket(): void {}

  event(endpoint: number, event: EndpointEvent): void {
    this.events.push([endpoint, event]);
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

  join(endpoint: number, peer: string, more: Partial<Extract<EndpointControl, { type: 'join' }>> = {}): void {
    this.engine.openEndpoint(endpoint, 'sdk', 'webrtc', undefined, this.nowMs);
    this.control(endpoint, {
      type: 'join',
      request: 1,
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

  publish(endpoint: number, track: number, info: Partial<RemoteTrackInfo> = {}): void {
    this.control(endpoint, {
      type: 'remote-track-start',
      track: trackId(track),
      info: { name: 'video_main', kind: 'video', codec: 'vp8', layers: [{}], ...info },
    });
  }

  attach(endpoint: number, track: number, peer: string, source = 'video_main'): void {
    this.control(endpoint, {
      type: 'local-track-attach',
      track: trackId(track),
      kind: source.startsWith('audio') ? 'audio' : 'video',
      source: { peer, track: source },
      config: DEFAULT_LOCAL_TRACK_CONFIG,
    });
  }

  media(endpoint: number, track: number, packet: Partial<MediaPacket>): void {
    const whole = {
      ...emptyMediaPacket(packet.codec ?? 'vp8'),
      captureMs: this.nowMs,
      payload: new Uint8Array(1000),
    };
    this.engine.handleMedia(endpoint, track, Object.assign(whole, packet), this.nowMs);
  }

  eventsOf(endpoint: number, type?: EndpointEvent['type']): EndpointEvent[] {
    return this.events
      .filter(([to, event]) => to === endpoint && (type === undefined || event.type === type))
      .map(([, event]) => event);
  }
}

/** One frame of one packet on each of `layers` simulcast encodings, 30 a second. */
class SimulcastSource {
  readonly #yard: Yard;
  readonly #seq = [100, 5000, 60_000];
  #frame = 0;
  constructor(yard: Yard) {
    this.#yard = yard;
  }

  frames(count: number, layers: readonly number[], keyframe = false): void {
    for (let i = 0; i < count; i += 1) {
      for (const spatial of layers) {
        const seq = this.#seq[spatial] ?? 0;
        this.#seq[spatial] = (seq + 1) & 0xffff;
        this.#yard.media(1, 1, {
          seq,
          timestamp: (spatial * 1_000_000_007 + this.#frame * 3000) >>> 0,
          spatial,
          keyframe: keyframe && i === 0,
          frameStart: true,
          frameEnd: true,
          marker: true,
          payload: new Uint8Array(200 * (spatial + 1) ** 2),
        });
      }
      this.#frame += 1;
      this.#yard.advance(100 / 3);
    }
  }
}

let yard = new Yard();
beforeEach(() => {
  yard = new Yard();
});

describe('rooms', () => {
  it('tells a newcomer who is here, and everybody who comes and goes', () => {
    yard.join(1, 'ann', { metadata: '{"name":"Ann"}' });
    yard.publish(1, 1);
    yard.join(2, 'bob');
    expect(yard.eventsOf(2).map(({ type }) => type)).toEqual(['peer-joined', 'track-started', 'reply']);
    expect(yard.eventsOf(1, 'peer-joined')).toEqual([{ type: 'peer-joined', peer: 'bob' }]);
    yard.engine.closeEndpoint(1, yard.nowMs);
    expect(yard.eventsOf(2).slice(-2)).toEqual([
      { type: 'track-stopped', peer: 'ann', track: 'video_main' },
      { type: 'peer-left', peer: 'ann' },
    ]);
    yard.engine.closeEndpoint(2, yard.nowMs);
    expect([...yard.engine.rooms]).toEqual([]);
  });

  it('keeps rooms and apps apart', () => {
    yard.join(1, 'ann');
    yard.join(2, 'bob', { room: 'other' });
    yard.join(3, 'eve', { app: 'other' });
    expect(yard.events.filter(([, event]) => event.type === 'peer-joined')).toEqual([]);
  });

  it('refuses a taken name, or replaces its holder when asked to', () => {
    yard.join(1, 'ann');
    yard.join(2, 'ann');
    expect(yard.eventsOf(2)).toEqual([
      { type: 'reply', request: 1, error: { code: 'peer-name-taken', detail: 'ann' } },
    ]);
    yard.join(3, 'ann', { replace: true });
    expect(yard.eventsOf(1).at(-1)).toEqual({ type: 'closed', error: { code: 'replaced' } });
    expect(yard.eventsOf(3)).toEqual([{ type: 'reply', request: 1 }]);
  });

  it('gives manual subscribers only the peers they named, and a second one its replay too', () => {
    const subscribe = { peers: false, tracks: false };
    yard.join(1, 'ann');
    yard.publish(1, 1);
    for (const viewer of [2, 3]) {
      yard.join(viewer, `viewer-${viewer}`, { subscribe, publish: { peer: false, tracks: false } });
      expect(yard.eventsOf(viewer).map(({ type }) => type)).toEqual(['reply']);
      yard.control(viewer, { type: 'subscribe-peer', peer: 'ann' });
      expect(yard.eventsOf(viewer).map(({ type }) => type)).toEqual([
        'reply',
        'peer-joined',
        'track-started',
      ]);
    }
    yard.join(4, 'zoe');
    expect(yard.eventsOf(2).length).toBe(3);
  });

  it.each<[string, EndpointControl, string]>([
    ['a control before a join', { type: 'update-peer', metadata: 'x' }, 'not-in-room'],
    ['leaving nothing', { type: 'leave' }, 'not-in-room'],
  ])('answers %s with its code', (_, control, code) => {
    yard.engine.openEndpoint(1, 'sdk', 'webrtc', undefined, yard.nowMs);
    yard.control(1, control);
    expect(yard.eventsOf(1)).toEqual([{ type: 'error', error: { code } }]);
  });

  const config = DEFAULT_LOCAL_TRACK_CONFIG;
  const source = { peer: 'ann', track: 'video_main' };
  it.each<[string, EndpointControl, string]>([
    [
      'priority 0',
      {
        type: 'local-track-attach',
        track: trackId(1),
        kind: 'video',
        source,
        config: { ...config, priority: 0 },
      },
      'invalid-priority',
    ],
    [
      'crossed limits',
      {
        type: 'local-track-attach',
        track: trackId(1),
        kind: 'video',
        source,
        config: { ...config, minSpatial: 3 },
      },
      'invalid-layer-limits',
    ],
    [
      'a slash in a name',
      {
        type: 'local-track-attach',
        track: trackId(1),
        kind: 'video',
        source: { peer: 'a/b', track: 'x' },
        config,
      },
      'invalid-name',
    ],
    ['an unknown track', { type: 'local-track-detach', track: trackId(9) }, 'unknown-track'],
    ['the stop of an unknown track', { type: 'remote-track-stop', track: trackId(9) }, 'unknown-track'],
    [
      'a track without a name',
      {
        type: 'remote-track-start',
        track: trackId(1),
        info: { name: '', kind: 'video', codec: 'vp8', layers: [] },
      },
      'invalid-name',
    ],
  ])('answers %s with its code', (_, control, code) => {
    yard.join(1, 'ann');
    yard.control(1, control);
    expect(yard.eventsOf(1, 'error')).toMatchObject([{ error: { code } }]);
  });

  it('bounds tracks', () => {
    yard.join(1, 'ann');
    for (let track = 0; track < 10_000; track += 1) yard.publish(1, track, { name: `t${track}` });
    expect(yard.eventsOf(1, 'error').length).toBe(10_000 - 64);
  });
});

describe('media', () => {
  it('waits for a keyframe, asks for it again, and forwards without a gap', () => {
    yard.join(1, 'ann');
    yard.publish(1, 1);
    yard.join(2, 'bob');
    yard.attach(2, 7, 'ann');
    const asked = (): number => yard.eventsOf(1, 'remote-track-keyframe-request').length;
    expect(asked()).toBe(1);
    yard.advance(1000);
    expect(asked()).toBeGreaterThanOrEqual(3);
    const source = new SimulcastSource(yard);
    source.frames(3, [0]);
    expect(yard.forwarded).toEqual([]);
    source.frames(5, [0], true);
    const before = asked();
    yard.advance(200);
    expect(asked()).toBe(before);
    expect(yard.forwarded.map(({ endpoint, track, seq }) => [endpoint, track, seq])).toEqual(
      [1, 2, 3, 4, 5].map((seq) => [2, 7, seq]),
    );
    expect(yard.eventsOf(2, 'local-track-status').map((event) => 'status' in event && event.status)).toEqual([
      'waiting',
      'active',
    ]);
    yard.advance(2500);
    expect(yard.eventsOf(2, 'local-track-status').at(-1)).toMatchObject({ status: 'inactive' });
  });

  it('moves between simulcast encodings on keyframes, with continuous numbers and times', () => {
    yard.join(1, 'ann');
    yard.publish(1, 1, { layers: [{}, {}, {}] });
    yard.join(2, 'bob');
    yard.attach(2, 7, 'ann');
    const source = new SimulcastSource(yard);
    const layers = [0, 1, 2];
    source.frames(1, layers, true);
    // The first seconds with video do not believe an estimate.
    source.frames(180, layers);
    expect(yard.forwarded.at(-1)?.spatial).toBe(2);
    for (const [estimateBps, expected] of [
      [10_000_000, 2],
      [250_000, 1],
      [60_000, 0],
    ] as const) {
      yard.control(2, { type: 'egress-estimate', bitrateBps: estimateBps, congested: false });
      source.frames(10, layers);
      source.frames(1, layers, true);
      source.frames(30, layers);
      expect(yard.forwarded.at(-1)?.spatial).toBe(expected);
    }
    for (const [i, packet] of yard.forwarded.entries()) {
      const before = yard.forwarded[i - 1];
      if (before === undefined) continue;
      expect(packet.seq).toBe((before.seq + 1) & 0xffff);
      const step = (packet.timestamp - before.timestamp) >>> 0;
      expect(step).toBeGreaterThan(0);
      expect(step).toBeLessThan(9001);
      if (packet.spatial !== before.spatial) expect(packet.keyframe).toBe(true);
    }
  });

  it('leaves an encoding that died for a living one', () => {
    yard.join(1, 'ann');
    yard.publish(1, 1, { layers: [{}, {}] });
    yard.join(2, 'bob');
    yard.attach(2, 7, 'ann');
    const source = new SimulcastSource(yard);
    source.frames(20, [0, 1], true);
    source.frames(20, [0, 1], true);
    expect(yard.forwarded.at(-1)?.spatial).toBe(1);
    source.frames(20, [0]);
    expect(yard.eventsOf(1, 'remote-track-keyframe-request').at(-1)).toMatchObject({ spatial: 0 });
    source.frames(20, [0], true);
    expect(yard.forwarded.at(-1)?.spatial).toBe(0);
  });

  it('switches a slot to another source and goes on counting', () => {
    yard.join(1, 'ann');
    yard.publish(1, 1);
    yard.join(3, 'cat');
    yard.publish(3, 1);
    yard.join(2, 'bob');
    yard.attach(2, 7, 'ann');
    yard.media(1, 1, { seq: 9, timestamp: 1000, keyframe: true, frameStart: true, marker: true });
    yard.attach(2, 7, 'cat');
    yard.advance(100);
    yard.media(1, 1, { seq: 10, timestamp: 4000 });
    yard.media(3, 1, { seq: 777, timestamp: 90, keyframe: true, frameStart: true });
    expect(yard.forwarded.map(({ seq, timestamp }) => [seq, timestamp])).toEqual([
      [1, 1000],
      [2, 10_000],
    ]);
  });

  it.each([
    ['is detached and attached again', [{ type: 'local-track-detach', track: trackId(7) }]],
    [
      'leaves the room and joins another',
      [
        { type: 'leave' },
        {
          type: 'join',
          app: 'default',
          room: 'demo',
          peer: 'bob',
          publish: { peer: true, tracks: true },
          subscribe: { peers: true, tracks: true },
          permissions: ALL_PERMISSIONS,
          replace: false,
        },
      ],
    ],
  ] satisfies [string, EndpointControl[]][])('goes on counting when a viewer %s', (_, between) => {
    yard.join(1, 'ann');
    yard.publish(1, 1);
    yard.join(2, 'bob');
    yard.attach(2, 7, 'ann');
    yard.media(1, 1, { seq: 9, timestamp: 1000, keyframe: true, frameStart: true, marker: true });
    for (const control of between) yard.control(2, control);
    yard.media(1, 1, { seq: 10, timestamp: 4000 });
    yard.advance(100);
    yard.attach(2, 7, 'ann');
    yard.media(1, 1, { seq: 11, timestamp: 10_000, keyframe: true, frameStart: true });
    expect(yard.forwarded.map(({ seq, timestamp }) => [seq, timestamp])).toEqual([
      [1, 1000],
      [2, 10_000],
    ]);
    expect(yard.eventsOf(2, 'error')).toEqual([]);
  });

  it('forgets detached tracks before it refuses new ones', () => {
    yard.join(1, 'ann');
    yard.publish(1, 1);
    yard.join(2, 'bob');
    for (let track = 1; track <= 500; track += 1) {
      yard.attach(2, track, 'ann');
      if (track > 3) yard.control(2, { type: 'local-track-detach', track: trackId(track) });
    }
    expect(yard.eventsOf(2, 'error')).toEqual([]);
    yard.media(1, 1, { seq: 9, timestamp: 1000, keyframe: true, frameStart: true, marker: true });
    expect(yard.forwarded.map(({ track }) => track)).toEqual([1, 2, 3]);
  });

  it('gives who joins the pictures since the last keyframe of a source that sends none on request', () => {
    yard.join(1, 'obs');
    yard.publish(1, 1, { codec: 'h264', keyframeOnRequest: false });
    for (let i = 0; i < 50; i += 1) {
      yard.media(1, 1, {
        codec: 'h264',
        seq: i,
        timestamp: i * 3000,
        keyframe: i === 10,
        frameStart: true,
        marker: true,
      });
      yard.advance(100 / 3);
    }
    yard.join(2, 'bob');
    yard.attach(2, 7, 'obs');
    expect(yard.forwarded.length).toBe(40);
    expect(yard.forwarded[0]).toMatchObject({ keyframe: true, seq: 1 });
    expect(yard.eventsOf(1, 'remote-track-keyframe-request')).toEqual([]);
    yard.advance(40);
    yard.media(1, 1, { codec: 'h264', seq: 50, timestamp: 150_000, frameStart: true, marker: true });
    const [last, live] = yard.forwarded.slice(-2);
    expect(live?.seq).toBe(41);
    const step = (live?.timestamp ?? 0) - (last?.timestamp ?? 0);
    expect(step).toBeGreaterThan(0);
    expect(step).toBeLessThan(9000);
    expect((last?.timestamp ?? 0) - (yard.forwarded[0]?.timestamp ?? 0)).toBe(39 * 90);
  });

  it('gives the pictures again to a viewer that lost them, once a second at most', () => {
    yard.join(1, 'obs');
    yard.publish(1, 1, { codec: 'h264', keyframeOnRequest: false });
    for (let i = 0; i < 10; i += 1)
      yard.media(1, 1, {
        codec: 'h264',
        seq: i,
        timestamp: i * 3000,
        keyframe: i === 0,
        frameStart: true,
        marker: true,
      });
    yard.join(2, 'bob');
    yard.attach(2, 7, 'obs');
    for (let i = 0; i < 5; i += 1) {
      yard.control(2, { type: 'local-track-keyframe-request', track: trackId(7) });
      yard.advance(100);
    }
    expect(yard.forwarded.map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(yard.forwarded[10]?.keyframe).toBe(true);
    yard.advance(1000);
    yard.control(2, { type: 'local-track-keyframe-request', track: trackId(7) });
    expect(yard.forwarded.length).toBe(30);
  });

  it('shows a track again that stopped and came back under its name', () => {
    yard.join(1, 'ann');
    yard.publish(1, 1);
    yard.join(2, 'bob');
    yard.attach(2, 7, 'ann');
    yard.media(1, 1, { seq: 9, timestamp: 1000, keyframe: true, frameStart: true, marker: true });
    yard.advance(100);
    yard.control(1, { type: 'remote-track-stop', track: trackId(1) });
    yard.advance(100);
    expect(yard.eventsOf(2, 'local-track-status').at(-1)).toMatchObject({ status: 'ended' });
    yard.publish(1, 2);
    yard.media(1, 2, { seq: 5, timestamp: 7, keyframe: true, frameStart: true });
    yard.advance(100);
    expect(yard.eventsOf(2, 'local-track-status').at(-1)).toMatchObject({ status: 'active' });
    expect(yard.forwarded.map(({ seq }) => seq)).toEqual([1, 2]);
  });
});

describe('audio mixer', () => {
  const speak = (endpoint: number, levelDbov: number, ms: number): void => {
    for (let i = 0; i < ms / 20; i += 1) {
      yard.media(endpoint, 1, {
        codec: 'opus',
        seq: i,
        timestamp: i * 960,
        audioLevel: levelDbov,
        payload: new Uint8Array(80),
      });
      yard.advance(20);
    }
  };
  const slots = (endpoint: number): string[] =>
    yard
      .eventsOf(endpoint)
      .flatMap((event) =>
        event.type === 'mixer-slot-set'
          ? [`${event.track}:${event.source.peer}`]
          : event.type === 'mixer-slot-unset'
            ? [`${event.track}:`]
            : [],
      );

  beforeEach(() => {
    for (const [endpoint, peer] of [
      [1, 'ann'],
      [2, 'bob'],
      [3, 'cat'],
    ] as const) {
      yard.join(endpoint, peer);
      yard.publish(endpoint, 1, { name: 'audio_main', kind: 'audio', codec: 'opus', layers: [] });
      yard.control(endpoint, { type: 'mixer-attach', mode: 'auto', slots: [trackId(10)] });
    }
  });

  it('plays the others and never oneself, and frees a slot after a second of silence', () => {
    speak(1, -30, 200);
    expect(slots(1)).toEqual([]);
    expect(slots(2)).toEqual(['10:ann']);
    const heard = yard.forwarded.filter(({ endpoint }) => endpoint === 2).length;
    expect(heard).toBeGreaterThan(3);
    yard.advance(1200);
    expect(slots(2)).toEqual(['10:ann', '10:']);
    expect(yard.forwarded.some(({ endpoint }) => endpoint === 1)).toBe(false);
  });

  it('gives a slot to somebody much louder, not to an equal', () => {
    for (let i = 0; i < 60; i += 1) {
      speak(1, -40, 20);
      speak(3, -41, 20);
    }
    expect(slots(2)).toEqual(['10:ann']);
    for (let i = 0; i < 60; i += 1) {
      speak(1, -60, 20);
      speak(3, -20, 20);
    }
    expect(slots(2)).toEqual(['10:ann', '10:cat']);
  });

  it('tells voices at most twice a second', () => {
    speak(1, -20, 3000);
    const told = yard.eventsOf(2, 'voice-activity').length;
    expect(told).toBeGreaterThanOrEqual(5);
    expect(told).toBeLessThanOrEqual(7);
  });
});

describe('messages', () => {
  it('reach who subscribed to the label, and not the sender', () => {
    for (const [endpoint, peer] of [
      [1, 'ann'],
      [2, 'bob'],
      [3, 'cat'],
    ] as const)
      yard.join(endpoint, peer);
    yard.control(2, { type: 'channel-subscribe', label: 'chat' });
    yard.control(1, { type: 'channel-subscribe', label: 'chat' });
    yard.control(1, { type: 'channel-publish', label: 'chat', data: 'hello' });
    expect(yard.events.filter(([, event]) => event.type === 'channel-message')).toEqual([
      [2, { type: 'channel-message', label: 'chat', peer: 'ann', data: 'hello' }],
    ]);
  });
});

it('an hour of a room with 20 peers leaves nothing behind', () => {
  for (let i = 0; i < 20; i += 1) {
    yard.join(i, `p${i}`);
    yard.publish(i, 1, { name: 'audio_main', kind: 'audio', codec: 'opus', layers: [] });
    yard.control(i, { type: 'mixer-attach', mode: 'auto', slots: [trackId(10), trackId(11), trackId(12)] });
  }
  for (let second = 0; second < 3600; second += 1) {
    const speaker = second % 20;
    yard.media(speaker, 1, {
      codec: 'opus',
      seq: second & 0xffff,
      timestamp: second * 48_000,
      audioLevel: -25,
    });
    yard.advance(1000);
    yard.events.length = 0;
    yard.forwarded.length = 0;
  }
  for (let i = 0; i < 20; i += 1) yard.engine.closeEndpoint(i, yard.nowMs);
  expect([...yard.engine.rooms]).toEqual([]);
  expect(yard.engine.nextDeadlineMs).toBe(Number.POSITIVE_INFINITY);
}, 30_000);
