import { emptyMediaPacket } from '@switchyard/shared/media';
import { type SessionRequestBody, trackId } from '@switchyard/shared/protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  FakeClient,
  type FakeEndpoint,
  FakeEnvironment,
  type FakeTransport,
  offerVector,
  settle,
} from '../../testing/fake-ports.ts';
import { PeerSession } from './peer-session.ts';

let environment: FakeEnvironment;
let client: FakeClient;
let session: PeerSession;
let requests = 0;

beforeEach(() => {
  environment = new FakeEnvironment();
  client = new FakeClient();
  session = new PeerSession(environment, client, '127.0.0.1');
  requests = 0;
});

const ask = async (body: SessionRequestBody): Promise<unknown> => {
  requests += 1;
  session.handle({ ...body, request: requests });
  await settle();
  return client.messages.find((each) => each.type === 'response' && each.request === requests);
};
const join: SessionRequestBody = { type: 'join', protocol: 1, room: 'demo', peer: 'ann' };
// chrome-sdk: 0 video simulcast sendonly, 1 audio recvonly, 2 video recvonly, 3 data channel.
const offer: SessionRequestBody = {
  type: 'offer',
  sdp: offerVector('chrome-sdk'),
  senders: [{ mid: '0', name: 'video_main', priority: 200 }],
  receivers: [
    { mid: '1', use: 'mixer' },
    { mid: '2', use: 'manual' },
  ],
};
const started = async (): Promise<{ endpoint: FakeEndpoint; transport: FakeTransport }> => {
  await ask(join);
  await ask(offer);
  return { endpoint: environment.core.last, transport: environment.transports.last };
};

describe('joining', () => {
  test('joins with everything visible, replaces what is left of an earlier session, and answers', async () => {
    expect(await ask(join)).toMatchObject({ result: 'joined', iceServers: [] });
    expect(environment.core.last.of('join')).toEqual([
      {
        type: 'join',
        app: 'default',
        room: 'demo',
        peer: 'ann',
        publish: { peer: true, tracks: true },
        subscribe: { peers: true, tracks: true },
        permissions: { publish: true, subscribe: true, data: true },
        replace: true,
      },
    ]);
  });

  test.for([
    {
      name: 'another protocol',
      change: { protocol: 9 },
      error: { code: 'invalid-request', detail: expect.stringContaining('9') },
    },
    { name: 'a bad room', change: { room: 'a b' }, error: { code: 'invalid-name', detail: 'room' } },
    { name: 'a bad peer', change: { peer: '' }, error: { code: 'invalid-name', detail: 'peer' } },
  ])('$name is refused before the core hears of it', async ({ change, error }) => {
    expect(await ask({ ...join, ...change } as SessionRequestBody)).toMatchObject({ error });
    expect(environment.core.endpoints).toEqual([]);
  });

  test('the core’s refusal is the answer, with a sentence', async () => {
    environment.core.refusals.set('join', { code: 'overloaded' });
    expect(await ask(join)).toMatchObject({ error: { code: 'overloaded', message: expect.any(String) } });
    expect(await ask(offer)).toMatchObject({ error: { code: 'not-in-room' } });
  });

  test('what the room tells right behind the reply comes after it', async () => {
    session.handle({ ...join, request: 1 });
    while (environment.core.endpoints.length === 0) await Promise.resolve();
    environment.core.last.emit({ type: 'peer-joined', peer: 'bob' });
    await settle();
    expect(client.messages.map(({ type }) => type)).toEqual(['response', 'peer-joined']);
  });
});

