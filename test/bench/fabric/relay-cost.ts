import { freePorts } from '../../harness/free-ports.ts';
import { NatsServers } from '../../harness/nats-server.ts';
import { waitFor } from '../../harness/wait.ts';
import { CpuMeter } from '../cpu-meter.ts';
import { sleep } from '../sleep.ts';
import { percent, type Row, us } from '../table.ts';
import { MeshBenchNode } from './mesh-bench-node.ts';

const PACKETS_PER_SECOND = 20_000;
const WARM_UP_MS = 4000;
const WINDOW_MS = 8000;

interface Measured {
  readonly cpuUs: number;
  readonly delayP50Ms: number;
  readonly delayP99Ms: number;
  readonly note: string;
}

/**
 * A publisher and viewers in processes of their own, 1,000 bytes a packet over UDP on loopback. The zone of the viewers
 * has one relay, by which their stream comes.
 * @param relayed Without: one viewer, and it is the relay.
 */
async function measure(relayed: boolean, viewers: number, packetsPerSecond: number): Promise<Measured> {
  const nats = await NatsServers.start();
  const port = await freePorts(1);
  let host = 0;
  const start = (node: string, zone: string, relay: boolean, role: 'publish' | 'view' | 'relay') => {
    host += 1;
    return MeshBenchNode.start({ node, zone, relay, role, host: `127.0.25.${host}`, port, nats: nats.urls });
  };
  const publisher = await start('p', 'zp', true, 'publish');
  const relay = relayed ? await start('r', 'zv', true, 'relay') : undefined;
  const views = await Promise.all(
    Array.from({ length: viewers }, (_, i) => start(`v${i}`, 'zv', !relayed, 'view')),
  );
  const route = relayed ? 'p,r,v' : 'p,v';
  try {
    await publisher.setRate(100);
    for (const view of views)
      await waitFor(`the way ${route}`, async () => `${(await view.figures()).route}`.startsWith(route));
    await publisher.setRate(packetsPerSecond);
    await sleep(WARM_UP_MS);
    await Promise.all(
      [publisher, ...views, ...(relay === undefined ? [] : [relay])].map((each) => each.reset()),
    );
    const meter = new CpuMeter([(relay ?? publisher).pid]);
    await sleep(WINDOW_MS);
    const { cpuMs, wallMs, machineBusyShare } = meter.read();
    const sent = (await publisher.figures()).packets;
    const crossed = relay === undefined ? sent : (await relay.figures()).mediaIn;
    const [seen] = await Promise.all(views.map((view) => view.figures()));
    return {
      cpuUs: (cpuMs * 1000) / crossed,
      delayP50Ms: seen?.delayP50Ms ?? Number.NaN,
      delayP99Ms: seen?.delayP99Ms ?? Number.NaN,
      note: `${Math.round((crossed / wallMs) * 1000)} packets/s; ${percent((seen?.packets ?? 0) / sent)} of what was sent came; machine ${percent(machineBusyShare)}`,
    };
  } finally {
    await Promise.all(
      [publisher, ...views, ...(relay === undefined ? [] : [relay])].map((each) => each.stop()),
    );
    await nats.stop();
  }
}

const delay = ({ delayP50Ms, delayP99Ms }: Measured): string =>
  `p50 ${delayP50Ms.toFixed(2)} ms, p99 ${delayP99Ms.toFixed(2)} ms`;

export async function relayCost(): Promise<Row[]> {
  const one = await measure(true, 1, PACKETS_PER_SECOND);
  const two = await measure(true, 2, PACKETS_PER_SECOND / 2);
  const calm = await measure(true, 1, PACKETS_PER_SECOND / 10);
  const direct = await measure(false, 1, PACKETS_PER_SECOND / 10);
  return [
    { what: 'relay, 1 → 1: CPU per packet', value: us(one.cpuUs), target: '≤ 15 µs', note: one.note },
    { what: 'relay, 1 → 2: CPU per packet', value: us(two.cpuUs), note: two.note },
    { what: 'publisher → relay → viewer: delay', value: delay(one), note: `at ${PACKETS_PER_SECOND}/s` },
    { what: 'the same', value: delay(calm), note: `at ${PACKETS_PER_SECOND / 10}/s` },
    { what: 'publisher → viewer: delay', value: delay(direct), note: `at ${PACKETS_PER_SECOND / 10}/s` },
    {
      what: 'added by the hop',
      value: `p50 ${(calm.delayP50Ms - direct.delayP50Ms).toFixed(2)} ms, p99 ${(calm.delayP99Ms - direct.delayP99Ms).toFixed(2)} ms`,
      note: 'difference of the two above',
    },
  ];
}
