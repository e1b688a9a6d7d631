/** CPU of all server processes together per forwarded WebRTC packet, 1,200 B in frames of 5, and the delay they add. */
import { Yard } from '../harness/yard.ts';
import { CpuMeter } from './cpu-meter.ts';
import { LoadClient } from './load/load-client.ts';
import { sleep } from './sleep.ts';
import { percent, printTable, type Row, us } from './table.ts';

const PAYLOAD_BYTES = 1200;
const BURST = 5;
const WARM_UP_MS = 3000;
const WINDOW_MS = 8000;
/** Viewers, and packets per second of the publisher: about half of what one core forwards. */
const LOADS = [
  [10, 1500],
  [50, 800],
] as const;

const rows: Row[] = [];
for (const [viewers, packetsPerSecond] of LOADS) {
  const yard = await Yard.start(['webrtc']);
  const [publisher, subscribers] = await Promise.all([LoadClient.start(), LoadClient.start()]);
  try {
    await publisher.publish({
      url: `${yard.http}/whip/bench`,
      video: { payloadBytes: PAYLOAD_BYTES, burst: BURST, packetsPerSecond },
    });
    await subscribers.subscribe({
      url: `${yard.http}/whep/bench`,
      count: viewers,
      video: true,
      audio: false,
    });
    await sleep(WARM_UP_MS);
    const server = [yard.pid('core'), yard.pid('webrtc')];
    await Promise.all([publisher.reset(), subscribers.reset()]);
    const meter = new CpuMeter(server);
    await sleep(WINDOW_MS);
    const { cpuMs, wallMs, machineBusyShare } = meter.read();
    const byProcess = meter.byRoot();
    const [{ sent }, seen] = await Promise.all([publisher.figures(), subscribers.figures()]);
    const share = (pid: number): string => us(((byProcess.get(pid) ?? 0) * 1000) / seen.received);
    rows.push({
      what: `1 → ${viewers} viewers, per forwarded packet`,
      value: us((cpuMs * 1000) / seen.received),
      target: '≤ 6.5 µs',
      note: `core ${share(yard.pid('core'))}, gateway ${share(yard.pid('webrtc'))}; ${Math.round((seen.received / wallMs) * 1000)} packets/s; load ${percent(cpuMs / wallMs)} of a core, machine ${percent(machineBusyShare)}`,
    });
    rows.push({
      what: `1 → ${viewers} viewers, delay`,
      value: `p50 ${seen.delayMs.p50.toFixed(2)} ms, p99 ${seen.delayMs.p99.toFixed(2)} ms`,
      target: '≤ 1 ms, ≤ 5 ms',
      note: `sent ${sent}, received ${seen.received} of ${sent * viewers}, gaps ${seen.gaps}, ${seen.authenticationFailures} of ${seen.verified} not authentic`,
    });
  } finally {
    await Promise.all([publisher.stop(), subscribers.stop()]);
    await yard.stop();
  }
}
printTable('Forwarding', rows);
