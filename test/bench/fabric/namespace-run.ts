/** Runs in a network namespace, see loss-in-namespace.ts. Prints a row as JSON. */
import { execFileSync } from 'node:child_process';
import { FabricStage } from '../../harness/fabric-stage.ts';
import { linkLoses } from './failures.ts';

const LOSS_PERCENT = 1;

const stage = await FabricStage.open({ relay: false, direct: { delayMs: 25, loss: 0 } });
try {
  for (const rule of [
    'add table ip switchyard',
    'add chain ip switchyard input { type filter hook input priority 0; policy accept; }',
    `add rule ip switchyard input udp dport ${stage.cluster.meshPort} numgen random mod 100 < ${LOSS_PERCENT} counter drop`,
  ])
    execFileSync('nft', [rule]);
  const row = await linkLoses(stage, 'nftables');
  const dropped = /packets (\d+)/.exec(execFileSync('nft', ['list', 'ruleset'], { encoding: 'utf8' }))?.[1];
  process.stdout.write(`${JSON.stringify({ ...row, note: `${row.note}; the kernel dropped ${dropped}` })}\n`);
} finally {
  await stage.close();
}
