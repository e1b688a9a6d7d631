/** CPU of all server processes per SIP call: PCMU both ways, everybody talks, each caller hears the mix of the others. */
import { SCENARIOS, Sipp } from '../harness/phone.ts';
import { waitFor } from '../harness/wait.ts';
import { Yard } from '../harness/yard.ts';
import { CpuMeter } from './cpu-meter.ts';
import { sleep } from './sleep.ts';
import { percent, printTable, type Row } from './table.ts';

const CALLS = 20;
const WARM_UP_MS = 4000;
const WINDOW_MS = 10_000;
/** Far above the ports that other tests take. */
const RTP_PORT_MIN = 41_000;

const callsOf = async (yard: Yard): Promise<number> => {
  const { peers = [] } = ((await yard.get('/v1/rooms/bench')) ?? {}) as { peers?: unknown[] };
  return peers.length;
};

const rows: Row[] = [];
const yard = await Yard.start(['sip'], {
  SWITCHYARD_SIP_RTP_PORT_MIN: `${RTP_PORT_MIN}`,
  SWITCHYARD_SIP_RTP_PORT_MAX: `${RTP_PORT_MIN + CALLS * 4}`,
});
try {
  const server = [yard.pid('core'), yard.pid('sip')];
  const idle = new CpuMeter(server);
  await sleep(WARM_UP_MS);
  const idleShare = idle.read().cpuMs / idle.read().wallMs;
  const phone = new Sipp({
    server: yard.sipPort,
    scenario: SCENARIOS.call('bench', WARM_UP_MS * 2 + WINDOW_MS + 10_000),
    calls: CALLS,
    callsPerSecond: CALLS,
  });
  try {
    await waitFor(
      `${CALLS} calls are up`,
      async () => (await callsOf(yard)) === CALLS,
      20_000,
      () => `${phone.output}\n${yard.log('sip')}`,
    );
    await sleep(WARM_UP_MS);
    const meter = new CpuMeter(server);
    await sleep(WINDOW_MS);
    const { cpuMs, wallMs, machineBusyShare } = meter.read();
    const byProcess = meter.byRoot();
    const share = (pid: number): string => percent((byProcess.get(pid) ?? 0) / wallMs / CALLS);
    const calls = await callsOf(yard);
    if (calls !== CALLS) throw new Error(`only ${calls} of ${CALLS} calls were up at the end`);
    rows.push({
      what: `${CALLS} calls in one room`,
      value: `${percent((cpuMs / wallMs - idleShare) / CALLS)} of a core`,
      target: '≤ 1 % (100 mixed calls per core)',
      note: `core ${share(yard.pid('core'))}, gateway ${share(yard.pid('sip'))}; idle processes ${percent(idleShare)}; machine ${percent(machineBusyShare)}`,
    });
  } finally {
    phone.stop();
  }
} finally {
  await yard.stop();
}
printTable('CPU per SIP call', rows);
