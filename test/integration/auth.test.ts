import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FfmpegPublisher, hasFfmpeg, SMALL_PICTURE } from '../harness/ffmpeg.ts';
import { freePorts } from '../harness/free-ports.ts';
import { RawSession } from '../harness/raw-session.ts';
import { invite } from '../harness/sip-invite.ts';
import { waitFor } from '../harness/wait.ts';
import { waitForEnd } from '../harness/wait-for-end.ts';
import { ROOT, Yard } from '../harness/yard.ts';

const ACME = 'acme-secret-000000';
const RIVAL = 'rival-secret-00000';
const FOREIGN = 'an-app-nobody-knows';
const offer = (name: string): string => readFileSync(join(ROOT, 'test/vectors/sdp', `${name}.sdp`), 'utf8');
const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

type Bad = 'none' | 'nonsense' | 'unsigned' | 'signature' | 'expired' | 'room' | 'permission';
/** Code that each bad token gets, everywhere. */
const CODES: Readonly<Record<Bad, string>> = {
  none: 'token-required',
  nonsense: 'token-invalid',
  unsigned: 'token-invalid',
  signature: 'token-invalid',
  expired: 'token-expired',
  room: 'not-allowed',
  permission: 'not-allowed',
};
const BAD = Object.keys(CODES) as Bad[];
/** What a person reads. */
const SENTENCES: Readonly<Record<string, string>> = {
  'token-required': 'A token is required to enter this room.',
  'token-invalid': 'The token is not valid.',
  'token-expired': 'The token has expired: ask for a new one.',
  'not-allowed': 'This session may not do that.',
};

