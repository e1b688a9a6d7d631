/**
 * Viewers that come back every two seconds, with sound and picture flowing: what the server holds must not grow. Half of
 * them end by DELETE, half just close.
 */
import { Yard } from '../harness/yard.ts';
import { LoadClient } from './load/load-client.ts';
import { ProcessProbe, type ProcessReading } from './process-probe.ts';
import { sleep } from './sleep.ts';
import { printTable, type Row } from './table.ts';

const VIEWERS = 25;
const STAY_MS = 2000;
const ROUNDS = 20;
/** What processes make once (code, caches, buffers that grow to their size) is there after these. */
const WARM_UP_ROUNDS = 4;
/** Timers of a handshake that is over run for up to half a minute, and hold their session as long. */
const SETTLE_MS = 35_000;

const mB = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`;
const handlesOf = ({ handles }: ProcessReading): string =>
  Object.entries(handles)
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');

const probe = new ProcessProbe();
const yard = await Yard.start(['webrtc'], probe.environment);
const [publisher, viewers] = await Promise.all([LoadClient.start(), LoadClient.start()]);
let firstPackets = 0;
async function round(index: number): Promise<void> {
  await viewers.subscribe({ url: `${yard.http}/whep/churn`, count: VIEWERS, video: true, audio: true });
  await sleep(STAY_MS);
  const { firstPacketMs } = await viewers.figures();
  firstPackets += firstPacketMs.filter((each) => each > 0).length;
  await viewers.unsubscribe(index % 2 === 0);
}
try {
  await publisher.publish({
    url: `${yard.http}/whip/churn`,
    video: { payloadBytes: 1000, burst: 5, packetsPerSecond: 150 },
    audio: { payloadBytes: 100 },
  });
  const read = async (): Promise<Map<'core' | 'webrtc', ProcessReading>> => {
    await sleep(SETTLE_MS);
    return new Map(
      await Promise.all(
        (['core', 'webrtc'] as const).map(async (name) => [name, await probe.read(yard.pid(name))] as const),
      ),
    );
  };
  for (let index = 0; index < WARM_UP_ROUNDS; index += 1) await round(index);
  const before = await read();
  firstPackets = 0;
  for (let index = 0; index < ROUNDS; index += 1) await round(index);
  const after = await read();
  const rows: Row[] = [];
  for (const [name, was] of before) {
    const is = after.get(name);
    if (is === undefined) continue;
    const perJoin = (is.heapUsed - was.heapUsed) / (VIEWERS * ROUNDS);
    rows.push({
      what: `${name}: heap`,
      value: `${mB(was.heapUsed)} → ${mB(is.heapUsed)}`,
      target: 'flat',
      note: `${perJoin.toFixed(0)} bytes per join; outside the heap ${mB(was.external)} → ${mB(is.external)}, resident ${mB(was.rss)} → ${mB(is.rss)}`,
    });
    rows.push({ what: `${name}: handles and timers`, value: handlesOf(is), target: handlesOf(was) });
  }
  rows.push({
    what: 'joins',
    value: `${VIEWERS * ROUNDS}`,
    note: `${firstPackets} of them got media; lines of level error: ${yard.errors().length}`,
  });
  printTable(`${VIEWERS} viewers that come back every ${STAY_MS / 1000} s`, rows);
} finally {
  await Promise.all([publisher.stop(), viewers.stop()]);
  await yard.stop();
  probe.close();
}