describe('an offer', () => {
  test('is answered, slots are bound, the mixer gets its slots', async () => {
    const { endpoint, transport } = await started();
    expect(client.last).toMatchObject({
      type: 'response',
      result: 'answer',
      sdp: expect.stringContaining('a=ice-lite'),
    });
    expect(transport.bound).toEqual([
      { mid: '1', endpoint: endpoint.id, track: 1 },
      { mid: '2', endpoint: endpoint.id, track: 2 },
    ]);
    expect(endpoint.of('mixer-attach')).toEqual([{ type: 'mixer-attach', mode: 'auto', slots: [1] }]);
  });

  test('the same offer again changes nothing in the room', async () => {
    const { endpoint, transport } = await started();
    const before = endpoint.controls.length;
    await ask(offer);
    expect(endpoint.controls.length).toBe(before);
    expect(transport.bound).toHaveLength(2);
    expect(transport.restarts).toBe(0);
  });

  test('more receivers than the server allows are refused by their number, and what is there goes on', async () => {
    environment.maxReceivers = 1;
    expect(await ask(join)).toMatchObject({ result: 'joined', maxReceivers: 1 });
    expect(await ask(offer)).toMatchObject({ error: { code: 'limit-exceeded', detail: '1 receivers' } });
    expect(environment.transports.peers).toEqual([]);
    expect(
      await ask({ ...offer, receivers: [{ mid: '2', use: 'manual' }] } as SessionRequestBody),
    ).toMatchObject({
      result: 'answer',
    });
    const slots = (): unknown => environment.transports.last.applied.at(-1)?.media.map(({ send }) => send);
    const before = slots();
    expect(await ask(offer)).toMatchObject({ error: { code: 'limit-exceeded' } });
    expect(slots()).toEqual(before);
    environment.maxReceivers = 2;
    expect(await ask(offer)).toMatchObject({ result: 'answer' });
    // Chrome offers the third m-line now as before: its slot is the same, and the other one is new.
    expect(environment.transports.last.applied.at(-1)?.media[2]?.send).toEqual((before as unknown[])[2]);
    expect(environment.transports.last.bound.map(({ mid }) => mid)).toEqual(['2', '1']);
  });

  test('new ICE credentials in it restart ICE', async () => {
    const { transport } = await started();
    await ask({
      ...offer,
      sdp: offer.type === 'offer' ? offer.sdp.replace(/a=ice-ufrag:.*/g, 'a=ice-ufrag:4711') : '',
    });
    expect(transport.restarts).toBe(1);
    expect(client.last).toMatchObject({ sdp: expect.stringContaining('a=ice-ufrag:server02') });
    expect(transport.applied.at(-1)?.remoteUfrag).toBe('4711');
  });

  test.for([
    { name: 'a malformed description', change: { sdp: 'v=0\r\n' }, error: { code: 'invalid-sdp' } },
    {
      name: 'an unknown m-line',
      change: { senders: [{ mid: '7', name: 'x' }] },
      error: { detail: expect.stringContaining('7') },
    },
    {
      name: 'a name twice',
      change: {
        senders: [
          { mid: '0', name: 'x' },
          { mid: '2', name: 'x' },
        ],
      },
      error: { detail: expect.stringContaining('twice') },
    },
    { name: 'a bad name', change: { senders: [{ mid: '0', name: 'a b' }] }, error: { code: 'invalid-name' } },
    {
      name: 'one m-line both ways',
      change: { receivers: [{ mid: '0', use: 'manual' }] },
      error: { code: 'invalid-request' },
    },
    {
      name: 'a mixed picture',
      change: { receivers: [{ mid: '2', use: 'mixer' }] },
      error: { detail: expect.stringContaining('audio') },
    },
    {
      name: 'the data channel as sender',
      change: { senders: [{ mid: '3', name: 'x' }] },
      error: { code: 'invalid-request' },
    },
  ])('$name is refused by name and changes nothing', async ({ change, error }) => {
    const { transport } = await started();
    expect(await ask({ ...offer, ...change } as SessionRequestBody)).toMatchObject({ error });
    expect(transport.applied).toHaveLength(1);
  });
});

