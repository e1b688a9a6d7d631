import { FabricStage, type Span, type StageOptions } from '../../harness/fabric-stage.ts';
import { quantile } from '../quantile.ts';
import { sleep } from '../sleep.ts';
import { ms, type Row } from '../table.ts';
import { lossInNamespace } from './loss-in-namespace.ts';

const RELAY_ROUNDS = 6;
/** Long enough for everything that a failure sets going. */
const AFTERMATH_MS = 3000;
/** Counted after a stream has gone over to another way. */
const PACKETS_AFTER = 200;
/** After NATS was away nobody is taken for dead for 5 s. */
const GRACE_MS = 6000;
const NATS_AWAY_MS = 10_000;
const LOSS_MS = 60_000;
const VIA_RELAY = ['p', 'r', 's'];
const DIRECT = ['p', 's'];

const seconds = (value: number): string => ms(value * 1000);
const span = ({ outageMs, missing }: Span): string => `outage ${ms(outageMs)}, ${missing} missing`;

/** Runs `act` with a stage of its own. What does not come out as expected is a row too: the others are still measured. */
async function on(
  options: StageOptions,
  ...acts: readonly ((stage: FabricStage) => Promise<Row | readonly Row[]>)[]
): Promise<readonly Row[]> {
  const stage = await FabricStage.open(options);
  const rows: Row[] = [];
  try {
    for (const act of acts) rows.push(...[await act(stage)].flat());
  } catch (error) {
    rows.push({ what: 'failed', value: String(error).split('\n')[0] ?? '' });
  } finally {
    await stage.close();
  }
  return rows;
}

async function relayFails(stage: FabricStage, signal: 'SIGKILL' | 'SIGSTOP'): Promise<Row> {
  const relay = stage.cluster.yard('r');
  const spans: Span[] = [];
  for (let round = 0; round < RELAY_ROUNDS; round += 1) {
    spans.push(
      await stage.during(async () => {
        if (signal === 'SIGKILL') await relay.kill('core');
        else relay.signal('core', signal);
        await sleep(AFTERMATH_MS);
      }),
    );
    if (signal === 'SIGKILL') await relay.run('core');
    else relay.signal('core', 'SIGCONT');
    await stage.routed(VIA_RELAY);
  }
  const outages = spans.map(({ outageMs }) => outageMs);
  return {
    what: `relay, ${signal}`,
    value: `outage p50 ${ms(quantile(outages, 0.5))}, longest ${ms(Math.max(...outages))}, ${spans.reduce((sum, { missing }) => sum + missing, 0)} missing`,
    target: 'p50 ≤ 500 ms, p99 ≤ 1.2 s, 0 missing',
    note: `${RELAY_ROUNDS} times; the way left is 80 ms there and back`,
  };
}

async function linkDegrades(stage: FabricStage): Promise<Row> {
  let reroutedS = 0;
  const seen = await stage.during(async () => {
    stage.cluster.proxy?.change('r', 's', { delayMs: 150 });
    reroutedS = await stage.routed(DIRECT, false);
    await stage.receives(PACKETS_AFTER);
  });
  return {
    what: 'a link of the way gets 140 ms longer',
    value: `rerouted after ${seconds(reroutedS)}, ${span(seen)}`,
    target: '≤ 5 s, 0 missing',
    note: 'the gap is what is under way on the longer way',
  };
}

async function publisherFails(stage: FabricStage): Promise<Row[]> {
  await sleep(GRACE_MS);
  const node = stage.cluster.yard('p');
  const gone = (): Promise<number> => stage.seconds('the source is gone', () => !stage.isPresent('source'));
  const rows: Row[] = [];
  for (const signal of ['SIGSTOP', 'SIGKILL', 'SIGTERM'] as const) {
    node.signal('core', signal);
    const value = seconds(await gone());
    const target = signal === 'SIGTERM' ? '≤ 100 ms' : '≤ 3.5 s';
    rows.push({ what: `publisher’s node, ${signal}: its peers are gone`, value, target });
    if (signal === 'SIGSTOP') node.signal('core', 'SIGCONT');
    else if (signal === 'SIGKILL') {
      await node.kill('core');
      await node.run('core');
    } else break;
    const backS = await stage.seconds('the source is back', () => stage.isPresent('source'));
    await stage.routed(DIRECT);
    rows.push({ what: 'its node runs again: they are back', value: seconds(backS) });
  }
  return rows;
}

async function natsFails(stage: FabricStage, signal: 'SIGKILL' | 'SIGSTOP'): Promise<Row> {
  const { nats } = stage.cluster;
  const before = stage.departures;
  const seen = await stage.during(async () => {
    nats.signal(0, signal);
    await sleep(NATS_AWAY_MS);
  });
  if (signal === 'SIGSTOP') nats.signal(0, 'SIGCONT');
  else {
    await nats.kill(0);
    nats.run(0);
    await nats.waitReady(0);
  }
  const joinS = await stage.join();
  return {
    what: `NATS, ${signal} for 10 s`,
    value: `media ${span(seen)}; ${stage.departures - before} peers lost; back: a join is seen after ${seconds(joinS)}`,
    target: 'media unaffected, nobody lost, ≤ 1 s',
  };
}

async function leaderFails(stage: FabricStage): Promise<Row> {
  const { nats } = stage.cluster;
  const leader = await nats.leader();
  let joinS = 0;
  const seen = await stage.during(async () => {
    await nats.kill(leader);
    joinS = await stage.join();
    await sleep(AFTERMATH_MS);
  });
  return {
    what: 'leader of three NATS servers, SIGKILL',
    value: `media ${span(seen)}; ${stage.departures} peers lost; a join is seen after ${seconds(joinS)}`,
    target: 'media unaffected, nobody lost, ≤ 8 s',
  };
}

/** @param lossBy What loses the packets. */
export async function linkLoses(stage: FabricStage, lossBy = 'the proxy'): Promise<Row> {
  const seen = await stage.during(() => sleep(LOSS_MS));
  const { nodes = [] } = (await stage.cluster.view('s')) ?? {};
  const repaired = nodes.find(({ node }) => node === 'p')?.link?.repaired ?? 0;
  const delivered = seen.received / (seen.received + seen.missing);
  return {
    what: `1 % loss by ${lossBy}, on a 50 ms hop`,
    value: `${(delivered * 100).toFixed(3)} % delivered, delay p50 ${ms(seen.delayP50Ms)}, p99 ${ms(seen.delayP99Ms)}`,
    target: '≥ 99.9 %, p99 ≤ 85 ms',
    note: `from the publisher’s socket to the viewer’s; ${seen.missing} of ${seen.received} missing, ${repaired} repaired`,
  };
}

/** What failures cost, by real processes: a browser is not needed, packets are counted. */
export async function failures(): Promise<readonly Row[]> {
  const relay = await on(
    {},
    (stage) => relayFails(stage, 'SIGKILL'),
    (stage) => relayFails(stage, 'SIGSTOP'),
    linkDegrades,
  );
  const nats = await on(
    { relay: false },
    (stage) => natsFails(stage, 'SIGKILL'),
    (stage) => natsFails(stage, 'SIGSTOP'),
    publisherFails,
  );
  const leader = await on({ relay: false, natsCount: 3 }, leaderFails);
  const loss = await on({ relay: false, direct: { delayMs: 25, loss: 0.01 } }, (stage) => linkLoses(stage));
  return [...relay, ...nats, ...leader, ...loss, ...lossInNamespace()];
}
