/**
 * Records what congestion control sees of real Chromium on bad networks, for the replays of this folder:
 * `node --import tsx test/traces/record.ts [NAME…]`, after a build, on a machine that does nothing else.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LINK_PRESETS } from '@switchyard/shared/netem';
import { BadNetworkStage } from '../harness/netem/bad-network-stage.ts';
import { path } from '../harness/netem/impairment-proxy.ts';
import { waitFor } from '../harness/wait.ts';
import { packEvents, type TraceEvent, type TraceFile, type TraceStep } from './recorded-trace.ts';

const ABOUT =
  'What the congestion control of the WebRTC gateway saw of one WHEP viewer: headless Chromium through the seeded ' +
  'impairment proxy of test/harness/netem, on loopback, one simulcast publisher. Written by test/traces/record.ts; ' +
  'the events are read by test/traces/recorded-trace.ts.';
const SEED = 11;
/** The publisher's bandwidth is found by then, and its encoder is not short of processor time, bits per second. */
const TOP_MIN_BPS = 1_500_000;
const DURATION_MS = 40_000;
const STEPS_MS = [0, 12_000, 25_000, 45_000] as const;

interface Plan {
  readonly name: string;
  readonly path: readonly TraceStep[];
  readonly durationMs: number;
}

const free = path({ delayMs: 20, rateBps: 8_000_000 }).down;
const PLANS: readonly Plan[] = [
  ...Object.entries(LINK_PRESETS).map(([name, down]) => ({
    name,
    path: [{ atMs: 0, down, upDelayMs: down.delayMs }],
    durationMs: DURATION_MS,
  })),
  {
    name: 'limit-that-comes-and-goes',
    path: [
      { atMs: STEPS_MS[0], down: free, upDelayMs: 20 },
      { atMs: STEPS_MS[1], down: { ...free, rateBps: 500_000 }, upDelayMs: 20 },
      { atMs: STEPS_MS[2], down: free, upDelayMs: 20 },
    ],
    durationMs: STEPS_MS[3],
  },
];

type Line = readonly [viewer: number, kind: TraceEvent['kind'], atMs: number, ...facts: unknown[]];

async function record(stage: BadNetworkStage, file: string, plan: Plan): Promise<TraceFile> {
  let publishedBps: number[] = [];
  await waitFor(
    'the publisher has climbed to its highest encoding',
    async () => {
      publishedBps = (await stage.publishedBps()).map(Math.round);
      return (publishedBps.at(-1) ?? 0) > TOP_MIN_BPS;
    },
    90_000,
    () => `${publishedBps} bps`,
  );
  const profile = ({ down, upDelayMs }: TraceStep) => path(down, { delayMs: upDelayMs });
  const [first = { atMs: 0, down: free, upDelayMs: 20 }, ...later] = plan.path;
  const before = readFileSync(file, 'utf8').split('\n').length - 1;
  const proxy = await stage.path(SEED, profile(first));
  const viewer = await stage.watch(proxy);
  const beganMs = firstPacketMs(file, before);
  const changes: TraceStep[] = [{ ...first, atMs: 0 }];
  for (const step of later) {
    await sleep(beganMs + step.atMs - Date.now());
    proxy.change(profile(step));
    changes.push({ ...step, atMs: Date.now() - beganMs });
  }
  await sleep(beganMs + plan.durationMs - Date.now());
  const events = eventsOf(linesOf(file, before), beganMs, plan.durationMs);
  const userAgent = await viewer.page.evaluate(() => navigator.userAgent);
  await viewer.close();
  const reported = events.flatMap((event) => (event.kind === 'feedback' ? event.feedback.arrivalsMs : []));
  return {
    about: ABOUT,
    name: plan.name,
    recordedWith: { browser: /Chrome\/[\d.]+/.exec(userAgent)?.[0] ?? userAgent, node: process.version },
    publishedBps,
    seed: SEED,
    durationMs: plan.durationMs,
    path: changes,
    packets: reported.length,
    lost: reported.filter((arrivalMs) => arrivalMs < 0).length,
    events: packEvents(events),
  };
}

const linesOf = (file: string, from: number): Line[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .slice(from)
    .map((line) => JSON.parse(line) as Line);

const newestOf = (lines: readonly Line[]): number => Math.max(...lines.map(([viewer]) => viewer));

/** When the first packet came for the newest viewer, milliseconds since 1970. */
function firstPacketMs(file: string, from: number): number {
  const lines = linesOf(file, from);
  const newest = newestOf(lines);
  const first = lines.find(
    ([viewer, kind]) => viewer === newest && (kind === 'video' || kind === 'audio' || kind === 'sent'),
  );
  if (first === undefined) throw new Error('the viewer was sent nothing');
  return first[2];
}

/** The newest viewer's events, in the order in which they happened. */
function eventsOf(lines: readonly Line[], beganMs: number, durationMs: number): TraceEvent[] {
  const newest = newestOf(lines);
  const events: TraceEvent[] = [];
  for (const [viewer, kind, epochMs, ...facts] of lines) {
    const atMs = Math.max(0, epochMs - beganMs);
    if (viewer !== newest || atMs > durationMs) continue;
    const [a = 0, b = 0, c = 0] = facts as number[];
    switch (kind) {
      case 'sent':
        events.push({ atMs, kind, bytes: a, cluster: b });
        break;
      case 'feedback': {
        const arrivalsMs = facts[3] as number[];
        events.push({
          atMs,
          kind,
          feedback: { baseSeq: a, referenceMs: b, feedbackCount: c, arrivalsMs },
        });
        break;
      }
      case 'video':
        events.push({ atMs, kind, bytes: a, stream: b, startsKeyframe: facts[2] === true });
        break;
      case 'audio':
      case 'repair':
        events.push({ atMs, kind, bytes: a });
        break;
      case 'tick':
        events.push({ atMs, kind, cluster: a });
        break;
      case 'demand':
        events.push({ atMs, kind, bps: a });
        break;
      case 'told':
        events.push({ atMs, kind, bps: a, congested: facts[1] === true });
        break;
    }
  }
  return events;
}

const wanted = process.argv.slice(2);
const scratch = mkdtempSync(join(tmpdir(), 'switchyard-traces-'));
const lines = join(scratch, 'lines');
writeFileSync(lines, '');
const preload = new URL('./estimate-recorder.mjs', import.meta.url).href;
const stage = await BadNetworkStage.open({ NODE_OPTIONS: `--import=${preload}`, TRACE_FILE: lines });
try {
  for (const plan of PLANS) {
    if (wanted.length > 0 && !wanted.includes(plan.name)) continue;
    const trace = await record(stage, lines, plan);
    const text = `${JSON.stringify(trace, null, 2)}\n`;
    writeFileSync(new URL(`./${plan.name}.trace.json`, import.meta.url), text);
    process.stdout.write(
      `${plan.name}: ${trace.packets} packets, ${trace.lost} lost, ${Math.round(text.length / 1000)} kB\n`,
    );
  }
} finally {
  await stage.close();
  rmSync(scratch, { recursive: true, force: true });
}
