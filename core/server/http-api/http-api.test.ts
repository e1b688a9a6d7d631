import { Engine } from '@switchyard/core/engine';
import { LocalFabric } from '@switchyard/core/fabric';
import { emptyMediaPacket } from '@switchyard/shared/media';
import {
  ALL_PERMISSIONS,
  type ClientKind,
  DEFAULT_LOCAL_TRACK_CONFIG,
  type EndpointEvent,
  trackId,
} from '@switchyard/shared/protocol';
import { type AppConfig, CodeCounts, readToken, signToken } from '@switchyard/shared/runtime';
import { Ajv } from 'ajv';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Admission } from '../admission.ts';
import type { GatewayFigures } from '../gateway-server.ts';
import { CoreMetrics } from '../metrics/core-metrics.ts';
import { AdminAuth } from './admin-auth.ts';
import { createHttpApi } from './http-api.ts';
import { RoomDirectory } from './room-directory.ts';

const acme = { id: 'acme', secret: 'a-secret-of-acme-00' };
const rival = { id: 'rival', secret: 'a-secret-of-rival-00' };
const gateway: GatewayFigures = {
  kind: 'webrtc',
  name: 'webrtc-1',
  endpoints: 3,
  droppedFrames: 2,
  queuedBytes: 17,
  traffic: { packetsIn: 5, bytesIn: 5000, packetsOut: 10, bytesOut: 10_000 },
  errors: new CodeCounts(),
  samples: [
    { name: 'webrtc_peers', help: 'Peer connections.', type: 'gauge', value: 4 },
    {
      name: 'webrtc_drops_total',
      help: 'Drops.',
      type: 'counter',
      labels: { reason: 'queue' },
      value: 6,
    },
  ],
};

let api: FastifyInstance;
let engine: Engine;
let metrics: CoreMetrics;
let admission: Admission;
let gateways: GatewayFigures[];
let told: [number, EndpointEvent][];
let clockMs: number;

function start(apps: readonly AppConfig[]): void {
  clockMs = Date.now();
  told = [];
  gateways = [gateway];
  const fabric = new LocalFabric();
  engine = new Engine(
    { forward: () => {}, endPacket: () => {}, event: (endpoint, event) => told.push([endpoint, event]) },
    fabric,
  );
  fabric.attach(engine);
  admission = new Admission({ maxEndpoints: 10, maxEventLoopDelayMs: 1000 });
  metrics = new CoreMetrics({ engine, admission, figures: () => gateways, mesh: undefined });
  api = createHttpApi({
    engine,
    admission,
    node: 'n1',
    zone: 'default',
    load: () => 0.25,
    cluster: () => undefined,
    joinUrl: () => undefined,
    auth: new AdminAuth(apps),
    gateways: () =>
      gateways.map(({ samples: _samples, traffic: _traffic, errors: _errors, ...status }) => status),
    metrics: () => metrics.render(),
    directory: new RoomDirectory({
      engine,
      node: 'n1',
      end: (endpoints, error) => {
        for (const endpoint of [...endpoints]) engine.kick(endpoint, error, clockMs);
      },
      ask: async () => [],
    }),
    onError: (error) => expect.fail(String(error)),
  });
}

afterEach(async () => {
  await api.close();
  metrics.close();
  admission.stop();
});

function join(
  endpoint: number,
  peer: string,
  room = 'demo',
  app = 'default',
  client: ClientKind = 'sdk',
): void {
  engine.openEndpoint(endpoint, client, 'webrtc-1', '192.0.2.7', clockMs);
  engine.handleControl(
    endpoint,
    {
      type: 'join',
      app,
      room,
      peer,
      metadata: '{"name":"x"}',
      publish: { peer: client !== 'whep', tracks: true },
      subscribe: { peers: true, tracks: true },
      permissions: ALL_PERMISSIONS,
      replace: false,
    },
    clockMs,
  );
}

