import { trackId } from '@switchyard/shared/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { FakeEnvironment, offerVector, settle } from '../testing/fake-ports.ts';
import { openHttpApi } from '../testing/open-http-api.ts';
import type { HttpApi } from './http-api.ts';

let environment: FakeEnvironment;
let api: HttpApi;

beforeEach(() => {
  environment = new FakeEnvironment();
  api = openHttpApi(environment);
});
afterEach(() => api.close(0));

const sdp = { 'content-type': 'application/sdp' };
const fragmentType = { 'content-type': 'application/trickle-ice-sdpfrag' };
const fragment = (ufrag: string): string => `a=ice-ufrag:${ufrag}\r\na=ice-pwd:passwordpasswordpassword\r\n`;
const whipOffer = offerVector('chrome-simulcast');
const whepOffer = offerVector('chrome-recvonly');
const post = (url: string, payload: string, headers: Record<string, string> = sdp) =>
  api.app.inject({ method: 'POST', url, headers, payload });

describe('WHIP', () => {
  test('POST answers 201 with Location, ETag and the answer, and joins as a publisher', async () => {
    const response = await post('/whip/demo?peer=cam', whipOffer, {
      ...sdp,
      authorization: 'Bearer anything',
    });
    expect(response.statusCode).toBe(201);
    expect(response.headers['content-type']).toBe('application/sdp');
    expect(response.headers['location']).toMatch(/^\/whip\/demo\/[\w-]+$/);
    expect(response.headers['etag']).toMatch(/^"[^"]+"$/);
    expect(response.headers['access-control-allow-origin']).toBe('*');
    expect(response.headers['access-control-expose-headers']).toContain('Location');
    expect(response.body).toContain('a=simulcast:recv q;h;f');
    expect(environment.core.last.of('join')[0]).toMatchObject({
      room: 'demo',
      peer: 'cam',
      publish: { peer: true, tracks: true },
      subscribe: { peers: false, tracks: false },
      replace: true,
    });
  });

  test('without ?peer a name is made up; tracks are audio_main and video_main at full bitrate', async () => {
    await post('/whip/demo', whipOffer);
    const endpoint = environment.core.last;
    expect(endpoint.of('join')[0]?.peer).toMatch(/^whip-.{6}$/);
    const { listener, limits, keyframes } = environment.transports.last;
    listener.onTrackFacts('0', 'opus', []);
    listener.onTrackFacts('1', 'vp8', [{ rid: 'q' }]);
    expect(endpoint.of('remote-track-start').map(({ info }) => info)).toEqual([
      { name: 'audio_main', kind: 'audio', codec: 'opus', layers: [], bitrateMode: 'max' },
      { name: 'video_main', kind: 'video', codec: 'vp8', layers: [{ rid: 'q' }], bitrateMode: 'max' },
    ]);
    endpoint.emit({ type: 'remote-track-limit', track: trackId(2), minBps: 0, maxBps: 1_000_000 });
    endpoint.emit({ type: 'remote-track-keyframe-request', track: trackId(2), spatial: 1 });
    expect(limits).toEqual([1_064_000]);
    expect(keyframes).toEqual([{ mid: '1', spatial: 1 }]);
  });

  test('PATCH: trickle is 204, a restart 200 with new credentials and a new ETag; the old ETag is 412 then', async () => {
    const created = await post('/whip/demo', whipOffer);
    const url = String(created.headers['location']);
    const etag = String(created.headers['etag']);
    const ufrag = /a=ice-ufrag:(.*)\r\n/.exec(whipOffer)?.[1] ?? '';
    const pwd = /a=ice-pwd:(.*)\r\n/.exec(whipOffer)?.[1] ?? '';
    const trickle = `a=ice-ufrag:${ufrag}\r\na=ice-pwd:${pwd}\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.9 5 typ host\r\n`;
    const patch = (payload: string, headers: Record<string, string>) =>
      api.app.inject({ method: 'PATCH', url, payload, headers: { ...fragmentType, ...headers } });
    expect((await patch(trickle, { 'if-match': etag })).statusCode).toBe(204);
    expect((await patch(trickle, {})).statusCode).toBe(428);
    expect((await patch(trickle, { 'if-match': '"other"' })).statusCode).toBe(412);
    const restarted = await patch(fragment('newUfrag'), { 'if-match': '*' });
    expect(restarted.statusCode).toBe(200);
    expect(restarted.headers['content-type']).toBe('application/trickle-ice-sdpfrag');
    expect(restarted.headers['etag']).not.toBe(etag);
    expect(restarted.body).toContain('a=ice-ufrag:server02');
    expect(restarted.body).toContain('a=candidate:1 1 udp');
    expect(environment.transports.last.applied.at(-1)?.remoteUfrag).toBe('newUfrag');
    expect((await patch(fragment('newUfrag'), { 'if-match': etag })).statusCode).toBe(412);
    expect((await patch('nonsense', { 'if-match': '*' })).json()).toMatchObject({ code: 'invalid-sdp' });
  });

  test('DELETE ends the session, once', async () => {
    const created = await post('/whip/demo', whipOffer);
    const url = String(created.headers['location']);
    expect((await api.app.inject({ method: 'DELETE', url, headers: { 'if-match': '"x"' } })).statusCode).toBe(
      200,
    );
    expect(environment.core.last.closed).toBe(true);
    expect(environment.transports.last.closed).toBe(true);
    expect((await api.app.inject({ method: 'DELETE', url })).statusCode).toBe(404);
  });

  test('a publisher that vanishes, or is replaced, is gone', async () => {
    const first = await post('/whip/demo', whipOffer);
    environment.transports.last.listener.onClosed('timeout');
    expect(
      (await api.app.inject({ method: 'DELETE', url: String(first.headers['location']) })).statusCode,
    ).toBe(404);
    const second = await post('/whip/demo', whipOffer);
    environment.core.last.emit({ type: 'closed', error: { code: 'replaced' } });
    expect(environment.transports.last.closed).toBe(true);
    expect(
      (await api.app.inject({ method: 'DELETE', url: String(second.headers['location']) })).statusCode,
    ).toBe(404);
    expect(api.clientCount).toBe(0);
  });

  test('OPTIONS tells pages of anywhere what they may do', async () => {
    const response = await api.app.inject({
      method: 'OPTIONS',
      url: '/whip/demo',
      headers: { origin: 'https://example.com', 'access-control-request-method': 'POST' },
    });
    expect(response.statusCode).toBe(204);
    expect(response.headers).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-methods': expect.stringContaining('PATCH'),
      'access-control-allow-headers': expect.stringContaining('If-Match'),
      'accept-post': 'application/sdp',
    });
  });

  test.for([
    {
      name: 'another content type',
      url: '/whip/demo',
      payload: '{}',
      headers: { 'content-type': 'application/json' },
      status: 415,
      code: 'invalid-request',
    },
    {
      name: 'no content type',
      url: '/whip/demo',
      payload: whipOffer,
      headers: {},
      status: 415,
      code: 'invalid-request',
    },
    {
      name: 'the other content type',
      url: '/whip/demo',
      payload: whipOffer,
      headers: fragmentType,
      status: 415,
      code: 'invalid-request',
    },
    {
      name: 'a malformed offer',
      url: '/whip/demo',
      payload: 'v=0\r\n',
      headers: sdp,
      status: 400,
      code: 'invalid-sdp',
    },
    {
      name: 'an empty offer',
      url: '/whip/demo',
      payload: '',
      headers: sdp,
      status: 400,
      code: 'invalid-sdp',
    },
    {
      name: 'a large body',
      url: '/whip/demo',
      payload: `v=0\r\n${'a=x\r\n'.repeat(20_000)}`,
      headers: sdp,
      status: 413,
      code: 'invalid-request',
    },
    {
      name: 'no common codec',
      url: '/whip/demo',
      payload: offerVector('gstreamer-bundle-only').replaceAll('H264/', 'H265/'),
      headers: sdp,
      status: 406,
      code: 'unsupported-codec',
    },
    {
      name: 'a bad room',
      url: '/whip/a%20b',
      payload: whipOffer,
      headers: sdp,
      status: 400,
      code: 'invalid-name',
    },
    {
      name: 'a bad peer',
      url: '/whip/demo?peer=%2F',
      payload: whipOffer,
      headers: sdp,
      status: 400,
      code: 'invalid-name',
    },
    {
      name: 'two peers',
      url: '/whip/demo?peer=a&peer=b',
      payload: whipOffer,
      headers: sdp,
      status: 400,
      code: 'invalid-name',
    },
    {
      name: 'no room',
      url: '/whip/',
      payload: whipOffer,
      headers: sdp,
      status: 400,
      code: 'invalid-name',
    },
    {
      name: 'a name for a host',
      url: '/whip/demo',
      payload: whipOffer,
      headers: { ...sdp, host: 'evil.example:8080' },
      status: 403,
      code: 'not-allowed',
    },
  ])(
    '$name is refused with $status and a problem that names it',
    async ({ url, payload, headers, status, code }) => {
      const response = await post(url, payload, headers as Record<string, string>);
      expect(response.statusCode).toBe(status);
      expect(response.headers['content-type']).toMatch('application/problem+json');
      expect(response.json()).toMatchObject({ status, code, title: expect.any(String) });
      expect(environment.transports.peers.filter(({ closed }) => !closed)).toEqual([]);
      expect(environment.core.endpoints.filter(({ closed }) => !closed)).toEqual([]);
    },
  );

  test('GET is 405 with Allow', async () => {
    const response = await api.app.inject({ method: 'GET', url: '/whip/demo' });
    expect([response.statusCode, response.headers['allow']]).toEqual([405, 'POST, OPTIONS']);
  });

  test('without a core it is 503 with Retry-After; the core’s own refusal keeps its status', async () => {
    environment.core.connected = false;
    const response = await post('/whip/demo', whipOffer);
    expect([response.statusCode, response.headers['retry-after']]).toEqual([503, '1']);
    expect(response.json()).toMatchObject({ code: 'core-unavailable' });
    environment.core.connected = true;
    environment.core.refusals.set('join', { code: 'peer-name-taken' });
    expect((await post('/whip/demo', whipOffer)).statusCode).toBe(409);
    expect(environment.core.last.closed).toBe(true);
  });
});