describe('with apps configured', () => {
  let yard: Yard;
  let expired = '';
  const publishers: FfmpegPublisher[] = [];
  const sessions: RawSession[] = [];

  const api = (path: string, init: RequestInit = {}, secret = ACME): Promise<Response> =>
    fetch(`${yard.api}${path}`, { ...init, headers: { ...init.headers, authorization: `Bearer ${secret}` } });
  const token = async (body: object, secret = ACME): Promise<string> => {
    const response = await api(
      '/v1/tokens',
      { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } },
      secret,
    );
    expect(response.status).toBe(201);
    return ((await response.json()) as { token: string }).token;
  };
  const only = (permission: 'publish' | 'subscribe' | 'data'): object => ({
    publish: false,
    subscribe: false,
    data: false,
    [permission]: true,
  });
  /** @param lacks What a token without the permission has instead. */
  const badToken = async (bad: Bad, lacks: 'publish' | 'subscribe' | 'data'): Promise<string | undefined> => {
    switch (bad) {
      case 'none':
        return undefined;
      case 'nonsense':
        return 'nonsense';
      case 'unsigned':
        return `${base64({ alg: 'none' })}.${base64({ iss: 'acme', exp: 4e9, room: 'demo', permissions: only('publish') })}.`;
      case 'signature': {
        const good = await token({ room: 'demo' });
        const [head, claims] = good.split('.');
        const [, , foreign] = (await token({ room: 'demo' }, RIVAL)).split('.');
        return `${head}.${claims}.${foreign}`;
      }
      case 'expired':
        return expired;
      case 'room':
        return token({ room: 'other' });
      case 'permission':
        return token({ room: 'demo', permissions: only(lacks) });
    }
  };
  const peers = async (room: string, secret = ACME): Promise<{ peer: string; gateway: string }[]> => {
    const response = await api(`/v1/rooms/${room}`, {}, secret);
    if (response.status === 404) return [];
    return ((await response.json()) as { peers: { peer: string; gateway: string }[] }).peers;
  };
  const waitForPeer = (room: string, peer: string): Promise<unknown> =>
    waitFor(
      `${peer} is in ${room}`,
      async () => (await peers(room)).some((each) => each.peer === peer),
      15_000,
      () => yard.log('rtmp') + yard.log('sip') + (publishers.at(-1)?.output ?? ''),
    );

  beforeAll(async () => {
    yard = await Yard.start(['webrtc', 'rtmp', 'sip'], {
      SWITCHYARD_APPS: `acme:${ACME},rival:${RIVAL}`,
    });
    expired = await token({ room: 'demo', ttlSeconds: 1 });
    // It has a second to live: everything below starts later than that.
    const expiredAtMs = Date.now() + 1000;
    await waitFor('the token expires', () => Date.now() > expiredAtMs);
  });
  afterEach(() => {
    for (const publisher of publishers.splice(0)) publisher.stop();
    for (const session of sessions.splice(0)) session.close();
  });
  afterAll(async () => {
    await yard?.stop();
  });

  const post = (path: string, bearer: string | undefined): Promise<Response> =>
    fetch(`${yard.http}${path}`, {
      method: 'POST',
      body: offer(path.startsWith('/whip') ? 'chrome-simulcast' : 'chrome-recvonly'),
      headers: {
        'content-type': 'application/sdp',
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      },
    });

  describe.each([
    ['/whip/demo', 'subscribe'],
    ['/whep/demo', 'publish'],
  ] as const)('POST %s', (path, lacks) => {
    it.each(BAD)('is refused for a bad token: %s', async (bad) => {
      const response = await post(path, await badToken(bad, lacks));
      const code = CODES[bad];
      expect(response.status).toBe(code === 'not-allowed' ? 403 : 401);
      expect(response.headers.get('content-type')).toContain('application/problem+json');
      if (response.status === 401) expect(response.headers.get('www-authenticate')).toContain('Bearer');
      expect(await response.json()).toMatchObject({ code, title: SENTENCES[code] });
    });
  });

  it('lets a WHIP publisher in, whom the API shows and kicks', async () => {
    const created = await post(
      '/whip/demo?peer=cam',
      await token({ room: 'demo', permissions: only('publish') }),
    );
    expect(created.status).toBe(201);
    expect(await peers('demo')).toMatchObject([{ peer: 'cam', gateway: 'whip' }]);
    expect(await peers('demo', RIVAL)).toEqual([]);
    expect((await api('/v1/rooms/demo/peers/cam', { method: 'DELETE' }, RIVAL)).status).toBe(404);
    expect((await api('/v1/rooms/demo/peers/cam', { method: 'DELETE' })).status).toBe(204);
    expect(await peers('demo')).toEqual([]);
    await waitFor('the session is gone', async () => {
      const { status } = await fetch(new URL(created.headers.get('location') ?? '', yard.http), {
        method: 'DELETE',
      });
      return status === 404;
    });
  });

  it('lets a WHEP viewer in', async () => {
    const created = await post('/whep/demo', await token({ room: 'demo', permissions: only('subscribe') }));
    expect(created.status).toBe(201);
    await fetch(new URL(created.headers.get('location') ?? '', yard.http), { method: 'DELETE' });
  });

  const session = async (): Promise<RawSession> => {
    const opened = await RawSession.open(yard.httpPort);
    sessions.push(opened);
    return opened;
  };

  it.each(BAD.filter((bad) => bad !== 'permission'))(
    'an SDK join is refused for a bad token: %s',
    async (bad) => {
      const sdk = await session();
      expect(await sdk.join('demo', 'ann', await badToken(bad, 'data'))).toMatchObject({
        error: { code: CODES[bad], message: expect.stringContaining(SENTENCES[CODES[bad]] ?? '?') },
      });
    },
  );

  it('the core keeps an SDK session to its permissions, and tells it when it is kicked', async () => {
    const [watcher, talker] = [await session(), await session()];
    const mayWatch = await token({ room: 'lobby', peer: 'ann', permissions: only('subscribe') });
    expect(await watcher.join('lobby', 'bob', mayWatch)).toMatchObject({ error: { code: 'not-allowed' } });
    expect(await watcher.join('lobby', 'ann', mayWatch)).toMatchObject({ result: 'joined' });
    expect(await watcher.ask({ type: 'channel-publish', label: 'chat', data: 'hi' })).toMatchObject({
      error: { code: 'not-allowed' },
    });
    expect(await watcher.ask({ type: 'channel-subscribe', label: 'chat' })).toMatchObject({
      error: { code: 'not-allowed' },
    });
    expect(await watcher.ask({ type: 'subscribe-peer', peer: 'eve' })).not.toHaveProperty('error');
    expect(
      await talker.join('lobby', 'eve', await token({ room: '*', permissions: only('data') })),
    ).toMatchObject({
      result: 'joined',
    });
    expect(await talker.ask({ type: 'channel-publish', label: 'chat', data: 'hi' })).not.toHaveProperty(
      'error',
    );
    expect(await talker.ask({ type: 'subscribe-peer', peer: 'ann' })).toMatchObject({
      error: { code: 'not-allowed' },
    });
    // Who may not subscribe hears nothing of the room.
    expect(talker.messages.filter(({ type }) => type === 'peer-joined')).toEqual([]);
    await waitFor('the watcher hears of eve', () =>
      watcher.messages.some((message) => message.type === 'peer-joined' && message.peer === 'eve'),
    );
    expect((await api('/v1/rooms/lobby/peers/ann', { method: 'DELETE' })).status).toBe(204);
    await waitFor('the watcher is told', () =>
      watcher.messages.some((message) => message.type === 'closed' && message.error.code === 'kicked'),
    );
    expect((await api('/v1/rooms/lobby', { method: 'DELETE' })).status).toBe(204);
    await waitFor('the talker is told', () =>
      talker.messages.some((message) => message.type === 'closed' && message.error.code === 'room-closed'),
    );
  });

  describe.skipIf(!hasFfmpeg())('RTMP', () => {
    const publish = (key: string): FfmpegPublisher => {
      const publisher = new FfmpegPublisher(`${yard.rtmp}/${key}`, SMALL_PICTURE);
      publishers.push(publisher);
      return publisher;
    };

    it.each(BAD)('is refused with a sentence for a bad token: %s', async (bad) => {
      const bearer = await badToken(bad, 'subscribe');
      const publisher = publish(bearer === undefined ? 'demo' : `demo?token=${bearer}`);
      await waitForEnd('ffmpeg', publisher);
      expect(publisher.exitCode).not.toBe(0);
      expect(publisher.output).toContain(SENTENCES[CODES[bad]]);
      expect(await peers('demo')).toEqual([]);
    });

    it('publishes under the name that the token gives', async () => {
      const bearer = await token({ room: 'demo', peer: 'obs', permissions: only('publish') });
      publish(`demo?token=${bearer}`);
      await waitForPeer('demo', 'obs');
      expect(await peers('demo', RIVAL)).toEqual([]);
      const publisher = publishers[0];
      await api('/v1/rooms/demo/peers/obs', { method: 'DELETE' });
      await waitFor('ffmpeg is told', () => publisher?.exitCode !== undefined);
      expect(publisher?.output).toContain('An administrator ended this session.');
    });
  });

  describe('SIP', () => {
    it.each(BAD)('is refused with 403 for a bad token: %s', async (bad) => {
      const bearer = await badToken(bad, 'data');
      const answer = await invite(yard.sipPort, {
        room: 'demo',
        parameters: bearer === undefined ? '' : `;token=${bearer}`,
      });
      expect(answer).toEqual({ status: 403, reason: SENTENCES[CODES[bad]] });
    });

    it('answers a call with a token in the request URI, and with one in a header', async () => {
      const bearer = await token({ room: 'demo' });
      expect(await invite(yard.sipPort, { room: 'demo', parameters: `;token=${bearer}` })).toMatchObject({
        status: 200,
      });
      expect(
        await invite(yard.sipPort, { room: 'demo', headers: [`X-Switchyard-Token: ${bearer}`] }),
      ).toMatchObject({ status: 200 });
    });
  });

  it('the API asks everybody but the load balancer', async () => {
    expect((await fetch(`${yard.api}/health`)).status).toBe(200);
    for (const path of ['/v1/rooms', '/metrics', '/v1/nodes', '/v1/sip/calls']) {
      expect((await fetch(`${yard.api}${path}`)).status).toBe(401);
      expect((await api(path, {}, FOREIGN)).status).toBe(401);
      expect((await api(path)).status).toBe(200);
      // The console's way to it asks as well.
      expect((await fetch(`${yard.http}/api/core${path}`)).status).toBe(401);
    }
    const admin = await token({ room: 'demo', permissions: { admin: true } });
    expect((await api('/v1/rooms/demo', { method: 'DELETE' }, admin)).status).toBe(404);
    expect((await api('/v1/rooms/other', { method: 'DELETE' }, admin)).status).toBe(403);
    expect(yard.errors()).toEqual([]);
  });
});

