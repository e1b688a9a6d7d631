import { createAccessControl, signToken, type TokenGrant } from '@switchyard/shared/runtime';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FakeClient, FakeEnvironment, offerVector } from '../../testing/fake-ports.ts';
import { HttpApi } from '../http-api.ts';
import { PeerSession } from '../session/peer-session.ts';

const acme = { id: 'acme', secret: 'a-secret-of-acme-00' };
const publisher = { publish: true, subscribe: false, data: false, admin: false };
const viewer = { publish: false, subscribe: true, data: false, admin: false };
const token = (change: Partial<Omit<TokenGrant, 'app'>> = {}, ttlSeconds = 60): Promise<string> =>
  signToken(
    acme,
    { room: 'demo', peer: undefined, permissions: publisher, ...change },
    ttlSeconds,
    Date.now(),
  );

let environment: FakeEnvironment;
let api: HttpApi;

beforeEach(() => {
  environment = new FakeEnvironment();
  environment.access = createAccessControl([acme]);
  api = new HttpApi({
    environment,
    core: { host: '127.0.0.1', port: 1 },
    logger: { info: () => {}, error: (fields) => expect.fail(JSON.stringify(fields)) },
  });
});
afterEach(() => api.close(0));

const post = (url: string, authorization?: string) =>
  api.app.inject({
    method: 'POST',
    url,
    payload: offerVector(url.startsWith('/whip') ? 'chrome-simulcast' : 'chrome-recvonly'),
    headers: {
      'content-type': 'application/sdp',
      host: 'media.example.com',
      ...(authorization === undefined ? {} : { authorization }),
    },
  });

describe('WHIP and WHEP with an app configured', () => {
  test.for<{ name: string; url?: string; bearer: () => Promise<string>; status: number; code: string }>([
    { name: 'nonsense', bearer: async () => 'abc', status: 401, code: 'token-invalid' },
    { name: 'an expired token', bearer: () => token({}, -1), status: 401, code: 'token-expired' },
    {
      name: 'a token for another room',
      bearer: () => token({ room: 'other' }),
      status: 403,
      code: 'not-allowed',
    },
    {
      name: 'a token that only watches',
      bearer: () => token({ permissions: viewer }),
      status: 403,
      code: 'not-allowed',
    },
    {
      name: 'a token that only publishes',
      url: '/whep/demo',
      bearer: () => token(),
      status: 403,
      code: 'not-allowed',
    },
  ])('$name: $status $code', async ({ url = '/whip/demo', bearer, status, code }) => {
    const response = await post(url, `Bearer ${await bearer()}`);
    expect(response.statusCode).toBe(status);
    expect(response.headers['content-type']).toContain('application/problem+json');
    expect(response.json()).toMatchObject({ status, code, title: expect.any(String) });
    if (status === 401) expect(response.headers['www-authenticate']).toContain('error="invalid_token"');
    expect(environment.core.endpoints).toEqual([]);
  });

  test.for([undefined, 'Basic YTpi'])('Authorization %s: 401 with a challenge', async (authorization) => {
    const response = await post('/whip/demo', authorization);
    expect(response.statusCode).toBe(401);
    expect(response.headers['www-authenticate']).toBe('Bearer realm="switchyard"');
    expect(response.json()).toMatchObject({ code: 'token-required' });
  });

  test('a publisher comes in as what its token says, by any host name', async () => {
    const response = await post('/whip/demo', `Bearer ${await token({ peer: 'cam' })}`);
    expect(response.statusCode).toBe(201);
    expect(environment.core.last.of('join')[0]).toMatchObject({
      app: 'acme',
      room: 'demo',
      peer: 'cam',
      permissions: { publish: true, subscribe: false, data: false },
    });
  });

  test('a viewer comes in', async () => {
    const response = await post('/whep/demo', `Bearer ${await token({ permissions: viewer })}`);
    expect(response.statusCode).toBe(201);
    expect(environment.core.last.of('join')[0]).toMatchObject({
      app: 'acme',
      permissions: { publish: false },
    });
  });
});

describe('SDK with an app configured', () => {
  const join = async (bearer: string | undefined, peer = 'ann'): Promise<unknown> => {
    const client = new FakeClient();
    const session = new PeerSession(environment, client, undefined);
    session.handle({
      type: 'join',
      request: 1,
      protocol: 1,
      room: 'demo',
      peer,
      ...(bearer === undefined ? {} : { token: bearer }),
    });
    return vi.waitUntil(() => client.last);
  };

  test.for<{ name: string; bearer: () => Promise<string | undefined>; code: string }>([
    { name: 'no token', bearer: async () => undefined, code: 'token-required' },
    { name: 'nonsense', bearer: async () => 'abc', code: 'token-invalid' },
    { name: 'an expired token', bearer: () => token({}, -1), code: 'token-expired' },
    { name: 'a token for another room', bearer: () => token({ room: 'other' }), code: 'not-allowed' },
    { name: 'a token for another peer', bearer: () => token({ peer: 'bob' }), code: 'not-allowed' },
  ])('$name is refused with $code and a sentence', async ({ bearer, code }) => {
    expect(await join(await bearer())).toMatchObject({
      type: 'response',
      request: 1,
      error: { code, message: expect.any(String) },
    });
    expect(environment.core.endpoints).toEqual([]);
  });

  test('a token lets in on its terms', async () => {
    expect(await join(await token({ peer: 'ann', permissions: { ...viewer, data: true } }))).toMatchObject({
      result: 'joined',
    });
    expect(environment.core.last.of('join')[0]).toMatchObject({
      app: 'acme',
      peer: 'ann',
      permissions: { publish: false, subscribe: true, data: true },
    });
  });
});
