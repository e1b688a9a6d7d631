/** What a joined and connected peer that neither sends nor gets media holds, in all server processes, and what a join costs. */
import { Yard } from '../harness/yard.ts';
import { CpuMeter } from './cpu-meter.ts';
import { LoadClient } from './load/load-client.ts';
import { ProcessProbe } from './process-probe.ts';
import { quantile } from './quantile.ts';
import { sleep } from './sleep.ts';
import { ms, percent, printTable, type Row } from './table.ts';

const PEERS = 300;
/** Joins before the first reading: what the process makes once is not of a peer. */
const WARM_UP_PEERS = 30;
const JOINS_AT_ONCE = 8;
const SETTLE_MS = 3000;
const IDLE_WINDOW_MS = 5000;

const probe = new ProcessProbe();
const yard = await Yard.start(['webrtc'], probe.environment);
const load = await LoadClient.start();
const server = ['core', 'webrtc'] as const;
const url = `${yard.http}/whep/idle`;
const subscribe = (count: number): Promise<void> =>
  load.subscribe({ url, count, video: true, audio: true, joinsAtOnce: JOINS_AT_ONCE });
try {
  await subscribe(WARM_UP_PEERS);
  await sleep(SETTLE_MS);
  const before = await Promise.all(server.map((name) => probe.read(yard.pid(name))));
  const meter = new CpuMeter(server.map((name) => yard.pid(name)));
  await subscribe(PEERS);
  const joins = meter.read();
  const { connectMs } = await load.figures();
  await sleep(SETTLE_MS);
  const after = await Promise.all(server.map((name) => probe.read(yard.pid(name))));
  meter.start();
  await sleep(IDLE_WINDOW_MS);
  const idle = meter.read();
  const { subscribers } = await load.figures();
  const grown = (key: 'heapUsed' | 'external' | 'rss', index: number): number =>
    ((after[index]?.[key] ?? 0) - (before[index]?.[key] ?? 0)) / PEERS / 1000;
  const kB = (key: 'heapUsed' | 'external' | 'rss'): string =>
    `${(grown(key, 0) + grown(key, 1)).toFixed(1)} kB`;
  const rows: Row[] = [
    {
      what: 'heap per idle peer, all processes',
      value: kB('heapUsed'),
      target: '≤ 40 kB',
      note: `core ${grown('heapUsed', 0).toFixed(1)} kB, gateway ${grown('heapUsed', 1).toFixed(1)} kB; outside the heap ${kB('external')}, resident ${kB('rss')}; ${subscribers} of ${PEERS + WARM_UP_PEERS} peers connected`,
    },
    {
      what: 'CPU per join (offer, ICE, DTLS), all processes',
      value: ms(joins.cpuMs / PEERS),
      target: '≤ 6.7 ms (150 joins per second and core)',
      note: `${JOINS_AT_ONCE} at a time, connected after p50 ${ms(quantile(connectMs, 0.5))}, p95 ${ms(quantile(connectMs, 0.95))}; machine ${percent(joins.machineBusyShare)}`,
    },
    {
      what: 'CPU of an idle peer',
      value: `${((idle.cpuMs / idle.wallMs / subscribers) * 1e6).toFixed(0)} µs per second`,
      note: `${subscribers} peers, each with a check and a report every second`,
    },
  ];
  printTable('Idle peers and joins', rows);
} finally {
  await load.stop();
  await yard.stop();
  probe.close();
}
