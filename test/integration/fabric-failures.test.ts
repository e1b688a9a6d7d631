import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FabricStage } from '../harness/fabric-stage.ts';
import { hasNats } from '../harness/nats-server.ts';

/** Counted after a failure was overcome. */
const PACKETS_AFTER = 200;

/** Bounds are wide: what these cost on a quiet machine is printed by `npm run bench -- fabric`. */
describe.skipIf(!hasNats())('a stream over a relay', () => {
  it('outlives a relay that hangs, and misses nothing', async () => {
    const stage = await FabricStage.open({ direct: { delayMs: 100, loss: 0 } });
    try {
      const { outageMs, missing } = await stage.during(async () => {
        stage.cluster.yard('r').signal('core', 'SIGSTOP');
        await stage.routed(['p', 's'], false);
        await stage.receives(PACKETS_AFTER);
      });
      expect(outageMs).toBeLessThan(3000);
      expect(missing).toBe(0);
      expect(stage.isPresent('source')).toBe(true);
    } finally {
      await stage.close();
    }
  });
});

/** One story: the tests build on each other. */
describe.skipIf(!hasNats())(
  'a stream between two nodes, three NATS servers and a lossy link of 50 ms',
  () => {
    let stage: FabricStage;

    beforeAll(async () => {
      stage = await FabricStage.open({ relay: false, natsCount: 3, direct: { delayMs: 25, loss: 0.03 } });
    });
    afterAll(() => stage?.close());

    it('has what the link loses repaired', async () => {
      const { received, missing } = await stage.during(() => stage.receives(1000));
      expect(received).toBeGreaterThan(600);
      expect(missing / received).toBeLessThan(0.005);
      const { nodes } = (await stage.cluster.view('s')) ?? { nodes: [] };
      expect(nodes.find(({ node }) => node === 'p')?.link?.repaired).toBeGreaterThan(10);
    });

    it('goes on when the leader of the NATS servers is killed, and rooms change again', async () => {
      const leader = await stage.cluster.nats.leader();
      const { outageMs } = await stage.during(async () => {
        await stage.cluster.nats.kill(leader);
        expect(await stage.join()).toBeLessThan(16);
      });
      expect(outageMs).toBeLessThan(1000);
      expect(stage.departures).toBe(0);
    });

    it('ends when its node hangs, and comes back with it', async () => {
      stage.cluster.yard('p').signal('core', 'SIGSTOP');
      expect(await stage.seconds('its peers are gone', () => !stage.isPresent('source'))).toBeLessThan(6);
      stage.cluster.yard('p').signal('core', 'SIGCONT');
      await stage.seconds('it is back', () => stage.isPresent('source'));
      await stage.routed(['p', 's']);
    });
  },
);