describe('WHEP', () => {
  test('a viewer is unseen, gets one mixer slot, and follows the pictures of the room', async () => {
    const response = await post('/whep/demo', whepOffer);
    expect(response.statusCode).toBe(201);
    expect(response.headers['location']).toMatch(/^\/whep\/demo\//);
    const endpoint = environment.core.last;
    const transport = environment.transports.last;
    expect(endpoint.of('join')[0]).toMatchObject({
      peer: expect.stringMatching(/^whep-.{6}$/),
      publish: { peer: false, tracks: false },
      subscribe: { peers: true, tracks: true },
    });
    expect(endpoint.of('mixer-attach')).toEqual([{ type: 'mixer-attach', mode: 'auto', slots: [1] }]);
    expect(transport.bound).toEqual([
      { mid: '1', endpoint: endpoint.id, track: 1 },
      { mid: '0', endpoint: endpoint.id, track: 2 },
    ]);
    expect(response.body.match(/a=msid:switchyard/g)).toHaveLength(2);
    transport.listener.onConnected();
    const info = { name: 'video_main', kind: 'video' as const, codec: 'vp8' as const, layers: [] };
    endpoint.emit({ type: 'track-started', peer: 'ann', info });
    endpoint.emit({ type: 'track-started', peer: 'bob', info });
    endpoint.emit({ type: 'track-stopped', peer: 'bob', track: 'video_main' });
    endpoint.emit({ type: 'peer-left', peer: 'ann' });
    expect(endpoint.of('local-track-attach').map(({ track, source }) => [track, source.peer])).toEqual([
      [2, 'ann'],
      [2, 'bob'],
      [2, 'ann'],
    ]);
    expect(endpoint.of('local-track-detach')).toEqual([{ type: 'local-track-detach', track: 2 }]);
  });

  test('?peer picks one: its audio and video as soon as media can flow, nobody else', async () => {
    await post('/whep/demo?peer=ann', whepOffer);
    const endpoint = environment.core.last;
    expect(endpoint.of('join')[0]).toMatchObject({ subscribe: { peers: false, tracks: false } });
    expect(endpoint.of('subscribe-peer')).toEqual([{ type: 'subscribe-peer', peer: 'ann' }]);
    expect(endpoint.of('mixer-attach')).toEqual([]);
    endpoint.emit({
      type: 'track-started',
      peer: 'ann',
      info: { name: 'audio_main', kind: 'audio', codec: 'opus', layers: [] },
    });
    endpoint.emit({
      type: 'track-started',
      peer: 'ann',
      info: { name: 'video_main', kind: 'video', codec: 'h264', layers: [] },
    });
    expect(endpoint.of('local-track-attach')).toEqual([]);
    environment.transports.last.listener.onConnected();
    expect(endpoint.of('local-track-attach')).toMatchObject([
      { track: 1, kind: 'audio', source: { peer: 'ann', track: 'audio_main' } },
      { track: 2, kind: 'video', source: { peer: 'ann', track: 'video_main' } },
    ]);
  });

  test('asks for a keyframe when the viewer’s decoder does', async () => {
    await post('/whep/demo', whepOffer);
    const endpoint = environment.core.last;
    const { listener } = environment.transports.last;
    listener.onConnected();
    listener.onKeyframeRequest('0');
    expect(endpoint.of('local-track-keyframe-request')).toEqual([]);
    endpoint.emit({
      type: 'track-started',
      peer: 'ann',
      info: { name: 'v', kind: 'video', codec: 'vp8', layers: [] },
    });
    listener.onKeyframeRequest('0');
    expect(endpoint.of('local-track-keyframe-request')).toHaveLength(1);
    listener.onEstimate(1_000_000, false);
    expect(endpoint.of('egress-estimate')).toHaveLength(1);
  });

  test('what the room tells before the answer is not lost', async () => {
    const pending = post('/whep/demo', whepOffer);
    while (environment.core.endpoints.length === 0) await settle();
    environment.core.last.emit({
      type: 'track-started',
      peer: 'ann',
      info: { name: 'v', kind: 'video', codec: 'vp8', layers: [] },
    });
    await pending;
    environment.transports.last.listener.onConnected();
    expect(environment.core.last.of('local-track-attach')).toHaveLength(1);
  });
});

describe('the rest of the port', () => {
  test('the core’s API without a core is 503, and closed to other sites', async () => {
    const response = await api.app.inject({ method: 'GET', url: '/api/core/v1/rooms' });
    expect([response.statusCode, response.json().code]).toEqual([503, 'core-unavailable']);
    const foreign = await api.app.inject({
      method: 'DELETE',
      url: '/api/core/v1/rooms/demo/peers/ann',
      headers: { 'sec-fetch-site': 'cross-site' },
    });
    expect(foreign.statusCode).toBe(403);
  });

  test('unknown paths are problems too', async () => {
    const response = await api.app.inject({ method: 'GET', url: '/nothing/here' });
    expect(response.statusCode).toBe(404);
    expect(response.json()).toMatchObject({ detail: expect.stringContaining('/nothing/here') });
  });
});

describe('the WebSocket', () => {
  const open = async (
    path = '/ws',
    headers: Record<string, string> = {},
  ): Promise<{ socket: WebSocket; next: () => Promise<unknown> }> => {
    if (!api.app.server.listening) await api.listen('127.0.0.1', 0);
    const address = api.app.server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers });
    const messages: unknown[] = [];
    const waiting: ((message: unknown) => void)[] = [];
    socket.on('message', (data) => {
      const message: unknown = JSON.parse(data.toString());
      const waiter = waiting.shift();
      if (waiter === undefined) messages.push(message);
      else waiter(message);
    });
    await new Promise<void>((resolve, reject) => {
      socket.on('open', () => resolve());
      socket.on('error', reject);
    });
    return {
      socket,
      next: () =>
        messages.length > 0
          ? Promise.resolve(messages.shift())
          : new Promise((resolve) => waiting.push(resolve)),
    };
  };
  const closed = (socket: WebSocket): Promise<number> =>
    new Promise((resolve) => socket.on('close', resolve));

  test('joins, and a closed socket ends the endpoint', async () => {
    const { socket, next } = await open();
    socket.send(JSON.stringify({ type: 'join', request: 1, protocol: 1, room: 'demo', peer: 'ann' }));
    expect(await next()).toMatchObject({ type: 'response', request: 1, result: 'joined' });
    socket.close();
    await closed(socket);
    while (!environment.core.last.closed) await settle();
    expect(api.clientCount).toBe(0);
  });

  test('what is not understood is named, and the connection stays', async () => {
    const { socket, next } = await open();
    socket.send('nonsense');
    expect(await next()).toMatchObject({
      type: 'error',
      error: { code: 'invalid-request', detail: 'not JSON' },
    });
    socket.send(Buffer.from('{}'));
    expect(await next()).toMatchObject({ type: 'error' });
    socket.send('{"type":"leave","request":7}');
    expect(await next()).toMatchObject({ type: 'response', request: 7, error: { code: 'not-in-room' } });
    socket.close();
  });

  test.for([
    { name: 'another path', path: '/other', headers: {}, status: '404' },
    {
      name: 'a page of another site',
      path: '/ws',
      headers: { origin: 'https://evil.example' },
      status: '403',
    },
    { name: 'a rebound name', path: '/ws', headers: { host: 'evil.example' }, status: '403' },
  ])('$name is refused with $status', async ({ path, headers, status }) => {
    await expect(open(path, headers as Record<string, string>)).rejects.toThrow(status);
  });

  test('a frame that is too large ends the connection', async () => {
    const { socket } = await open();
    socket.send('x'.repeat(800_000));
    expect(await closed(socket)).toBe(1009);
  });

  test('offers beyond what a session needs are refused by their number, and it goes on', async () => {
    const { socket, next } = await open();
    const answers: unknown[] = [];
    for (let request = 0; request < 41; request += 1) {
      socket.send(JSON.stringify({ type: 'offer', request, sdp: 'v=0', senders: [], receivers: [] }));
      answers.push(await next());
    }
    expect(answers[39]).toMatchObject({ request: 39, error: { code: 'not-in-room' } });
    expect(answers[40]).toMatchObject({ request: 40, error: { code: 'limit-exceeded' } });
    socket.send('{"type":"leave","request":41}');
    expect(await next()).toMatchObject({ request: 41, error: { code: 'not-in-room' } });
    socket.close();
  });

  test('a flood ends the connection with the reason', async () => {
    const { socket, next } = await open();
    const end = closed(socket);
    for (let count = 0; count < 300; count += 1) socket.send('x');
    let message = await next();
    while ((message as { type: string }).type !== 'closed') message = await next();
    expect(message).toMatchObject({ error: { code: 'limit-exceeded' } });
    expect(await end).toBe(1008);
  });

  test('draining tells clients to go away, then closes them', async () => {
    const { socket, next } = await open();
    const end = closed(socket);
    const closing = api.close(50);
    expect(await next()).toMatchObject({ type: 'go-away' });
    expect(await end).toBe(1001);
    await closing;
  });
});