describe('a public bind', () => {
  const ENTRIES = {
    core: ['core/dist/server/main.js', 'SWITCHYARD_CORE_HTTP_HOST', 'core.httpHost'],
    webrtc: ['gateways/webrtc/dist/server/main.js', 'SWITCHYARD_WEBRTC_HOST', 'webrtc.host'],
    rtmp: ['gateways/rtmp/dist/main.js', 'SWITCHYARD_RTMP_HOST', 'rtmp.host'],
    sip: ['gateways/sip/dist/main.js', 'SWITCHYARD_SIP_HOST', 'sip.host'],
  } as const;

  it.each(Object.entries(ENTRIES))(
    'without an app stops %s at start, with the sentence that says what to set',
    async (_, [entry, variable, key]) => {
      const port = await freePorts(1);
      const child = spawn(process.execPath, [join(ROOT, entry)], {
        env: { ...process.env, SWITCHYARD_CORE_HTTP_PORT: `${port}`, [variable]: '0.0.0.0' },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
      const [code] = await once(child, 'close');
      expect(code).toBe(1);
      expect(output).toContain(
        `${key} is 0.0.0.0, a public address, but no app is configured, so nobody would be asked for a token. ` +
          `Set apps in switchyard.yaml (or SWITCHYARD_APPS=id:secret), or set ${key} to 127.0.0.1.`,
      );
    },
  );

  it('with an app is fine', async () => {
    const yard = await Yard.start(['rtmp'], {
      SWITCHYARD_APPS: `acme:${ACME}`,
      SWITCHYARD_CORE_HTTP_HOST: '0.0.0.0',
      SWITCHYARD_RTMP_HOST: '0.0.0.0',
    });
    expect((await fetch(`${yard.api}/health`)).status).toBe(200);
    expect([...(await yard.stop()).values()]).toEqual([0, 0]);
  });
});
