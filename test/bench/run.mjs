#!/usr/bin/env node
/**
 * `npm run bench` runs every bench one after the other, `npm run bench -- NAME…` those named. Builds first: benches
 * measure the built processes. Prints tables of figures; nothing is asserted, machines differ.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installPackages, root } from '../../shared/launcher/bin/install.mjs';

const SUFFIX = '.bench.ts';
const directory = dirname(fileURLToPath(import.meta.url));
const known = readdirSync(directory)
  .filter((name) => name.endsWith(SUFFIX))
  .map((name) => name.slice(0, -SUFFIX.length));
const wanted = process.argv.slice(2).filter((word) => !word.startsWith('-'));
const unknown = wanted.filter((name) => !known.includes(name));
const run = (args) => spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status === 0;

function main() {
  if (unknown.length > 0) {
    process.stderr.write(`There is no bench ${unknown.join(', ')}. There are: ${known.join(', ')}.\n`);
    return false;
  }
  if (!installPackages() || !run([join(root, 'shared', 'launcher', 'bin', 'build.mjs'), '--quiet']))
    return false;
  const [load = 0] = loadavg();
  process.stdout.write(
    `${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, Node ${process.versions.node}, load before the start ${load.toFixed(1)}\n`,
  );
  let ok = true;
  for (const name of wanted.length > 0 ? wanted : known) {
    // Benches of memory collect before they read, and must not be interrupted by it.
    const args = [
      '--expose-gc',
      '--max-semi-space-size=64',
      '--min-semi-space-size=64',
      '--import',
      'tsx',
      join(directory, `${name}${SUFFIX}`),
    ];
    if (!run(args)) {
      process.stderr.write(`bench ${name} failed\n`);
      ok = false;
    }
  }
  return ok;
}

process.exitCode = main() ? 0 : 1;