/** A publisher of two layers, a viewer of it, and a phone. */
function fillRoom(): void {
  join(1, 'ann');
  join(2, 'bob');
  join(3, 'whep-1', 'demo', 'default', 'whep');
  join(4, '100-abcd', 'demo', 'default', 'sip');
  engine.handleControl(
    1,
    {
      type: 'remote-track-start',
      track: trackId(1),
      info: { name: 'video_main', kind: 'video', codec: 'vp8', layers: [{ rid: 'l' }, { rid: 'h' }] },
    },
    clockMs,
  );
  engine.handleControl(
    4,
    {
      type: 'remote-track-start',
      track: trackId(1),
      info: { name: 'audio_main', kind: 'audio', codec: 'opus', layers: [] },
    },
    clockMs,
  );
  engine.handleControl(
    2,
    {
      type: 'local-track-attach',
      track: trackId(9),
      kind: 'video',
      source: { peer: 'ann', track: 'video_main' },
      config: DEFAULT_LOCAL_TRACK_CONFIG,
    },
    clockMs,
  );
  for (let index = 0; index < 120; index += 1) {
    clockMs += 10;
    engine.handleMedia(
      1,
      1,
      {
        ...emptyMediaPacket('vp8'),
        seq: index,
        timestamp: index * 900,
        captureMs: clockMs,
        keyframe: index % 30 === 0,
        frameStart: true,
        marker: true,
        spatial: index % 2,
        payload: new Uint8Array(1000),
      },
      clockMs,
    );
    if (index % 5 === 0) engine.handleTick(clockMs);
  }
}

const get = (url: string, headers: Record<string, string> = {}) => api.inject({ url, headers });
const remove = (url: string, headers: Record<string, string> = {}) =>
  api.inject({ method: 'DELETE', url, headers });
const bearer = (token: string): { authorization: string } => ({ authorization: `Bearer ${token}` });
const tokenOf = (app: AppConfig, room: string, admin = true, ttlSeconds = 60): Promise<string> =>
  signToken(
    app,
    { room, peer: undefined, permissions: { publish: true, subscribe: true, data: true, admin } },
    ttlSeconds,
    Date.now(),
  );

