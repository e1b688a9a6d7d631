/**
 * Preloaded into server processes by benches of memory: answers on a Unix socket what the process holds, after a full
 * collection. Plain JavaScript, because the built processes load no TypeScript.
 */
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

function read() {
  collect();
  collect();
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  const handles = {};
  for (const name of process.getActiveResourcesInfo()) handles[name] = (handles[name] ?? 0) + 1;
  return { heapUsed, external, arrayBuffers, rss, handles };
}

const directory = process.env.BENCH_PROBE_DIRECTORY;
if (directory !== undefined)
  createServer((socket) => {
    socket.on('error', () => {});
    socket.end(JSON.stringify(read()));
  })
    .listen(join(directory, `${process.pid}.sock`))
    .unref();
