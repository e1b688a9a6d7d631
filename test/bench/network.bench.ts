/** What viewers on bad networks see: real Chromium through a seeded proxy. Prints a Markdown table. */

import { SCENARIOS, type ScenarioResult } from '../harness/netem/bad-network-scenarios.ts';
import { BadNetworkStage } from '../harness/netem/bad-network-stage.ts';

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

function row(result: ScenarioResult): string {
  const { name, height, framesPerSecond, longestGapMs, freezes, delayP50Ms, delayP95Ms } = result;
  const recovery =
    result.recoveryMs === undefined
      ? '–'
      : result.recoveryMs === Number.POSITIVE_INFINITY
        ? '> 20 s'
        : `${(result.recoveryMs / 1000).toFixed(1)} s`;
  return [
    name,
    `${height}p ${framesPerSecond.toFixed(0)} fps`,
    `${freezes} (${longestGapMs.toFixed(0)} ms)`,
    `${delayP50Ms.toFixed(0)} / ${delayP95Ms.toFixed(0)}`,
    result.queueP95Ms.toFixed(0),
    result.linkUse === undefined ? '–' : percent(result.linkUse),
    percent(result.audioConcealed),
    `${(result.receivedBps / 1e6).toFixed(2)} Mbps`,
    recovery,
    `${result.largestBurst}`,
  ].join(' | ');
}

const stage = await BadNetworkStage.open();
try {
  const published = (await stage.publishedBps()).map((bps) => Math.round(bps / 1000));
  process.stdout.write(`Publisher: ${published.join(' / ')} kbps\n\n`);
  process.stdout.write(
    '| network | picture | freezes > 500 ms (longest gap) | glass to glass p50 / p95 ms | queue p95 ms | link use | audio concealed | received | top layer again after | largest burst |\n|---|---|---|---|---|---|---|---|---|---|\n',
  );
  const wanted = process.argv.slice(2);
  for (const scenario of SCENARIOS) {
    if (wanted.length > 0 && !wanted.some((word) => scenario.name.includes(word))) continue;
    for (const result of await scenario.play(stage)) process.stdout.write(`| ${row(result)} |\n`);
  }
} catch (error) {
  process.stderr.write(`${stage.yard.log('webrtc')}\n`);
  throw error;
} finally {
  await stage.close();
}
