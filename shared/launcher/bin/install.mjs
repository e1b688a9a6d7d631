/** npm packages, when there are none or the lock file is newer. Plain JavaScript: it runs before there are any. */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const NODE_MIN = [20, 19];

/** @returns A sentence when this Node is too old. */
export function nodeIsTooOld() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isOld = major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1]);
  return isOld
    ? `Switchyard needs Node ${NODE_MIN.join('.')} or newer; this is ${process.versions.node}.`
    : undefined;
}

/** @returns Whether the packages are there now. */
export function installPackages() {
  const marker = join(root, 'node_modules', '.package-lock.json');
  const lock = join(root, 'package-lock.json');
  if (existsSync(marker) && statSync(marker).mtimeMs >= statSync(lock).mtimeMs) return true;
  process.stdout.write('Installing npm packages (npm ci)…\n');
  return spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: root, stdio: 'inherit' }).status === 0;
}
