/**
 * CPU of all server processes together per forwarded WebRTC packet, 1,200 B in frames of 5, and the delay they add at half
 * load: with viewers that report by REMB, and with viewers that acknowledge every packet, as browsers do.
 */
import { Yard } from '../harness/yard.ts';
import { CpuMeter, type CpuReading } from './cpu-meter.ts';
import { LoadClient } from './load/load-client.ts';
import type { LoadFigures } from './load/load-messages.ts';
import { sleep } from './sleep.ts';
import { percent, printTable, type Row, us } from './table.ts';

const PAYLOAD_BYTES = 1200;
const BURST = 5;
const VIEWERS = [10, 50] as const;
/** At first, to warm up and to see what a packet costs. */
const PILOT_PACKETS_PER_SECOND = 300;
/** What a viewer's link is taken for in the end is limited: 15 Mbps. */
const PACKETS_PER_SECOND_MAX = 1500;
const HALF_LOAD = 0.5;
const WARM_UP_MS = 4000;
const PILOT_MS = 3000;
const WINDOW_MS = 8000;

interface Measured {
  readonly reading: CpuReading;
  readonly coreMs: number;
  readonly gatewayMs: number;
  readonly sent: number;
  readonly seen: LoadFigures;
}

async function forward(viewers: number, feedback: 'remb' | 'transport-cc'): Promise<Row[]> {
  const yard = await Yard.start(['webrtc']);
  const [publisher, subscribers] = await Promise.all([LoadClient.start(), LoadClient.start()]);
  const [core, gateway] = [yard.pid('core'), yard.pid('webrtc')];
  const measure = async (windowMs: number): Promise<Measured> => {
    await Promise.all([publisher.reset(), subscribers.reset()]);
    const meter = new CpuMeter([core, gateway]);
    await sleep(windowMs);
    const reading = meter.read();
    const byProcess = meter.byRoot();
    const [{ sent }, seen] = await Promise.all([publisher.figures(), subscribers.figures()]);
    return {
      reading,
      coreMs: byProcess.get(core) ?? 0,
      gatewayMs: byProcess.get(gateway) ?? 0,
      sent,
      seen,
    };
  };
  try {
    await publisher.publish({
      url: `${yard.http}/whip/bench`,
      video: { payloadBytes: PAYLOAD_BYTES, burst: BURST, packetsPerSecond: PILOT_PACKETS_PER_SECOND },
    });
    const url = `${yard.http}/whep/bench`;
    await subscribers.subscribe({ url, count: viewers, video: true, audio: false, feedback });
    await sleep(WARM_UP_MS);
    const pilot = await measure(PILOT_MS);
    const shareOfPacket = pilot.reading.cpuMs / pilot.reading.wallMs / PILOT_PACKETS_PER_SECOND;
    const packetsPerSecond = Math.min(PACKETS_PER_SECOND_MAX, HALF_LOAD / shareOfPacket);
    await publisher.setRate(packetsPerSecond);
    await sleep(WARM_UP_MS);
    const { reading, coreMs, gatewayMs, sent, seen } = await measure(WINDOW_MS);
    const perPacket = (cpuMs: number): string => us((cpuMs * 1000) / seen.received);
    const { delayMs } = seen;
    const title = `1 → ${viewers}, viewers with ${feedback}`;
    return [
      {
        what: `${title}: CPU per packet`,
        value: perPacket(reading.cpuMs),
        target: '≤ 6.5 µs',
        note: `core ${perPacket(coreMs)}, gateway ${perPacket(gatewayMs)}; ${Math.round((seen.received / reading.wallMs) * 1000)} packets/s take ${percent(reading.cpuMs / reading.wallMs)} of a core; machine ${percent(reading.machineBusyShare)}`,
      },
      {
        what: `${title}: delay`,
        value: `p50 ${delayMs.p50.toFixed(2)} ms, p99 ${delayMs.p99.toFixed(2)} ms`,
        target: '≤ 1 ms, ≤ 5 ms',
        note: `${percent(seen.received / (sent * viewers))} of what was sent came, gaps ${seen.gaps}, late ${seen.late}, ${seen.authenticationFailures} of ${seen.verified} not authentic`,
      },
    ];
  } finally {
    await Promise.all([publisher.stop(), subscribers.stop()]);
    await yard.stop();
  }
}

const rows: Row[] = [];
for (const feedback of ['remb', 'transport-cc'] as const)
  for (const viewers of VIEWERS) rows.push(...(await forward(viewers, feedback)));
printTable('Forwarding', rows);
