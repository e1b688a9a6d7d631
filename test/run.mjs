#!/usr/bin/env node
/**
 * `npm test`: sets up what it needs, then lint, types, build, unit, fuzz, integration and browser tests. Plain JavaScript
 * without packages, because on a fresh clone there are none. The last line is `N passed, N failed, N skipped`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installPackages, root } from '../shared/launcher/bin/install.mjs';

const inCi = process.env.CI === 'true';
/** Command → Debian package that has it. The tests with real peers use them. */
const PEERS = {
  chromium: 'chromium',
  ffmpeg: 'ffmpeg',
  sipp: 'sip-tester',
  baresip: 'baresip',
  'nats-server': 'nats-server',
};
/** Groups of vitest projects, run one after the other: the last two start real processes. */
const GROUPS = [
  ['shared', 'core', 'gateway-webrtc', 'gateway-rtmp', 'gateway-sip', 'architecture'],
  ['fuzz'],
  ['integration'],
  ['browser'],
];

const totals = { passed: 0, failed: 0, skipped: 0 };
const say = (text) => process.stdout.write(`${text}\n`);

function run(title, command, args, options = {}) {
  const startedMs = Date.now();
  say(`\n── ${title}`);
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  say(
    `── ${title}: ${status === 0 ? 'ok' : 'failed'} after ${Math.round((Date.now() - startedMs) / 1000)} s`,
  );
  return status === 0;
}

const has = (command) =>
  spawnSync('sh', ['-c', `PATH="$PATH:/usr/sbin:/sbin" command -v ${command}`]).status === 0;

/** @returns The commands that are still missing. */
function installPeers() {
  const missing = () => Object.keys(PEERS).filter((command) => !has(command));
  if (missing().length === 0) return [];
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  const mayInstall = has('apt-get') && (sudo.length === 0 || spawnSync('sudo', ['-n', 'true']).status === 0);
  if (mayInstall) {
    const packages = missing().map((command) => PEERS[command]);
    const environment = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, stdio: 'ignore' };
    const aptGet = (...args) => {
      const [command = '', ...rest] = [...sudo, 'apt-get', ...args];
      return run(`apt-get ${args.join(' ')}`, command, rest, environment);
    };
    aptGet('update', '-q');
    aptGet('install', '-q', '-y', '--no-install-recommends', ...packages);
  }
  return missing();
}

const hasTests = (project) => {
  const directory = {
    architecture: 'test',
    fuzz: 'test/fuzz',
    integration: 'test/integration',
    browser: 'test/browser',
  };
  const at = directory[project];
  if (at === undefined) return true;
  return existsSync(join(root, at)) && readdirSync(join(root, at)).some((name) => name.endsWith('.test.ts'));
};

/** Runs vitest projects and adds their figures up. A run that ends without a report counts as one failure. */
function runTests(projects, scratch) {
  const present = projects.filter(hasTests);
  if (present.length === 0) return;
  const report = join(scratch, `${projects[0]}.json`);
  const ok = run(`tests: ${present.join(', ')}`, process.execPath, [
    join(root, 'node_modules', 'vitest', 'vitest.mjs'),
    'run',
    ...present.flatMap((project) => ['--project', project]),
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ]);
  const before = totals.failed;
  if (existsSync(report)) {
    const figures = JSON.parse(readFileSync(report, 'utf8'));
    totals.passed += figures.numPassedTests;
    totals.failed += figures.numFailedTests;
    totals.skipped += figures.numPendingTests + figures.numTodoTests;
  }
  if (!ok && totals.failed === before) totals.failed += 1;
}

/** A step that counts as one test: lint, types, build. */
function step(title, command, args) {
  if (run(title, command, args)) totals.passed += 1;
  else totals.failed += 1;
}

function main() {
  if (!installPackages()) {
    say('npm could not install the packages of package-lock.json: see above.');
    totals.failed += 1;
    return;
  }
  const missing = installPeers();
  if (missing.length > 0)
    say(
      `Missing: ${missing.join(', ')}. Tests that use them are skipped. On Debian: apt-get install ${missing.map((command) => PEERS[command]).join(' ')}`,
    );
  process.env.MISSING_TEST_PEERS = missing.join(',');
  const binary = (name) => join(root, 'node_modules', '.bin', name);
  step('lint', binary('biome'), ['check', '--error-on-warnings']);
  step('build', process.execPath, [join(root, 'shared', 'launcher', 'bin', 'build.mjs')]);
  step('types of the tests', binary('tsc'), ['-p', 'test']);
  const scratch = mkdtempSync(join(tmpdir(), 'switchyard-test-'));
  try {
    for (const projects of GROUPS) runTests(projects, scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

main();
if (inCi && totals.skipped > 0) say('\nIn CI nothing may be skipped.');
say(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = totals.failed > 0 || (inCi && totals.skipped > 0) ? 1 : 0;
