/**
 * One SRTP publisher to N real DTLS-SRTP viewers: CPU of all server processes together per forwarded packet, side by side
 * with a C++ program without segmentation offload under the same load; delay, and how late the event loops are.
 * `BENCH_PPS` sets the packets per second that go out (default 20,000).
 */
import { Yard } from '../harness/yard.ts';
import { CpuMeter } from './cpu-meter.ts';
import { LoadClient } from './load/load-client.ts';
import { ProcessProbe } from './process-probe.ts';
import { ReferenceForwarder } from './reference/reference-forwarder.ts';
import { sleep } from './sleep.ts';
import { percent, printTable, type Row, us } from './table.ts';

const VIDEO_BYTES = 1200;
const AUDIO_BYTES = 160;
const VIEWERS = [10, 50, 200];
const BURSTS = [1, 5, 20];
const OUT_PER_SECOND = Number(process.env['BENCH_PPS'] ?? 20_000);
/** Until what is run often is compiled. */
const WARM_UP_MS = 10_000;
const WINDOW_MS = 4000;
const RATIO_TARGET = '≤ 2.0';
const only = process.env['BENCH_VIEWERS'];

interface Pattern {
  readonly name: string;
  readonly burst: number;
  readonly payloadBytes: number;
  readonly isAudio: boolean;
}

const PATTERNS: readonly Pattern[] = [
  ...BURSTS.map((burst) => ({
    name: `bursts of ${burst}`,
    burst,
    payloadBytes: VIDEO_BYTES,
    isAudio: false,
  })),
  { name: 'audio', burst: 1, payloadBytes: AUDIO_BYTES, isAudio: true },
];

const reference = ReferenceForwarder.build();
if (typeof reference === 'string') process.stdout.write(`${reference}\n`);
const rows: Row[] = [];
const delays: Row[] = [];

async function measure(viewers: number, { name, burst, payloadBytes, isAudio }: Pattern): Promise<void> {
  const packetsPerSecond = OUT_PER_SECOND / viewers;
  const probe = new ProcessProbe();
  const yard = await Yard.start(['webrtc'], probe.environment);
  const [publisher, subscribers] = await Promise.all([LoadClient.start(), LoadClient.start()]);
  try {
    await publisher.publish({
      url: `${yard.http}/whip/bench`,
      ...(isAudio
        ? { audio: { payloadBytes, packetsPerSecond } }
        : { video: { payloadBytes, burst, packetsPerSecond } }),
    });
    await subscribers.subscribe({
      url: `${yard.http}/whep/bench`,
      count: viewers,
      video: !isAudio,
      audio: isAudio,
    });
    await sleep(WARM_UP_MS);
    const processes = [yard.pid('core'), yard.pid('webrtc')];
    for (const pid of processes) await probe.read(pid);
    await Promise.all([publisher.reset(), subscribers.reset()]);
    const meter = new CpuMeter(processes);
    await sleep(WINDOW_MS);
    const { cpuMs, wallMs, machineBusyShare } = meter.read();
    const byProcess = meter.byRoot();
    const [{ sent }, seen] = await Promise.all([publisher.figures(), subscribers.figures()]);
    const late = Math.max(
      ...(await Promise.all(processes.map((pid) => probe.read(pid)))).map(({ loopMs }) => loopMs.p999),
    );
    const floor =
      typeof reference === 'string'
        ? undefined
        : await reference.run({ viewers, packetsPerSecond, burst, payloadBytes }, WINDOW_MS);
    // Viewers may be too slow to count all; what was forwarded is what the publisher sent, times the viewers.
    const forwarded = sent * viewers;
    const each = (pid: number): string => us(((byProcess.get(pid) ?? 0) * 1000) / forwarded);
    const ours = (cpuMs * 1000) / forwarded;
    rows.push({
      what: `1 → ${viewers}, ${payloadBytes} B, ${name}`,
      value: us(ours),
      target: floor === undefined ? '' : `${(ours / floor.usPerPacket).toFixed(2)} × (${RATIO_TARGET})`,
      note: `core ${each(yard.pid('core'))}, gateway ${each(yard.pid('webrtc'))}; C ${floor === undefined ? 'not run' : us(floor.usPerPacket)}; ${percent(cpuMs / wallMs)} of a core, machine ${percent(machineBusyShare)} busy`,
    });
    delays.push({
      what: `1 → ${viewers}, ${payloadBytes} B, ${name}`,
      value: `p50 ${seen.delayMs.p50.toFixed(2)} ms, p99 ${seen.delayMs.p99.toFixed(2)} ms`,
      target: '≤ 1 ms, ≤ 5 ms',
      note: `event loops p99.9 ${late.toFixed(1)} ms; ${seen.received} of ${forwarded} seen, ${seen.authenticationFailures} of ${seen.verified} not authentic`,
    });
  } finally {
    await Promise.all([publisher.stop(), subscribers.stop()]);
    await yard.stop();
    probe.close();
  }
}

for (const viewers of only === undefined ? VIEWERS : only.split(',').map(Number))
  for (const pattern of PATTERNS) await measure(viewers, pattern);
if (typeof reference !== 'string') reference.close();
printTable('Fan-out: CPU of core and gateway per forwarded packet, as a ratio to the C++ reference', rows);
printTable('Fan-out: delay', delays);