describe('in development mode', () => {
  beforeEach(() => start([]));

  test('/health is 200 with a gateway, and says which', async () => {
    const response = await get('/health');
    expect(response.statusCode).toBe(200);
    expect(response.json()).toMatchObject({ status: 'ok', node: 'n1', gateways: [{ name: 'webrtc-1' }] });
  });

  test('/health is 503 without a gateway and while it drains', async () => {
    gateways = [];
    expect((await get('/health')).json()).toMatchObject({ status: 'no gateway attached' });
    gateways = [gateway];
    admission.drain();
    const response = await get('/health');
    expect(response.statusCode).toBe(503);
    expect(response.json()).toMatchObject({ status: 'draining' });
  });

  test('/v1/rooms lists rooms, and one room tells everything of its peers', async () => {
    fillRoom();
    expect((await get('/v1/rooms')).json()).toMatchObject({
      rooms: [{ room: 'demo', app: 'default', peers: 3, tracks: 2, viewers: 1 }],
    });
    const room = (await get('/v1/rooms/demo')).json();
    expect(room.peers).toHaveLength(4);
    expect(room.peers[0]).toMatchObject({
      peer: 'ann',
      gateway: 'sdk',
      address: '192.0.2.7',
      tracks: [{ name: 'video_main', codec: 'vp8', viewers: 1 }],
    });
    expect(room.peers[0].tracks[0].bitrateBps).toBeGreaterThan(100_000);
    expect(room.peers[0].tracks[0].layers.map(({ rid }: { rid: string }) => rid)).toEqual(['l', 'h']);
    expect(room.peers[1].receivers).toEqual([
      expect.objectContaining({
        source: { peer: 'ann', track: 'video_main' },
        status: 'active',
        reason: expect.any(String),
      }),
    ]);
  });

  test('/v1/sip/calls lists phones', async () => {
    fillRoom();
    expect((await get('/v1/sip/calls')).json()).toMatchObject({
      calls: [{ room: 'demo', peer: '100-abcd', address: '192.0.2.7', speaks: true, hears: 0 }],
    });
  });

  test('/v1/nodes lists itself', async () => {
    expect((await get('/v1/nodes')).json()).toMatchObject({
      nodes: [{ self: true, node: 'n1', status: 'ok', overloaded: false }],
    });
  });

  test('DELETE of a peer ends all its sessions, and nobody else', async () => {
    fillRoom();
    expect((await remove('/v1/rooms/demo/peers/ann')).statusCode).toBe(204);
    expect(told).toContainEqual([1, { type: 'closed', error: { code: 'kicked' } }]);
    expect(told.filter(([, { type }]) => type === 'closed')).toHaveLength(1);
    expect((await remove('/v1/rooms/demo/peers/ann')).json()).toMatchObject({ code: 'unknown-peer' });
    expect((await remove('/v1/rooms/demo/peers/whep-1')).statusCode).toBe(204);
  });

  test('DELETE of a room ends everybody in it', async () => {
    fillRoom();
    join(8, 'eve', 'other');
    expect((await remove('/v1/rooms/demo')).statusCode).toBe(204);
    expect(told.filter(([, { type }]) => type === 'closed').map(([endpoint]) => endpoint)).toEqual([
      1, 2, 3, 4,
    ]);
    expect((await get('/v1/rooms')).json().rooms).toMatchObject([{ room: 'other' }]);
    expect((await remove('/v1/rooms/demo')).statusCode).toBe(404);
  });

  test.for([
    { url: '/v1/rooms/nowhere', status: 404, code: 'unknown-room' },
    { url: '/v1/rooms/a%20b', status: 400, code: 'invalid-name' },
    { url: `/v1/rooms/${'x'.repeat(200)}`, status: 400, code: 'invalid-name' },
    { url: '/nowhere', status: 404, code: 'invalid-request' },
    { url: '/v1/rooms/%ff', status: 400, code: 'invalid-request' },
  ])('$url is $status $code, as problem+json', async ({ url, status, code }) => {
    const response = await get(url);
    expect(response.statusCode).toBe(status);
    expect(response.headers['content-type']).toContain('application/problem+json');
    expect(response.json()).toMatchObject({ type: 'about:blank', title: expect.any(String), status, code });
  });

  test('POST /v1/tokens says that nobody needs one', async () => {
    const response = await api.inject({ method: 'POST', url: '/v1/tokens', payload: { room: 'demo' } });
    expect(response.statusCode).toBe(409);
    expect(response.json()).toMatchObject({ detail: expect.stringContaining('no app is configured') });
  });

  test.for([
    { name: 'a rebound name', headers: { host: 'evil.example' } },
    { name: 'a page of another site', headers: { origin: 'https://evil.example' } },
    { name: 'a form of another site', headers: { 'sec-fetch-site': 'cross-site' } },
  ])('$name is refused', async ({ headers }) => {
    fillRoom();
    expect((await remove('/v1/rooms/demo', headers as Record<string, string>)).statusCode).toBe(403);
    expect((await get('/v1/rooms', headers as Record<string, string>)).statusCode).toBe(403);
    expect(told.filter(([, { type }]) => type === 'closed')).toEqual([]);
  });

  test('a page of this machine may', async () => {
    const response = await get('/v1/rooms', { origin: 'http://localhost:8080', host: '127.0.0.1:9090' });
    expect(response.statusCode).toBe(200);
    expect(response.headers['access-control-allow-origin']).toBeUndefined();
  });

  test('/metrics has the figures of the core and of its gateways', async () => {
    fillRoom();
    metrics.estimated(1_200_000);
    gateway.errors.add('not-allowed');
    const response = await get('/metrics');
    expect(response.headers['content-type']).toContain('text/plain');
    for (const line of [
      'switchyard_rooms 1',
      'switchyard_peers 3',
      'switchyard_endpoints 4',
      'switchyard_clients{client="sip"} 1',
      'switchyard_tracks{codec="vp8"} 1',
      'switchyard_receivers{status="active"} 1',
      'switchyard_packets_total{gateway="webrtc-1",kind="webrtc",direction="in"} 5',
      'switchyard_bytes_total{gateway="webrtc-1",kind="webrtc",direction="out"} 10000',
      'switchyard_link_dropped_down_total{gateway="webrtc-1",kind="webrtc"} 2',
      'switchyard_link_queue_bytes{gateway="webrtc-1",kind="webrtc"} 17',
      'switchyard_webrtc_peers{gateway="webrtc-1"} 4',
      'switchyard_webrtc_drops_total{reason="queue",gateway="webrtc-1"} 6',
      'switchyard_egress_estimate_bps_bucket{le="1000000"} 0',
      'switchyard_egress_estimate_bps_bucket{le="1500000"} 1',
      'switchyard_errors_total{code="not-allowed",gateway="webrtc-1"} 1',
      'switchyard_drops_total{reason="paused"} 0',
      'switchyard_switches_total{kind="down"} 0',
      'switchyard_joins_refused_total 0',
    ])
      expect(response.body.split('\n')).toContain(line);
    expect(response.body).toMatch(
      /switchyard_event_loop_delay_seconds\{process="core",quantile="0.99"\} [\d.]+/,
    );
    expect(response.body).toMatch(/switchyard_process_cpu_seconds_total\{process="core"\} [\d.]+/);
  });

  test('the OpenAPI document names every route, and what is answered is what it says', async () => {
    fillRoom();
    const document = (await get('/openapi.json')).json();
    expect(document.openapi).toMatch(/^3\./);
    expect(Object.keys(document.paths).sort()).toEqual([
      '/health',
      '/metrics',
      '/v1/nodes',
      '/v1/rooms',
      '/v1/rooms/{room}',
      '/v1/rooms/{room}/peers/{peer}',
      '/v1/sip/calls',
      '/v1/tokens',
    ]);
    const ajv = new Ajv({ strict: false, validateFormats: false });
    ajv.addSchema(document, 'api');
    for (const [path, url] of [
      ['/health', '/health'],
      ['/v1/nodes', '/v1/nodes'],
      ['/v1/rooms', '/v1/rooms'],
      ['/v1/rooms/{room}', '/v1/rooms/demo'],
      ['/v1/sip/calls', '/v1/sip/calls'],
    ] as const) {
      const pointer = `api#/paths/${path.replaceAll('/', '~1')}/get/responses/200/content/application~1json/schema`;
      const validate = ajv.compile({ $ref: pointer.replaceAll('{', '%7B').replaceAll('}', '%7D') });
      const answer = (await get(url)).json();
      expect({ url, ok: validate(answer), errors: validate.errors }).toEqual({ url, ok: true, errors: null });
    }
  });

  test('/docs loads nothing from elsewhere', async () => {
    const page = await get('/docs');
    expect(page.statusCode).toBe(200);
    expect(page.body).not.toMatch(/https?:/);
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    for (const url of ['/docs/style.css', '/docs/script.js']) expect((await get(url)).statusCode).toBe(200);
  });
});

