#!/usr/bin/env node
/** `npm start` and `npm run dev`: installs what is missing, builds what changed, starts everything. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { installPackages, nodeIsTooOld, root } from './install.mjs';

const dev = process.argv.includes('--dev');
const fail = (sentence) => {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
};

const tooOld = nodeIsTooOld();
if (tooOld !== undefined) fail(tooOld);
if (!installPackages()) fail('npm could not install the packages: see above.');
const built = spawnSync(process.execPath, [join(root, 'shared', 'launcher', 'bin', 'build.mjs'), '--quiet'], {
  cwd: root,
  stdio: 'inherit',
});
if (built.status !== 0) fail('The build failed: see above.');
const { launch } = await import(join(root, 'shared', 'dist', 'launcher', 'index.js'));
await launch({ root, dev });