describe('a sender', () => {
  const layers = [{ rid: 'lo' }, { rid: 'mid' }, { rid: 'hi' }];

  test('starts in the room with its first packet, not before, and its media follows', async () => {
    const { endpoint, transport } = await started();
    transport.listener.onMedia('0', emptyMediaPacket('vp8'));
    expect(endpoint.of('remote-track-start')).toEqual([]);
    transport.listener.onTrackFacts('0', 'vp8', layers);
    transport.listener.onMedia('0', { ...emptyMediaPacket('vp8'), seq: 5 });
    expect(endpoint.of('remote-track-start')).toEqual([
      {
        type: 'remote-track-start',
        track: 1,
        info: { name: 'video_main', priority: 200, kind: 'video', codec: 'vp8', layers },
      },
    ]);
    expect(endpoint.packets).toEqual([{ track: 1, seq: 5 }]);
  });

  test('other facts update it, another codec starts it anew', async () => {
    const { endpoint, transport } = await started();
    transport.listener.onTrackFacts('0', 'vp8', []);
    transport.listener.onTrackFacts('0', 'vp8', layers);
    expect(endpoint.of('remote-track-update')).toEqual([{ type: 'remote-track-update', track: 1, layers }]);
    transport.listener.onTrackFacts('0', 'h264', layers);
    expect(endpoint.of('remote-track-stop')).toEqual([{ type: 'remote-track-stop', track: 1 }]);
    expect(endpoint.of('remote-track-start').at(-1)).toMatchObject({ track: 2, info: { codec: 'h264' } });
  });

  test('that is no longer listed stops', async () => {
    const { endpoint, transport } = await started();
    transport.listener.onTrackFacts('0', 'vp8', layers);
    await ask({ ...offer, senders: [] } as SessionRequestBody);
    expect(endpoint.of('remote-track-stop')).toHaveLength(1);
    transport.listener.onMedia('0', emptyMediaPacket('vp8'));
    expect(endpoint.packets).toEqual([]);
  });

  test('is updated by name, whether it flows yet or not', async () => {
    const { endpoint, transport } = await started();
    expect(await ask({ type: 'sender-update', name: 'video_main', priority: 300 })).not.toHaveProperty(
      'error',
    );
    transport.listener.onTrackFacts('0', 'vp8', layers);
    expect(endpoint.of('remote-track-start')[0]?.info.priority).toBe(300);
    await ask({ type: 'sender-update', name: 'video_main', bitrateMode: 'max' });
    expect(endpoint.of('remote-track-update')).toEqual([
      { type: 'remote-track-update', track: 1, bitrateMode: 'max' },
    ]);
    expect(await ask({ type: 'sender-update', name: 'nobody' })).toMatchObject({
      error: { code: 'unknown-track' },
    });
  });

  test('gets keyframe requests and limits by its number', async () => {
    const { endpoint, transport } = await started();
    transport.listener.onTrackFacts('0', 'vp8', layers);
    endpoint.emit({ type: 'remote-track-keyframe-request', track: trackId(1), spatial: 2 });
    expect(transport.keyframes).toEqual([{ mid: '0', spatial: 2 }]);
    endpoint.emit({ type: 'remote-track-limit', track: trackId(1), minBps: 0, maxBps: 500_000 });
    expect(client.last).toEqual({ type: 'sender-limit', name: 'video_main', maxBps: 500_000 });
    expect(transport.limits).toEqual([]);
  });

  test('that the core refuses is told and sends nothing', async () => {
    const { endpoint, transport } = await started();
    endpoint.refusals.set('remote-track-start', { code: 'limit-exceeded' });
    transport.listener.onTrackFacts('0', 'vp8', layers);
    await settle();
    expect(client.last).toMatchObject({
      type: 'error',
      error: { code: 'limit-exceeded', detail: expect.stringContaining('video_main') },
    });
    transport.listener.onMedia('0', emptyMediaPacket('vp8'));
    expect(endpoint.packets).toEqual([]);
  });
});

