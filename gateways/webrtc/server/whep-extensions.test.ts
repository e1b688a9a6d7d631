import { trackId } from '@switchyard/shared/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeEnvironment, offerVector } from '../testing/fake-ports.ts';
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
const whipOffer = offerVector('chrome-simulcast');
const whepOffer = offerVector('chrome-recvonly');
const post = (url: string, payload: string, headers: Record<string, string> = sdp) =>
  api.app.inject({ method: 'POST', url, headers, payload });

describe('WHEP extensions', () => {
  const json = { 'content-type': 'application/json' };
  const simulcast = {
    name: 'video_main',
    kind: 'video' as const,
    codec: 'vp8' as const,
    layers: [{ rid: 'l' }, { rid: 'm' }, { rid: 'h' }],
  };
  /** A viewer of a simulcast. @returns Its addresses. */
  const watch = async (query = ''): Promise<{ session: string; layer: string; events: string }> => {
    const response = await post(`/whep/demo${query}`, whepOffer);
    expect(response.statusCode).toBe(201);
    const link = [response.headers['link']].flat().join(', ');
    environment.transports.last.listener.onConnected();
    environment.core.last.emit({ type: 'track-started', peer: 'ann', info: simulcast });
    const address = (rel: string): string =>
      new RegExp(`<([^>]+)>; rel="urn:ietf:params:whep:ext:core:${rel}"`).exec(link)?.[1] ?? '';
    return {
      session: String(response.headers['location']),
      layer: address('layer'),
      events: address('server-sent-events'),
    };
  };
  const limits = (): unknown[] =>
    environment.core.last
      .of('local-track-config')
      .map(({ track, config }) => [track, config.maxSpatial, config.maxTemporal]);
  const select = (url: string, body: unknown) => post(url, JSON.stringify(body), json);

  test('the answer names them, below the session’s own address, and says which events there are', async () => {
    const response = await post('/whep/demo', whepOffer);
    const location = String(response.headers['location']);
    expect(response.headers['link']).toEqual([
      `<${location}/layer>; rel="urn:ietf:params:whep:ext:core:layer"`,
      `<${location}/sse>; rel="urn:ietf:params:whep:ext:core:server-sent-events"; events="active,inactive,layers"`,
    ]);
    expect(response.headers['access-control-expose-headers']).toContain('Link');
    expect((await post('/whip/demo', whipOffer)).headers['link']).toBeUndefined();
  });

  test('a layer is chosen by encoding, by limit, and given back by {} or DELETE', async () => {
    const { layer } = await watch();
    expect((await select(layer, { mediaId: '0', encodingId: 'l' })).statusCode).toBe(200);
    expect((await select(layer, { maxSpatialLayerId: 1, maxTemporalLayerId: 0 })).statusCode).toBe(200);
    expect((await select(layer, {})).statusCode).toBe(200);
    await select(layer, { spatialLayerId: 0 });
    expect((await api.app.inject({ method: 'DELETE', url: layer })).statusCode).toBe(200);
    expect(limits()).toEqual([
      [2, 0, 2],
      [2, 1, 0],
      [2, 2, 2],
      [2, 0, 2],
      [2, 2, 2],
    ]);
  });

  test('the choice holds for what is watched next; ?maxSpatial and ?maxTemporal are the first choice', async () => {
    const { layer } = await watch('?maxSpatial=0&maxTemporal=1');
    const endpoint = environment.core.last;
    expect(endpoint.of('local-track-attach').at(-1)?.config).toMatchObject({ maxSpatial: 0, maxTemporal: 1 });
    await select(layer, { encodingId: 'm' });
    endpoint.emit({ type: 'track-started', peer: 'bob', info: simulcast });
    expect(endpoint.of('local-track-attach').at(-1)).toMatchObject({
      source: { peer: 'bob' },
      config: { maxSpatial: 1, maxTemporal: 2 },
    });
  });

  test.for([
    { name: 'an encoding that is not there', body: { encodingId: 'x' }, status: 404, code: 'unknown-layer' },
    { name: 'a layer that is not there', body: { spatialLayerId: 3 }, status: 404, code: 'unknown-layer' },
    { name: 'the m-line of the sound', body: { mediaId: '1' }, status: 404, code: 'unknown-track' },
    { name: 'nonsense', body: [1], status: 400, code: 'invalid-request' },
    { name: 'a large body', body: { encodingId: 'x'.repeat(5000) }, status: 413, code: 'invalid-request' },
  ])('$name is refused, and nothing changes', async ({ body, status, code }) => {
    const { layer } = await watch();
    const response = await select(layer, body);
    expect(response.statusCode).toBe(status);
    expect(response.headers['content-type']).toMatch('application/problem+json');
    expect(response.headers['access-control-allow-origin']).toBe('*');
    expect(response.json()).toMatchObject({ code });
    expect(limits()).toEqual([]);
  });

  test('what the core refuses is told, and not kept for the next source', async () => {
    const { layer } = await watch();
    const endpoint = environment.core.last;
    endpoint.refusals.set('local-track-config', { code: 'core-unavailable' });
    expect((await select(layer, { encodingId: 'l' })).statusCode).toBe(503);
    endpoint.emit({ type: 'track-started', peer: 'bob', info: simulcast });
    expect(endpoint.of('local-track-attach').at(-1)?.config.maxSpatial).toBe(2);
  });

  test('a bad limit in the address is refused before anybody joins', async () => {
    const response = await post('/whep/demo?maxSpatial=low', whepOffer);
    expect([response.statusCode, response.json().code]).toEqual([400, 'invalid-request']);
    expect(environment.core.endpoints).toEqual([]);
  });

  test('only the holder of a WHEP session has them, and only as long as it lasts', async () => {
    const { session, layer, events } = await watch();
    const created = await post('/whip/demo', whipOffer);
    for (const url of [
      '/whep/demo/guessed/layer',
      `${String(created.headers['location']).replace('whip', 'whep')}/layer`,
    ])
      expect((await select(url, {})).statusCode).toBe(404);
    expect((await select('/whep/demo/guessed/sse', [])).statusCode).toBe(404);
    await api.app.inject({ method: 'DELETE', url: session });
    expect((await select(layer, {})).statusCode).toBe(404);
    expect((await select(events, [])).statusCode).toBe(404);
    expect((await api.app.inject({ method: 'GET', url: events })).json()).toMatchObject({
      code: 'unknown-endpoint',
    });
  });

  test('pages of anywhere may ask; other types and methods are named', async () => {
    const { layer, events } = await watch();
    for (const [url, allow] of [
      [layer, 'POST, DELETE, OPTIONS'],
      [events, 'POST, GET, OPTIONS'],
    ] as const) {
      const preflight = await api.app.inject({ method: 'OPTIONS', url });
      expect(preflight.statusCode).toBe(204);
      expect(preflight.headers).toMatchObject({
        'access-control-allow-origin': '*',
        'accept-post': 'application/json',
      });
      expect((await post(url, '{}', sdp)).statusCode).toBe(415);
      const wrong = await api.app.inject({ method: 'PUT', url });
      expect([wrong.statusCode, wrong.headers['allow']]).toEqual([405, allow]);
    }
  });

  /** Reads a stream of a real socket until it ends, or `until` is in it. */
  const read = async (path: string, until?: string): Promise<string> => {
    if (!api.app.server.listening) await api.listen('127.0.0.1', 0);
    const address = api.app.server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk);
      if (until !== undefined && text.includes(until)) break;
    }
    return text;
  };

  test('an event stream tells what is watched and its layers, and ends with the session', async () => {
    const { session, events } = await watch();
    const created = await select(events, ['active', 'inactive', 'layers', 'viewercount']);
    expect(created.statusCode).toBe(201);
    const location = String(created.headers['location']);
    expect(location.startsWith(`${events}/`)).toBe(true);
    const told = read(location);
    const endpoint = environment.core.last;
    await expect.poll(() => api.app.server.listening).toBe(true);
    const first = await read(events, '"encodingId":"h"');
    expect(first).toContain('event: active\ndata: {}\n\nevent: layers\ndata: {"0":{');
    endpoint.emit({
      type: 'track-updated',
      peer: 'ann',
      info: { ...simulcast, layers: [{ rid: 'l', width: 320, height: 180 }] },
    });
    // The reader of the first stream has it before the picture ends.
    await read(events, '"width":320');
    endpoint.emit({ type: 'track-stopped', peer: 'ann', track: 'video_main' });
    await read(events, '"layers":[]');
    await api.app.inject({ method: 'DELETE', url: session });
    const text = await told;
    expect(text.match(/^event: .*$/gm)).toEqual([
      'event: active',
      'event: layers',
      'event: layers',
      'event: inactive',
      'event: layers',
    ]);
    for (const data of text.match(/(?<=^data: ).*$/gm) ?? []) expect(() => JSON.parse(data)).not.toThrow();
  });

  test('what flows of the source is asked of the core only while an event stream is open', async () => {
    const { layer, events } = await watch();
    const endpoint = environment.core.last;
    const observed = (): unknown[] => endpoint.of('local-track-attach').map(({ observe }) => observe);
    const created = await select(events, ['layers']);
    expect(observed()).toEqual([false, true]);
    const layers = [
      { spatial: 0, temporal: 0, bitrateBps: 90_000 },
      { spatial: 0, temporal: 1, bitrateBps: 60_000 },
    ];
    endpoint.emit({ type: 'source-layers', track: trackId(2), layers });
    expect(await read(String(created.headers['location']), '\n\nevent: layers')).toContain(
      '{"active":[{"id":"l","simulcastIdx":0,"bitrate":150000}],"inactive":[{"id":"m","simulcastIdx":1},',
    );
    // Inactive is no reason not to choose it: the publisher sends what is wanted.
    expect((await select(layer, { encodingId: 'm' })).statusCode).toBe(200);
    endpoint.emit({ type: 'track-started', peer: 'bob', info: simulcast });
    expect(await read(events, '"inactive":[]')).toContain('"encodingId":"h"');
    await api.app.inject({ method: 'DELETE', url: String(created.headers['location']) });
    await expect.poll(observed).toEqual([false, true, true, false]);
  });

  test('event streams are bounded, and one that is given back makes room', async () => {
    const { events } = await watch();
    await api.listen('127.0.0.1', 0);
    const address = api.app.server.address();
    const base = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
    const open = (): Promise<Response> => fetch(`${base}${events}`);
    const readers = [await open(), await open(), await open()];
    const created = await fetch(`${base}${events}`, { method: 'POST' });
    const feed = created.headers.get('location') ?? '';
    readers.push(await fetch(`${base}${feed}`));
    expect(readers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const refused = await open();
    expect([refused.status, (await refused.json()).code]).toEqual([429, 'limit-exceeded']);
    expect((await fetch(`${base}${feed}`, { method: 'DELETE' })).status).toBe(200);
    await readers[3]?.text();
    readers.push(await open());
    expect(readers.at(-1)?.status).toBe(200);
    expect((await open()).status).toBe(429);
    // A reader that goes makes room too.
    await readers[0]?.body?.cancel();
    await expect.poll(async () => (await open()).status).toBe(200);
  });
});
