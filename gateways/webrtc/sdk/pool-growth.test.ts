import { describe, expect, test } from 'vitest';
import { FakeServer } from '../testing/fake-session-server.ts';
import { GROWTH_STEP } from './pool-growth.ts';
import { Session } from './session.ts';
import type { SessionOptions } from './session-options.ts';

const source = (peer: string): { peer: string; track: string } => ({ peer, track: 'video_main' });

async function join(server: FakeServer, options: Partial<SessionOptions> = {}): Promise<Session> {
  const session = new Session({
    url: 'ws://test/ws',
    receivers: { video: 1, audio: 0, mixer: 1 },
    openSocket: server.openSocket,
    openMedia: server.openMedia,
    ...options,
  });
  await session.join({ room: 'demo', peer: 'ann' });
  return session;
}
const attached = (server: FakeServer): string[] =>
  server.asked('receiver-attach').map(({ mid, source: { peer } }) => `${mid} ${peer}`);
const mids = (server: FakeServer, offer: number): string[] =>
  server
    .asked('offer')
    .at(offer)
    ?.receivers.map(({ mid, use }) => `${mid} ${use}`) ?? [];

describe('a pool that is used up', () => {
  test('grows by one offer, which leaves its other m-lines as they are', async () => {
    const server = new FakeServer();
    const session = await join(server);
    const added: unknown[] = [];
    session.on('receiver-added', (receiver) => added.push(receiver));
    await session.watch(source('bob'));
    expect(server.asked('offer')).toHaveLength(1);
    const receiver = await session.watch(source('carl'));
    expect(mids(server, -1)).toEqual(['0 manual', '1 mixer', '2 manual', '3 manual', '4 manual', '5 manual']);
    expect(attached(server)).toEqual(['0 bob', '2 carl']);
    expect(session.receivers).toHaveLength(1 + GROWTH_STEP);
    expect(added).toEqual(session.receivers.slice(1));
    expect(receiver.track).toBe(server.links[0]?.slots[2]?.track);
    // The others of the step are free: no offer for them.
    for (const peer of ['dora', 'eve', 'finn']) await session.watch(source(peer));
    expect(server.asked('offer')).toHaveLength(2);
    await session.watch(source('gus'));
    expect(server.asked('offer')).toHaveLength(3);
  });

  test('what the server tells of the new m-lines reaches the new receivers', async () => {
    const server = new FakeServer();
    const session = await join(server);
    await session.watch(source('bob'));
    const receiver = await session.watch(source('carl'));
    server.tell({ type: 'receiver-status', mid: '2', status: 'active', reason: 'best' });
    server.tell({ type: 'receiver-source', mid: '1', source: source('dora') });
    expect(receiver.status).toBe('active');
    expect(session.mixerSlots[0]?.source).toEqual(source('dora'));
  });

  test('watching many at once takes one offer, and nobody gets the receiver of another', async () => {
    const server = new FakeServer();
    const session = await join(server);
    const receivers = await Promise.all(['a', 'b', 'c', 'd'].map((peer) => session.watch(source(peer))));
    expect(new Set(receivers).size).toBe(4);
    expect(receivers.map((receiver) => receiver.source?.peer)).toEqual(['a', 'b', 'c', 'd']);
    expect(server.asked('offer')).toHaveLength(2);
  });

  test('takes back what is detached instead', async () => {
    const server = new FakeServer();
    const session = await join(server);
    const first = await session.watch(source('bob'));
    await first.detach();
    expect(await session.watch(source('carl'))).toBe(first);
    expect(server.asked('offer')).toHaveLength(1);
  });

  test.for([
    { name: 'its own', options: { maxReceivers: 3 }, maxReceivers: 64, receivers: 3 },
    { name: 'the server’s, mixer slots included', options: {}, maxReceivers: 3, receivers: 2 },
  ])('grows to a limit, $name, and asks for nothing beyond', async ({ options, maxReceivers, receivers }) => {
    const server = new FakeServer();
    server.maxReceivers = maxReceivers;
    const session = await join(server, options);
    for (let index = 0; index < receivers; index += 1) await session.watch(source(`peer${index}`));
    expect(session.receivers).toHaveLength(receivers);
    await expect(session.watch(source('late'))).rejects.toMatchObject({ code: 'limit-exceeded' });
    expect(server.asked('offer')).toHaveLength(2);
    expect(session.state).toBe('joined');
  });

  test('a refused offer leaves the pool as it was, and the next offer has nothing of it', async () => {
    const server = new FakeServer();
    const session = await join(server);
    await session.watch(source('bob'));
    server.refusal = { code: 'limit-exceeded', message: 'A limit of the server was reached.' };
    await expect(session.watch(source('carl'))).rejects.toMatchObject({ code: 'limit-exceeded' });
    expect(session.receivers).toHaveLength(1);
    expect(server.links[0]?.rollbacks).toBe(1);
    server.refusal = undefined;
    await session.watch(source('carl'));
    expect(mids(server, -1)).toHaveLength(2 + GROWTH_STEP);
    expect(attached(server)).toEqual(['0 bob', '2 carl']);
  });

  test('is there at its size after a reconnect, with everything attached', async () => {
    const server = new FakeServer();
    const session = await join(server);
    await session.watch(source('bob'));
    await session.watch(source('carl'));
    server.drop();
    await expect.poll(() => server.links.length).toBe(2);
    await expect.poll(() => session.state).toBe('joined');
    expect(mids(server, -1)).toEqual(['0 manual', '1 manual', '2 manual', '3 manual', '4 manual', '5 mixer']);
    await expect.poll(() => attached(server).slice(2)).toEqual(['0 bob', '1 carl']);
  });

  test('a connection that is lost while it grows brings the new receivers with it when it is back', async () => {
    const server = new FakeServer();
    const session = await join(server);
    await session.watch(source('bob'));
    server.isSilent = true;
    const watching = session.watch(source('carl'));
    await expect.poll(() => server.asked('offer').length).toBe(2);
    server.isSilent = false;
    server.drop();
    const receiver = await watching;
    expect(receiver.source?.peer).toBe('carl');
    await expect.poll(() => attached(server)).toEqual(['0 bob', '0 bob', '1 carl']);
    expect(session.receivers).toHaveLength(1 + GROWTH_STEP);
  });

  test('watching while the session reconnects waits until it is back', async () => {
    const server = new FakeServer();
    const session = await join(server);
    await session.watch(source('bob'));
    server.drop();
    await expect.poll(() => session.state).toBe('reconnecting');
    await session.watch(source('carl'));
    expect(session.state).toBe('joined');
    expect(server.asked('offer')).toHaveLength(3);
  });

  test('leaving ends what grows', async () => {
    const server = new FakeServer();
    const session = await join(server);
    await session.watch(source('bob'));
    server.isSilent = true;
    const watching = session.watch(source('carl'));
    await expect.poll(() => server.asked('offer').length).toBe(2);
    session.leave();
    await expect(watching).rejects.toMatchObject({ code: 'cancelled' });
    expect(session.receivers).toHaveLength(1);
  });
});
