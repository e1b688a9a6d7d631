import { Kvm } from '@nats-io/kv';
import { connect } from '@nats-io/transport-node';
import { type ControlPlaneListener, NatsControl } from '@switchyard/core/fabric';
import { MESH_VERSION, type NodeRecord } from '@switchyard/core/fabric/mesh';
import { createLogger } from '@switchyard/shared/runtime';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hasNats, NatsServers } from '../harness/nats-server.ts';
import { waitFor } from '../harness/wait.ts';

const logger = createLogger('test', 'fatal');
const recordOf = (node: string, session: string): NodeRecord => ({
  node,
  session,
  zone: 'zone',
  relay: true,
  publicKey: '',
  addresses: [],
  url: '',
  version: MESH_VERSION,
});
const isUnheard: ControlPlaneListener = {
  memberUp: () => {},
  memberDown: () => {},
  linksReported: () => {},
  mapSet: () => {},
  mapDeleted: () => {},
  message: () => {},
  places: () => {},
  load: () => 0,
  asked: () => undefined,
  datagram: () => {},
  meshHeardMs: () => Number.NEGATIVE_INFINITY,
};
const text = (value: string): string => Buffer.from(value).toString('base64url');

describe.skipIf(!hasNats())('the control plane on NATS', () => {
  let nats: NatsServers;
  const running: NatsControl[] = [];
  const start = async (record: NodeRecord): Promise<NatsControl> => {
    const control = new NatsControl({ servers: nats.urls, replicas: 1, logger });
    await control.start(record, isUnheard);
    running.push(control);
    return control;
  };
  beforeAll(async () => {
    nats = await NatsServers.start();
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((control) => control.stop()));
  });
  afterAll(() => nats.stop());

  it('refuses a second node of one name, and the first does not notice', async () => {
    const first = await start(recordOf('a', 'a.1'));
    await expect(start(recordOf('a', 'a.2'))).rejects.toThrow('Another node named a is running');
    expect(first.isConnected).toBe(true);
  });

  it('of several that start at the same moment with one name, one is left', async () => {
    const tries = ['a.1', 'a.2', 'a.3', 'a.4'].map((session) => start(recordOf('a', session)));
    const results = await Promise.allSettled(tries);
    expect(results.map(({ status }) => status).sort()).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
      'rejected',
    ]);
  });

  it('nodes that start at the same moment on a new server all come up', async () => {
    const fresh = await NatsServers.start();
    const controls = ['a', 'b', 'c', 'd'].map(
      () => new NatsControl({ servers: fresh.urls, replicas: 1, logger }),
    );
    await Promise.all(
      controls.map((control, i) => control.start(recordOf(`node-${i}`, `node-${i}.1`), isUnheard)),
    );
    await waitFor('each knows the others', () => controls.every(({ members }) => members.length === 3));
    await Promise.all(controls.map((control) => control.stop()));
    await fresh.stop();
  });

  it('removes what a dead process wrote, not before it was dead twice, and nothing else', async () => {
    const control = await start(recordOf('a', 'a.1'));
    const connection = await connect({ servers: nats.urls });
    const rooms = await new Kvm(connection).open('switchyard-rooms');
    const write = async (key: string, node: string, session: string): Promise<void> => {
      const value = { kind: 'peer', peer: key, session };
      await rooms.put(`${text('room')}.${text(key)}`, JSON.stringify({ node, session, value }));
    };
    const isThere = async (key: string): Promise<boolean> =>
      (await rooms.get(`${text('room')}.${text(key)}`))?.operation === 'PUT';
    await start(recordOf('b', 'b.2'));
    await waitFor('both know each other', () => control.members.length === 1);
    await write('of-this', 'a', 'a.1');
    await write('of-another', 'b', 'b.2');
    await write('of-one-before', 'b', 'b.1');
    await write('of-a-cluster-before', 'z', 'z.1');

    await control.reap();
    expect(await isThere('of-one-before')).toBe(true);
    await write('just-died', 'y', 'y.1');
    await control.reap();

    expect(await isThere('of-this')).toBe(true);
    expect(await isThere('of-another')).toBe(true);
    expect(await isThere('just-died')).toBe(true);
    expect(await isThere('of-one-before')).toBe(false);
    expect(await isThere('of-a-cluster-before')).toBe(false);
    await connection.drain();
  });
});
