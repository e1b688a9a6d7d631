import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emptyMediaPacket, type MediaPacket } from '@switchyard/shared/media';
import {
  ALL_PERMISSIONS,
  DEFAULT_LOCAL_TRACK_CONFIG,
  type EndpointControl,
  type EndpointEvent,
  emptyFanoutTarget,
  FRAME_MAX_BYTES,
  FRAME_TYPES,
  LINK_PROTOCOL,
  trackId,
} from '@switchyard/shared/protocol';
import {
  CoreLink,
  createLogger,
  FrameSplitter,
  type LinkEndpoint,
  readJson,
} from '@switchyard/shared/runtime';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Admission } from './admission.ts';
import { type EngineInputs, GatewayServer } from './gateway-server.ts';

const logger = createLogger('test', 'silent');
const admission = new Admission({ maxEndpoints: 100, maxEventLoopDelayMs: 60_000 });

/** An engine that notes what reaches it and answers every request. */
class RecordingEngine implements EngineInputs {
  readonly opened: number[] = [];
  readonly closed: number[] = [];
  readonly controls: [number, EndpointControl][] = [];
  readonly media: [number, number, MediaPacket][] = [];
  server: GatewayServer | undefined;
  refuse: EndpointControl['type'] | undefined;

  openEndpoint(endpoint: number): void {
    this.opened.push(endpoint);
  }
  closeEndpoint(endpoint: number): void {
    this.closed.push(endpoint);
  }
  handleControl(endpoint: number, control: EndpointControl): void {
    this.controls.push([endpoint, control]);
    if (!('request' in control) || control.request === undefined) return;
    const { request } = control;
    this.server?.event(
      endpoint,
      control.type === this.refuse
        ? { type: 'reply', request, error: { code: 'not-allowed' } }
        : { type: 'reply', request },
    );
  }
  handleMedia(endpoint: number, track: number, packet: MediaPacket): void {
    this.media.push([
      endpoint,
      track,
      {
        ...packet,
        payload: packet.payload.slice(),
        dependencyDescriptor: packet.dependencyDescriptor.slice(),
      },
    ]);
  }
}

const join_: EndpointControl = {
  type: 'join',
  app: 'default',
  room: 'demo',
  peer: 'ann',
  publish: { peer: true, tracks: true },
  subscribe: { peers: true, tracks: true },
  permissions: ALL_PERMISSIONS,
  replace: true,
};

const packetOf = (payload: Uint8Array): MediaPacket => ({
  ...emptyMediaPacket('vp8'),
  seq: 65_535,
  timestamp: 4_000_000_000,
  captureMs: 1_800_000_000_000.5,
  payload,
});

