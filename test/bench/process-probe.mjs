/**
 * Preloaded into server processes by benches: answers on a Unix socket how late its event loop was since the last time,
 * and what it holds after a full collection. Plain JavaScript, because the built processes load no TypeScript.
 */
import { createServer } from 'node:net';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

const delay = monitorEventLoopDelay({ resolution: 1 });

function read() {
  const loopMs = {
    p50: delay.percentile(50) / 1e6,
    p999: delay.percentile(99.9) / 1e6,
    max: delay.max / 1e6,
  };
  collect();
  collect();
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  const handles = {};
  for (const name of process.getActiveResourcesInfo()) handles[name] = (handles[name] ?? 0) + 1;
  delay.reset();
  return { loopMs, heapUsed, external, arrayBuffers, rss, handles };
}

const directory = process.env.BENCH_PROBE_DIRECTORY;
if (directory !== undefined) {
  delay.enable();
  createServer((socket) => {
    socket.on('error', () => {});
    socket.end(JSON.stringify(read()));
  })
    .listen(join(directory, `${process.pid}.sock`))
    .unref();
}
