import { LocalFabric, MeshFabric, NatsControl } from '@switchyard/core/fabric';
import { createLogger } from '@switchyard/shared/runtime';
import { describe } from 'vitest';
import { type FabricNode, fabricContract, RecordingListener } from '../contract/fabric.ts';
import { freePorts } from '../harness/free-ports.ts';
import { hasNats, NatsServers } from '../harness/nats-server.ts';
import { waitFor } from '../harness/wait.ts';

const nowMs = (): number => performance.timeOrigin + performance.now();

fabricContract('LocalFabric', async () => {
  const fabric = new LocalFabric();
  const listener = new RecordingListener();
  fabric.attach(listener);
  const node: FabricNode = { fabric, listener, nowMs };
  return { here: node, there: node, close: async () => {} };
});

describe.skipIf(!hasNats())('over NATS and UDP', () => {
  for (const transport of ['udp', 'nats'] as const)
    fabricContract(`MeshFabric by ${transport}`, async () => {
      const nats = await NatsServers.start();
      const port = await freePorts(2);
      const logger = createLogger('test', 'warn');
      const nodes = await Promise.all(
        ['a', 'b'].map(async (name, i) => {
          const listener = new RecordingListener();
          const fabric = new MeshFabric({
            node: name,
            zone: `zone-${name}`,
            relay: true,
            session: `${name}.1`,
            secret: 'a secret of the cluster',
            host: `127.0.20.${i + 1}`,
            port: port + i,
            announce: [],
            url: '',
            transport,
            udpBursts: true,
            control: new NatsControl({ servers: nats.urls, replicas: 1, logger }),
            logger,
            load: () => 0,
            nowMs,
          });
          fabric.attach(listener);
          await fabric.start();
          return { fabric, listener, nowMs };
        }),
      );
      const [here, there] = nodes;
      if (here === undefined || there === undefined) throw new Error('two nodes');
      await waitFor('the nodes know each other', () =>
        nodes.every(({ fabric }) => fabric.view().nodes.length === 1),
      );
      return {
        here,
        there,
        close: async () => {
          for (const { fabric } of nodes) await fabric.stop();
          await nats.stop();
        },
      };
    });
});
