import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Row } from '../table.ts';

const NAMESPACE = `switchyard-${process.pid}`;
const SCRIPT = fileURLToPath(new URL('namespace-run.ts', import.meta.url));

const run = (
  command: string,
  ...args: readonly string[]
): { readonly ok: boolean; readonly output: string } => {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return { ok: status === 0, output: `${stdout ?? ''}${stderr ?? ''}` };
};

/** The nodes in a network namespace of their own, where nftables drop packets: the kernel's loss instead of the proxy's. */
export function lossInNamespace(): readonly Row[] {
  const what = '1 % loss by nftables';
  if (!run('ip', 'netns', 'add', NAMESPACE).ok)
    return [{ what, value: 'not allowed here', note: 'needs root and iproute2' }];
  try {
    run('ip', '-n', NAMESPACE, 'link', 'set', 'lo', 'up');
    const { ok, output } = run('ip', 'netns', 'exec', NAMESPACE, process.execPath, '--import', 'tsx', SCRIPT);
    const line = output.split('\n').find((each) => each.startsWith('{'));
    if (!ok || line === undefined) return [{ what, value: 'failed', note: output.split('\n')[0] ?? '' }];
    return [JSON.parse(line) as Row];
  } finally {
    run('ip', 'netns', 'del', NAMESPACE);
  }
}
