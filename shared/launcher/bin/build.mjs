#!/usr/bin/env node
/** `npm run build`: builds what changed since the last time, through Nx and its cache. `--quiet` shows failures only. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from './install.mjs';

const quiet = process.argv.includes('--quiet');
if (quiet) process.stdout.write('Building what changed…\n');
const { status, stdout, stderr } = spawnSync(
  process.execPath,
  [
    join(root, 'node_modules', 'nx', 'dist', 'bin', 'nx.js'),
    'run-many',
    '--target=build',
    '--outputStyle=stream',
  ],
  {
    cwd: root,
    stdio: quiet ? 'pipe' : 'inherit',
    env: { ...process.env, NX_DAEMON: 'false', NX_NO_CLOUD: 'true' },
  },
);
if (quiet && status !== 0) {
  process.stdout.write(stdout);
  process.stderr.write(stderr);
}
process.exitCode = status ?? 1;
