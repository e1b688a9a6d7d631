/** CPU of all server processes per RTMP stream of 1280 × 720 at 30 fps and 2.5 Mbps with AAC: passed through, transcoded. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '../harness/wait.ts';
import { Yard } from '../harness/yard.ts';
import { CpuMeter } from './cpu-meter.ts';
import { sleep } from './sleep.ts';
import { percent, printTable, type Row } from './table.ts';

const SAMPLE_S = 20;
const WARM_UP_MS = 5000;
const WINDOW_MS = 12_000;

/** Encodes once; publishing it again and again costs next to nothing. */
function encode(file: string, bFrames: number): void {
  const args = [
    ['-hide_banner', '-loglevel', 'error', '-y'],
    [
      '-f',
      'lavfi',
      '-i',
      'testsrc2=size=1280x720:rate=30',
      '-f',
      'lavfi',
      '-i',
      'sine=frequency=440:sample_rate=48000',
    ],
    [
      '-t',
      `${SAMPLE_S}`,
      '-c:v',
      'libx264',
      '-preset',
      'veryfast',
      '-profile:v',
      bFrames > 0 ? 'high' : 'main',
    ],
    [
      '-pix_fmt',
      'yuv420p',
      '-bf',
      `${bFrames}`,
      '-g',
      '60',
      '-b:v',
      '2500k',
      '-c:a',
      'aac',
      '-b:a',
      '128k',
      '-ac',
      '2',
    ],
    [file],
  ].flat();
  const { status, stderr } = spawnSync('ffmpeg', args);
  if (status !== 0) throw new Error(`ffmpeg: ${stderr.toString()}`);
}

async function measure(title: string, file: string, streams: number, target: string): Promise<Row> {
  const yard = await Yard.start(['rtmp']);
  const publishers: ChildProcess[] = [];
  try {
    for (let stream = 0; stream < streams; stream += 1)
      publishers.push(
        spawn(
          'ffmpeg',
          [
            '-loglevel',
            'error',
            '-re',
            '-stream_loop',
            '-1',
            '-i',
            file,
            '-c',
            'copy',
            '-f',
            'flv',
            `${yard.rtmp}/bench${stream}`,
          ],
          { stdio: 'ignore' },
        ),
      );
    await waitFor(
      `${streams} streams flow`,
      async () => {
        const { rooms = [] } = ((await yard.get('/v1/rooms')) ?? {}) as { rooms?: unknown[] };
        return rooms.length === streams;
      },
      30_000,
      () => yard.log('rtmp'),
    );
    await sleep(WARM_UP_MS);
    const meter = new CpuMeter([yard.pid('core'), yard.pid('rtmp')]);
    await sleep(WINDOW_MS);
    const { cpuMs, wallMs, machineBusyShare } = meter.read();
    const byProcess = meter.byRoot();
    const share = (pid: number): string => percent((byProcess.get(pid) ?? 0) / wallMs / streams);
    return {
      what: title,
      value: `${percent(cpuMs / wallMs / streams)} of a core`,
      target,
      note: `${streams} streams; core ${share(yard.pid('core'))}, gateway with its encoders ${share(yard.pid('rtmp'))}; machine ${percent(machineBusyShare)}`,
    };
  } finally {
    for (const publisher of publishers) publisher.kill('SIGKILL');
    await yard.stop();
  }
}

const directory = mkdtempSync(join(tmpdir(), 'switchyard-bench-'));
try {
  const rows: Row[] = [];
  const plain = join(directory, 'plain.flv');
  encode(plain, 0);
  rows.push(await measure('passed through, AAC to Opus', plain, 8, ''));
  const reordered = join(directory, 'reordered.flv');
  encode(reordered, 2);
  rows.push(await measure('with B-frames, transcoded, AAC to Opus', reordered, 2, ''));
  printTable('CPU per RTMP stream, 1280 × 720, 30 fps, 2.5 Mbps', rows);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