describe('with apps configured', () => {
  beforeEach(() => start([acme, rival]));
  const basic = (id: string, secret: string): { authorization: string } => ({
    authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
  });
  const post = (payload: unknown, headers: Record<string, string> = bearer(acme.secret)) =>
    api.inject({
      method: 'POST',
      url: '/v1/tokens',
      headers: { 'content-type': 'application/json', ...headers },
      payload: JSON.stringify(payload),
    });

  test.for([
    { name: 'Bearer SECRET', headers: bearer(acme.secret) },
    { name: 'Basic id:secret', headers: basic('acme', acme.secret) },
  ])('POST /v1/tokens with $name gives a token of that app', async ({ headers }) => {
    const response = await post({ room: 'demo', peer: 'ann', permissions: { publish: false } }, headers);
    expect(response.statusCode).toBe(201);
    expect(await readToken(response.json().token, [acme])).toEqual({
      ok: true,
      grant: {
        app: 'acme',
        room: 'demo',
        peer: 'ann',
        permissions: { publish: false, subscribe: true, data: true, admin: false },
      },
    });
    const seconds = (Date.parse(response.json().expiresAt) - Date.now()) / 1000;
    expect(seconds).toBeGreaterThan(3590);
    expect(seconds).toBeLessThanOrEqual(3600);
  });

  test.for([
    { name: 'no room', body: {}, detail: 'room' },
    { name: 'an impossible room', body: { room: 'a b' }, detail: 'room' },
    { name: 'an unknown key', body: { room: 'demo', ttl: 5 }, detail: 'unknown key ttl' },
    { name: 'no time', body: { room: 'demo', ttlSeconds: 0 }, detail: 'ttlSeconds' },
    { name: 'a year', body: { room: 'demo', ttlSeconds: 31_536_000 }, detail: 'ttlSeconds' },
    { name: 'a list', body: [], detail: '' },
  ])('POST /v1/tokens with $name is 400 and names it', async ({ body, detail }) => {
    const response = await post(body);
    expect(response.statusCode).toBe(400);
    expect(response.json()).toMatchObject({
      code: 'invalid-request',
      detail: expect.stringContaining(detail),
    });
  });

  test.for([
    { name: 'nothing', headers: {}, code: 'token-required' },
    { name: 'another secret', headers: bearer('not-the-secret-00'), code: 'token-invalid' },
    { name: 'the secret of another app', headers: basic('acme', rival.secret), code: 'token-invalid' },
  ])('POST /v1/tokens with $name is 401', async ({ headers, code }) => {
    const response = await post({ room: 'demo' }, headers as Record<string, string>);
    expect(response.statusCode).toBe(401);
    expect(response.headers['www-authenticate']).toContain('Bearer');
    expect(response.json()).toMatchObject({ code });
  });

  test('a token, even of an admin, makes no tokens', async () => {
    expect((await post({ room: 'demo' }, bearer(await tokenOf(acme, '*')))).statusCode).toBe(401);
  });

  test('/health, the document and its page are open; the rest is not', async () => {
    for (const url of ['/health', '/openapi.json', '/docs']) expect((await get(url)).statusCode).toBe(200);
    for (const url of ['/metrics', '/v1/rooms', '/v1/rooms/demo', '/v1/nodes', '/v1/sip/calls'])
      expect({ url, status: (await get(url)).statusCode }).toEqual({ url, status: 401 });
  });

  test('everybody sees and ends the rooms of their own app only', async () => {
    join(1, 'ann', 'demo', 'acme');
    join(2, 'ann', 'demo', 'rival');
    join(3, 'bob', 'lobby', 'acme');
    const rooms = async (headers: Record<string, string>): Promise<string[]> =>
      (await get('/v1/rooms', headers))
        .json()
        .rooms.map(({ app, room }: { app: string; room: string }) => `${app}/${room}`);
    expect(await rooms(bearer(acme.secret))).toEqual(['acme/demo', 'acme/lobby']);
    expect(await rooms(bearer(rival.secret))).toEqual(['rival/demo']);
    expect(await rooms(bearer(await tokenOf(acme, 'lobby')))).toEqual(['acme/lobby']);
    expect((await remove('/v1/rooms/demo', bearer(rival.secret))).statusCode).toBe(204);
    expect(await rooms(bearer(acme.secret))).toEqual(['acme/demo', 'acme/lobby']);
  });

  test.for<{ name: string; token: () => Promise<string>; status: number; code: string }>([
    {
      name: 'no admin',
      token: () => tokenOf(acme, 'demo', false),
      status: 403,
      code: 'not-allowed',
    },
    { name: 'another room', token: () => tokenOf(acme, 'other'), status: 403, code: 'not-allowed' },
    { name: 'too late', token: () => tokenOf(acme, 'demo', true, -1), status: 401, code: 'token-expired' },
    {
      name: 'a wrong signature',
      token: () => tokenOf({ ...acme, secret: 'guessed-secret-000' }, 'demo'),
      status: 401,
      code: 'token-invalid',
    },
  ])('a token with $name ends nobody: $status $code', async ({ token, status, code }) => {
    join(1, 'ann', 'demo', 'acme');
    const response = await remove('/v1/rooms/demo/peers/ann', bearer(await token()));
    expect(response.statusCode).toBe(status);
    expect(response.json()).toMatchObject({ code });
    expect(engine.endpointCount).toBe(1);
  });

  test('a token with admin for the room does', async () => {
    join(1, 'ann', 'demo', 'acme');
    expect((await remove('/v1/rooms/demo/peers/ann', bearer(await tokenOf(acme, 'demo')))).statusCode).toBe(
      204,
    );
    expect(engine.endpointCount).toBe(0);
  });

  test('pages of anywhere may ask, by any name: nothing is answered without credentials', async () => {
    const preflight = await api.inject({
      method: 'OPTIONS',
      url: '/v1/rooms/demo',
      headers: { origin: 'https://app.example', host: 'media.example' },
    });
    expect(preflight.statusCode).toBe(204);
    expect(preflight.headers['access-control-allow-methods']).toContain('DELETE');
    const response = await get('/v1/rooms', {
      ...bearer(acme.secret),
      origin: 'https://app.example',
      host: 'media.example',
    });
    expect(response.statusCode).toBe(200);
    expect(response.headers['access-control-allow-origin']).toBe('*');
  });
});
