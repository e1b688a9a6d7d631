/**
 * Loaded into server processes by benches (`--import`): on SIGUSR2 writes what the process's event loop and heap are
 * like into `<BENCH_PROBE_DIRECTORY>/<pid>.json`, and begins to measure anew.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const directory = process.env.BENCH_PROBE_DIRECTORY;

if (directory !== undefined) {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  let writes = 0;
  process.on('SIGUSR2', () => {
    const loopMs = {
      p50: delay.percentile(50) / 1e6,
      p999: delay.percentile(99.9) / 1e6,
      max: delay.max / 1e6,
    };
    collect();
    collect();
    const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
    writes += 1;
    const file = join(directory, `${process.pid}.json`);
    writeFileSync(`${file}.new`, JSON.stringify({ writes, loopMs, heapUsed, external, arrayBuffers, rss }));
    renameSync(`${file}.new`, file);
    delay.reset();
  });
}