describe('GatewayServer and CoreLink', () => {
  let directory = '';
  let socketPath = '';
  let engine = new RecordingEngine();
  let server: GatewayServer;
  let link: CoreLink;

  const startServer = async (): Promise<void> => {
    engine = new RecordingEngine();
    server = new GatewayServer({ socketPath, node: 'n1', admission, logger });
    engine.server = server;
    await server.listen(engine);
  };

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'switchyard-link-'));
    socketPath = join(directory, 'core.sock');
    await startServer();
    link = new CoreLink({ target: { path: socketPath }, kind: 'webrtc', logger });
    link.start();
    await vi.waitUntil(() => link.connected);
  });

  afterEach(async () => {
    await link.close();
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const open = (): { endpoint: LinkEndpoint; events: EndpointEvent[] } => {
    const events: EndpointEvent[] = [];
    return {
      events,
      endpoint: link.openEndpoint('sdk', '127.0.0.1', { onEvent: (event) => events.push(event) }),
    };
  };

  it('carries controls up, replies and events down', async () => {
    const { endpoint, events } = open();
    expect(await endpoint.request(join_)).toBeUndefined();
    expect(engine.controls.map(([, control]) => control.type)).toEqual(['join']);
    const number = engine.opened[0] ?? -1;
    server.event(number, { type: 'peer-joined', peer: 'bob' });
    await vi.waitUntil(() => events.length > 0);
    expect(events).toEqual([{ type: 'peer-joined', peer: 'bob' }]);
  });

  it('carries a packet up and one frame with every viewer of the gateway down', async () => {
    const viewers = [open(), open(), open()];
    await vi.waitUntil(() => engine.opened.length === 3);
    const payload = Uint8Array.from({ length: 1200 }, (_, i) => i & 255);
    viewers[0]?.endpoint.media(trackId(7), packetOf(payload));
    await vi.waitUntil(() => engine.media.length > 0);
    expect(engine.media[0]?.slice(0, 2)).toEqual([engine.opened[0], 7]);
    expect(engine.media[0]?.[2]).toEqual(packetOf(payload));

    const got: { endpoint: number; track: number; seq: number; payload: Uint8Array }[] = [];
    let frames = 0;
    link.onFanout = (frame) => {
      frames += 1;
      const target = emptyFanoutTarget();
      for (let i = 0; i < frame.targetCount; i += 1) {
        frame.readTarget(i, target);
        got.push({ ...target, payload: frame.packet.payload.slice() });
      }
    };
    const packet = packetOf(payload);
    for (const number of engine.opened)
      server.forward(packet, { ...emptyFanoutTarget(), endpoint: number, track: 3, seq: 100 + number });
    server.endPacket(packet);
    await vi.waitUntil(() => frames > 0);
    expect(frames).toBe(1);
    expect(got.map(({ endpoint, track, seq }) => ({ endpoint, track, seq }))).toEqual(
      viewers.map(({ endpoint }, i) => ({
        endpoint: endpoint.id,
        track: 3,
        seq: 100 + (engine.opened[i] ?? 0),
      })),
    );
    expect(got[0]?.payload).toEqual(payload);
  });

  it('tells a restarted core what endpoints held, and clients only what changed', async () => {
    const { endpoint, events } = open();
    await endpoint.request(join_);
    await endpoint.request({
      type: 'local-track-attach',
      track: trackId(1),
      kind: 'video',
      source: { peer: 'bob', track: 'video_main' },
      config: DEFAULT_LOCAL_TRACK_CONFIG,
    });
    const first = engine.opened[0] ?? -1;
    for (const peer of ['bob', 'eve']) server.event(first, { type: 'peer-joined', peer });
    await vi.waitUntil(() => events.length === 2);
    events.length = 0;
    await server.close();
    await vi.waitUntil(() => !link.connected);
    expect(await endpoint.request({ ...join_, room: 'other' })).toEqual({ code: 'core-unavailable' });

    await startServer();
    await vi.waitUntil(() => engine.controls.length === 2);
    expect(engine.controls.map(([, control]) => control.type)).toEqual(['join', 'local-track-attach']);
    expect(engine.controls[0]?.[1]).toMatchObject({ room: 'demo' });
    server.event(engine.opened[0] ?? -1, { type: 'peer-joined', peer: 'bob' });
    await vi.waitUntil(() => events.length > 0, 10_000);
    expect(events).toEqual([{ type: 'peer-left', peer: 'eve' }]);
  });

  it('ends the endpoint whose room a restarted core refuses', async () => {
    const { endpoint, events } = open();
    await endpoint.request(join_);
    await server.close();
    engine = new RecordingEngine();
    engine.refuse = 'join';
    server = new GatewayServer({ socketPath, node: 'n1', admission, logger });
    engine.server = server;
    await server.listen(engine);
    await vi.waitUntil(() => events.length > 0);
    expect(events).toEqual([{ type: 'closed', error: { code: 'not-allowed' } }]);
  });

  it('drops the endpoints of a gateway that dies, and only those', async () => {
    const other = new CoreLink({ target: { path: socketPath }, kind: 'rtmp', logger });
    other.start();
    await vi.waitUntil(() => other.connected);
    open();
    await vi.waitUntil(() => engine.opened.length === 1);
    other.openEndpoint('rtmp', undefined, { onEvent: () => {} });
    await vi.waitUntil(() => engine.opened.length === 2);
    await other.close();
    await vi.waitUntil(() => engine.closed.length > 0);
    expect(engine.closed).toEqual([engine.opened[1]]);
    expect(server.gateways.map(({ kind, endpoints }) => [kind, endpoints])).toEqual([['webrtc', 1]]);
  });

  it('refuses a second core on the same socket', async () => {
    const second = new GatewayServer({ socketPath, node: 'n2', admission, logger });
    await expect(second.listen(new RecordingEngine())).rejects.toThrow('Another core is running');
  });

  const json = (type: number, value: unknown, endpoint?: number): Buffer => {
    const text = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
    const prefix = Buffer.alloc(endpoint === undefined ? 5 : 9);
    prefix.writeUInt32BE(prefix.length - 4 + text.length);
    prefix[4] = type;
    if (endpoint !== undefined) prefix.writeUInt32BE(endpoint, 5);
    return Buffer.concat([prefix, text]);
  };
  const hello = json(FRAME_TYPES.hello, { protocol: LINK_PROTOCOL, kind: 'sip', name: 'raw' });
  const tooLong = Buffer.alloc(8);
  tooLong.writeUInt32BE(FRAME_MAX_BYTES + 1);

  it.each([
    ['a frame longer than the limit', tooLong, 'impossible length'],
    ['a hello that is not JSON', json(FRAME_TYPES.hello, '{'), 'the hello is malformed'],
    [
      'a hello of another version',
      json(FRAME_TYPES.hello, { protocol: 9, kind: 'sip', name: 'x' }),
      'link protocol 9',
    ],
    ['a control before the hello', json(FRAME_TYPES.control, { type: 'leave' }, 1), 'before the hello'],
    ['a frame of unknown type', Buffer.concat([hello, json(99, {})]), 'frame type 99'],
    ['a second hello', Buffer.concat([hello, hello]), 'second hello'],
  ])('answers %s with a refusal and closes', async (_, bytes, detail) => {
    const socket = connect(socketPath);
    let refusal: unknown;
    const splitter = new FrameSplitter((type, body) => {
      if (type === FRAME_TYPES.refused) refusal = readJson(body);
    });
    socket.on('data', (chunk) => splitter.push(Buffer.from(chunk)));
    socket.write(bytes);
    await once(socket, 'close');
    expect(refusal).toMatchObject({ detail: expect.stringContaining(detail) });
    expect(link.connected).toBe(true);
  });

  it.each([
    ['an unknown control', { type: 'explode', request: 4 }, 'invalid-request', 'type'],
    ['an unknown key', { type: 'leave', request: 4, why: 1 }, 'invalid-request', 'unknown key why'],
    ['a wrong type', { type: 'subscribe-peer', request: 4, peer: 9 }, 'invalid-request', 'peer'],
    [
      'megabyte metadata',
      { type: 'update-peer', request: 4, metadata: 'x'.repeat(100_000) },
      'limit-exceeded',
      'metadata',
    ],
    [
      '10,000 sources',
      {
        type: 'mixer-config',
        request: 4,
        sources: Array.from({ length: 10_000 }, () => ({ peer: 'a', track: 'b' })),
      },
      'limit-exceeded',
      'sources',
    ],
  ])('answers %s with an error that names what is wrong', async (_, control, code, detail) => {
    const socket = connect(socketPath);
    const events: unknown[] = [];
    const splitter = new FrameSplitter((type, body) => {
      if (type === FRAME_TYPES.event) events.push(readJson(body.subarray(4)));
    });
    socket.on('data', (chunk) => splitter.push(Buffer.from(chunk)));
    socket.write(
      Buffer.concat([
        hello,
        json(FRAME_TYPES.control, { type: 'open', client: 'sip' }, 1),
        json(FRAME_TYPES.control, control, 1),
      ]),
    );
    await vi.waitUntil(() => events.length > 0);
    expect(events[0]).toEqual({
      type: 'reply',
      request: 4,
      error: { code, detail: expect.stringContaining(detail) },
    });
    socket.destroy();
  });
});