describe('a receiver', () => {
  const source = { peer: 'bob', track: 'video_main' };

  test('attaches, is configured, tells status and layers by m-line, and detaches', async () => {
    const { endpoint } = await started();
    expect(await ask({ type: 'receiver-attach', mid: '2', source })).not.toHaveProperty('error');
    expect(endpoint.of('local-track-attach')).toMatchObject([
      { track: 2, kind: 'video', source, config: { priority: 100 } },
    ]);
    const config = { priority: 5, maxSpatial: 0, maxTemporal: 0 };
    await ask({ type: 'receiver-config', mid: '2', config });
    expect(endpoint.of('local-track-config')).toEqual([{ type: 'local-track-config', track: 2, config }]);
    endpoint.emit({ type: 'local-track-status', track: trackId(2), status: 'active', reason: 'best' });
    expect(client.last).toEqual({ type: 'receiver-status', mid: '2', status: 'active', reason: 'best' });
    endpoint.emit({
      type: 'local-track-layers',
      track: trackId(2),
      current: null,
      target: { spatial: 1, temporal: 2 },
      bitrateBps: 500_000,
      reason: 'best',
    });
    expect(client.last).toEqual({
      type: 'receiver-layers',
      mid: '2',
      current: null,
      target: { spatial: 1, temporal: 2 },
      bitrateBps: 500_000,
      reason: 'best',
    });
    await ask({ type: 'receiver-detach', mid: '2' });
    expect(endpoint.of('local-track-detach')).toHaveLength(1);
  });

  test('of the mixer tells whom it plays', async () => {
    const { endpoint } = await started();
    endpoint.emit({ type: 'mixer-slot-set', track: trackId(1), source });
    expect(client.last).toEqual({ type: 'receiver-source', mid: '1', source });
    endpoint.emit({ type: 'mixer-slot-unset', track: trackId(1) });
    expect(client.last).toEqual({ type: 'receiver-source', mid: '1', source: null });
    expect(await ask({ type: 'receiver-attach', mid: '1', source })).toMatchObject({
      error: { code: 'unknown-track' },
    });
  });

  test('asks for a keyframe when the connection comes up and when its decoder does', async () => {
    const { endpoint, transport } = await started();
    transport.listener.onConnected();
    expect(endpoint.of('local-track-keyframe-request')).toEqual([]);
    await ask({ type: 'receiver-attach', mid: '2', source });
    transport.listener.onConnected();
    transport.listener.onKeyframeRequest('2');
    transport.listener.onKeyframeRequest('9');
    expect(endpoint.of('local-track-keyframe-request')).toHaveLength(2);
  });
});

describe('the end', () => {
  test('a leave forgets the room, and joining another brings senders and mixer back', async () => {
    const { endpoint, transport } = await started();
    transport.listener.onTrackFacts('0', 'vp8', []);
    await ask({ type: 'leave' });
    expect(await ask({ type: 'update-peer', metadata: 'x' })).toMatchObject({
      error: { code: 'not-in-room' },
    });
    await ask({ ...join, room: 'other' } as SessionRequestBody);
    expect(endpoint.of('remote-track-start')).toHaveLength(2);
    expect(endpoint.of('mixer-attach')).toHaveLength(2);
  });

  test('closed by the core: the client is told why, and everything is released', async () => {
    const { endpoint, transport } = await started();
    endpoint.emit({ type: 'closed', error: { code: 'replaced' } });
    expect(client.last).toMatchObject({
      type: 'closed',
      error: { code: 'replaced', message: expect.any(String) },
    });
    expect(client.closedWith).toBe('replaced');
    expect([endpoint.closed, transport.closed]).toEqual([true, true]);
  });

  test('a lost transport ends the connection without `closed`, so that the SDK comes back', async () => {
    const { endpoint, transport } = await started();
    transport.listener.onClosed('timeout');
    expect(client.closedWith).toBe('media timeout');
    expect(client.messages.some(({ type }) => type === 'closed')).toBe(false);
    expect(endpoint.closed).toBe(true);
  });

  test('a flood of requests is refused, each with its number', async () => {
    await ask(join);
    for (let number = 100; number < 400; number += 1)
      session.handle({ type: 'channel-publish', label: 'a', data: 'x', request: number });
    await settle();
    const answers = client.messages.filter((each) => each.type === 'response' && each.request >= 100);
    expect(answers).toHaveLength(300);
    expect(answers.filter((each) => 'error' in each).length).toBe(44);
  });
});

test('estimates and messages of the data channel pass', async () => {
  const { endpoint, transport } = await started();
  transport.listener.onEstimate(900_000, true);
  transport.listener.onData('chat', 'hello');
  expect(endpoint.controls.slice(-2)).toEqual([
    { type: 'egress-estimate', bitrateBps: 900_000, congested: true },
    { type: 'channel-publish', label: 'chat', data: 'hello' },
  ]);
});
