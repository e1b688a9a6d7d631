import { setTimeout as sleep } from 'node:timers/promises';
import type { BadNetworkStage, StageViewer } from './bad-network-stage.ts';
import { TOP_HEIGHT } from './bad-network-stage.ts';
import type { ViewerSpan } from './bar-code-viewer.ts';
import { type ImpairmentProxy, type PathProfile, path } from './impairment-proxy.ts';

/** What is seen in the first seconds does not count: the path is not known yet. */
const SETTLE_MS = 5000;
const WATCH_MS = 12_000;
const POLL_MS = 250;

/** One row of the table. */
export interface ScenarioResult extends ViewerSpan {
  readonly name: string;
  /** 95th percentile of the wait in the bottleneck's queue, milliseconds. */
  readonly queueP95Ms: number;
  /** Of the limit, what was used by all viewers behind it, 0…1; undefined without a limit. */
  readonly linkUse?: number;
  /** From the end of a limit to the top layer, milliseconds; Infinity: not within 15 s. */
  readonly recoveryMs?: number;
  readonly largestBurst: number;
}

/** A scenario plays on the stage and gives a row for each viewer. */
export interface Scenario {
  readonly name: string;
  /** Bits per second of the bottleneck. */
  readonly limitBps?: number;
  play(stage: BadNetworkStage): Promise<ScenarioResult[]>;
}

/** One viewer, a path that stays as it is. */
function steady(name: string, profile: PathProfile): Scenario {
  const { rateBps } = profile.down;
  return {
    name,
    ...(rateBps === Number.POSITIVE_INFINITY ? {} : { limitBps: rateBps }),
    play: async (stage) => {
      const proxy = await stage.path(1, profile);
      const viewer = await stage.watch(proxy);
      const result = await watchSettled(name, [viewer], proxy);
      await viewer.close();
      return result;
    },
  };
}

/** Watches after the first seconds. */
async function watchSettled(
  name: string,
  viewers: readonly StageViewer[],
  proxy: ImpairmentProxy,
): Promise<ScenarioResult[]> {
  await sleep(SETTLE_MS);
  return await watch(name, viewers, proxy);
}

/** Watches from now on, once `begin` was called. */
async function watch(
  name: string,
  viewers: readonly StageViewer[],
  proxy: ImpairmentProxy,
  begin: () => void = () => {},
): Promise<ScenarioResult[]> {
  for (const viewer of viewers) await viewer.span();
  proxy.takeQueueDelays();
  const { bytesDelivered } = proxy.counts;
  const startMs = performance.now();
  begin();
  await sleep(WATCH_MS);
  const results: ScenarioResult[] = [];
  const elapsedMs = performance.now() - startMs;
  const delays = proxy.takeQueueDelays();
  const linkUse = ((proxy.counts.bytesDelivered - bytesDelivered) * 8000) / elapsedMs / proxy.rateBps;
  for (const [index, viewer] of viewers.entries())
    results.push({
      ...(await viewer.span()),
      name: viewers.length > 1 ? `${name}, viewer ${index + 1}` : name,
      queueP95Ms: delays[Math.floor(delays.length * 0.95)] ?? 0,
      ...(proxy.rateBps === Number.POSITIVE_INFINITY ? {} : { linkUse }),
      largestBurst: proxy.largestBurst,
    });
  return results;
}

/** A limit that comes, goes, and how soon the top layer is back after it. */
const comesAndGoes: Scenario = {
  name: 'limit of 500 kbps that comes and goes',
  play: async (stage) => {
    const free = path({ delayMs: 20, rateBps: 8_000_000 });
    const proxy = await stage.path(2, free);
    const viewer = await stage.watch(proxy);
    await sleep(SETTLE_MS);
    const limit = path({ delayMs: 20, rateBps: 500_000 });
    // The moment in which it comes counts: it is the hardest.
    const [limited] = await watch('while it is there', [viewer], proxy, () => proxy.change(limit));
    proxy.change(free);
    const clearedMs = performance.now();
    let recoveryMs = Number.POSITIVE_INFINITY;
    while (performance.now() - clearedMs < 20_000 && recoveryMs === Number.POSITIVE_INFINITY) {
      await sleep(POLL_MS);
      if ((await viewer.height()) === TOP_HEIGHT) recoveryMs = performance.now() - clearedMs;
    }
    await viewer.close();
    return limited === undefined ? [] : [{ ...limited, name: comesAndGoes.name, recoveryMs }];
  },
};

/** Both behind one bottleneck that carries a middle layer for each. */
const shared: Scenario = {
  name: 'two behind 2 Mbps',
  limitBps: 2_000_000,
  play: async (stage) => {
    const proxy = await stage.path(3, path({ delayMs: 20, rateBps: 2_000_000 }));
    const viewers = [await stage.watch(proxy), await stage.watch(proxy)];
    const results = await watchSettled(shared.name, viewers, proxy);
    for (const viewer of viewers) await viewer.close();
    return results;
  },
};

const cleanBesideBad: Scenario = {
  name: 'clean beside bad',
  play: async (stage) => {
    const good = await stage.path(4, path({ delayMs: 5 }));
    const bad = await stage.path(5, path({ delayMs: 40, jitterMs: 10, rateBps: 500_000, loss: 0.05 }));
    const clean = await stage.watch(good);
    const poor = await stage.watch(bad);
    const results = await watchSettled('clean, beside one at 500 kbps and 5 % loss', [clean], good);
    for (const viewer of [clean, poor]) await viewer.close();
    return results;
  },
};

export const SCENARIOS: readonly Scenario[] = [
  steady('2 % loss', path({ delayMs: 20, loss: 0.02 })),
  steady('5 % loss', path({ delayMs: 20, loss: 0.05 })),
  steady('10 % loss', path({ delayMs: 20, loss: 0.1 })),
  steady('limit of 1 Mbps', path({ delayMs: 20, rateBps: 1_000_000 })),
  steady('limit of 400 kbps', path({ delayMs: 20, rateBps: 400_000 })),
  steady('200 ms delay, 50 ms jitter', path({ delayMs: 200, jitterMs: 50 }, { delayMs: 20 })),
  comesAndGoes,
  shared,
  cleanBesideBad,
];
