import { describe, expect, it, test } from 'vitest';
import { DampedCost } from './damped-cost.ts';
import { linkCostMs } from './link-cost.ts';
import { LinkProbe } from './link-probe.ts';
import { LINK_STATE_EXPIRY_MS, LinkState } from './link-state.ts';
import { rendezvous } from './rendezvous.ts';
import { pathTo, shortestPaths } from './shortest-paths.ts';

/** Links given as `A-B cost`, both ways. */
function graphOf(...links: readonly string[]): Map<string, Map<string, number>> {
  const graph = new Map<string, Map<string, number>>();
  for (const link of links) {
    const [, a = '', b = '', cost] = /^(\w+)-(\w+) (\d+)$/.exec(link) ?? [];
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const costs = graph.get(from) ?? new Map<string, number>();
      graph.set(from, costs.set(to, Number(cost)));
    }
  }
  return graph;
}

describe('shortestPaths', () => {
  const LINKS = ['A-B 1', 'B-C 1', 'C-F 1', 'A-D 1', 'D-E 2', 'B-E 1'];
  const ways = (links: readonly string[], target: string): string => {
    const paths = shortestPaths(graphOf(...links), 'A');
    return `${pathTo(paths, target)?.join('')} ${paths.costMs.get(target)}`;
  };

  it('goes A–B–C–F at a cost of 3', () => {
    expect(ways(LINKS, 'F')).toBe('ABCF 3');
  });

  test.for([
    ['B', 'ADEB 4'],
    ['C', 'ADEBC 5'],
    ['E', 'ADE 3'],
    ['F', 'ADEBCF 6'],
  ] as const)('with A–B cut, reaches %s by %s', ([target, way]) => {
    expect(ways(LINKS.slice(1), target)).toBe(way);
  });

  it('finds the same tree whatever the order of the links', () => {
    const links = ['A-B 1', 'A-C 1', 'B-D 1', 'C-D 1', 'D-E 1', 'B-E 2', 'C-E 2'];
    const trees = [links, links.toReversed(), links.toSorted().toReversed()].map((each) =>
      [...shortestPaths(graphOf(...each), 'A').previous].toSorted().join(),
    );
    expect(new Set(trees).size).toBe(1);
  });

  it('names nothing that cannot be reached', () => {
    const paths = shortestPaths(graphOf('A-B 1', 'C-D 1'), 'A');
    expect(pathTo(paths, 'D')).toBeUndefined();
    expect(pathTo(paths, 'A')).toEqual(['A']);
  });
});

test.for([
  [{ rttMs: 50, loss: 0, load: 0 }, 27],
  [{ rttMs: 50, loss: 0.02, load: 0 }, 37],
  [{ rttMs: 50, loss: 0.2, load: 0 }, 227],
  [{ rttMs: 50, loss: 0, load: 0.7 }, 27],
  [{ rttMs: 50, loss: 0, load: 1 }, 77],
] as const)('a link of %j costs %d ms', ([measurement, costMs]) => {
  expect(linkCostMs(measurement)).toBeCloseTo(costMs, 6);
});

describe('DampedCost', () => {
  /** Measurements a second apart. @returns What is told after each. */
  const told = (measured: readonly number[]): number[] => {
    const cost = new DampedCost();
    return measured.map((costMs, i) => {
      cost.measured(costMs, i * 1000);
      return cost.costMs;
    });
  };

  it('tells the first measurement, and a link that went down, at once', () => {
    expect(told([20, Number.POSITIVE_INFINITY, 30])).toEqual([20, Number.POSITIVE_INFINITY, 30]);
  });

  it('tells worse after two measurements that say so', () => {
    expect(told([20, 40, 40, 41])).toEqual([20, 20, 40, 40]);
    expect(told([20, 40, 20, 40, 20])).toEqual([20, 20, 20, 20, 20]);
  });

  it('does not tell noise', () => {
    expect(told([100, 111, 89, 112, 90])).toEqual([100, 100, 100, 100, 100]);
    expect(told([10, 13.9, 13.9])).toEqual([10, 10, 10]);
  });

  /** A link that has been up for a while. */
  const SETTLED: readonly number[] = [100, 100, 100, 100, 100, 100];

  it('tells better when it has lasted 15 s, and then the worst of that time', () => {
    const measured = [...SETTLED, ...Array.from({ length: 16 }, (_, i) => (i === 4 ? 60 : 50))];
    expect(told(measured).slice(19)).toEqual([100, 100, 60]);
  });

  it('tells better at once in the first 5 s of a link', () => {
    expect(told([100, 60, 58, 20])).toEqual([100, 60, 60, 20]);
    expect(told([...SETTLED, 20, Number.POSITIVE_INFINITY, 80, 20]).slice(6)).toEqual([
      100,
      Number.POSITIVE_INFINITY,
      80,
      20,
    ]);
  });

  it('waits again when better did not last', () => {
    const measured = [
      ...SETTLED,
      ...Array.from({ length: 10 }, () => 50),
      100,
      ...Array.from({ length: 10 }, () => 50),
    ];
    expect(new Set(told(measured))).toEqual(new Set([100]));
  });
});

describe('LinkProbe', () => {
  const run = (
    probe: LinkProbe,
    fromMs: number,
    toMs: number,
    rttMs: number,
    isLost: (n: number) => boolean,
  ): void => {
    const answers: { atMs: number; number: number }[] = [];
    for (let nowMs = fromMs; nowMs <= toMs; nowMs += 10) {
      for (const answer of answers.splice(0)) {
        if (answer.atMs <= nowMs) probe.answered(answer.number, answer.atMs);
        else answers.push(answer);
      }
      const number = probe.due(nowMs);
      if (number !== undefined && !isLost(number)) answers.push({ atMs: nowMs + rttMs, number });
    }
  };

  it('measures round trip and loss', () => {
    const probe = new LinkProbe({ intervalMs: 200 });
    run(probe, 0, 20_000, 30, (n) => n % 10 === 3);
    expect(probe.isUp).toBe(true);
    expect(probe.rttMs).toBeCloseTo(30, 0);
    expect(probe.loss).toBeCloseTo(0.1, 1);
  });

  it('does not hold against a link what was asked before it came up, or while it was down', () => {
    const probe = new LinkProbe({ intervalMs: 200 });
    run(probe, 0, 3000, 30, () => true);
    run(probe, 3010, 5000, 30, () => false);
    expect(probe.loss).toBe(0);
    run(probe, 5010, 8000, 30, () => true);
    expect(probe.isUp).toBe(false);
    run(probe, 8010, 10_000, 30, () => false);
    expect(probe.isUp).toBe(true);
    expect(probe.loss).toBe(0);
  });

  it('takes the quickest of the first answers: the other process may be just starting', () => {
    const probe = new LinkProbe({ intervalMs: 200 });
    run(probe, 0, 250, 150, () => false);
    expect(probe.rttMs).toBe(150);
    run(probe, 260, 1000, 10, () => false);
    expect(probe.rttMs).toBe(10);
  });

  it('is down after five probes in a row without an answer, within 1.3 s', () => {
    const probe = new LinkProbe({ intervalMs: 200 });
    run(probe, 0, 5000, 30, () => false);
    run(probe, 5000, 5900, 30, () => true);
    expect(probe.isUp).toBe(true);
    run(probe, 5900, 6400, 30, () => true);
    expect(probe.isUp).toBe(false);
    run(probe, 6400, 7000, 30, () => false);
    expect(probe.isUp).toBe(true);
  });

  it('does not take a slow answer for a lost one', () => {
    const probe = new LinkProbe({ intervalMs: 200 });
    run(probe, 0, 20_000, 450, () => false);
    expect(probe.isUp).toBe(true);
    expect(probe.loss).toBeLessThan(0.1);
  });

  it('takes no answer twice, and none to what it did not ask', () => {
    const probe = new LinkProbe({ intervalMs: 200 });
    const number = probe.due(0) ?? -1;
    expect(probe.answered(number + 7, 10)).toBe(false);
    expect(probe.answered(number, 10)).toBe(true);
    expect(probe.answered(number, 400)).toBe(false);
    expect(probe.rttMs).toBe(10);
  });
});

describe('LinkState', () => {
  const report = (
    version: number,
    costsMs: Record<string, number>,
    session = 's',
  ): Parameters<LinkState['report']>[1] => ({
    session,
    version,
    costsMs,
  });

  it('believes the worse of two opinions of a link', () => {
    const state = new LinkState();
    state.report('A', report(1, { B: 10 }), 0);
    expect(state.graph.get('B')?.get('A')).toBe(10);
    state.report('B', report(1, { A: 30 }), 0);
    expect(state.graph.get('A')?.get('B')).toBe(30);
  });

  it('does not use a link that one end cannot hear', () => {
    const state = new LinkState();
    state.report('A', report(1, { B: 10 }), 0);
    state.report('B', report(1, {}), 0);
    expect(state.graph.get('A')?.get('B')).toBeUndefined();
  });

  it('ignores an older report of the same process, and takes the first of a new one', () => {
    const state = new LinkState();
    state.report('A', report(5, { B: 10 }), 0);
    expect(state.report('A', report(4, { B: 99 }), 0)).toBe(false);
    expect(state.report('A', report(1, { B: 20 }, 'restarted'), 0)).toBe(true);
    expect(state.graph.get('A')?.get('B')).toBe(20);
  });

  it('forgets what is not renewed', () => {
    const state = new LinkState();
    state.report('A', report(1, { B: 10 }), 0);
    expect(state.report('A', report(2, { B: 10 }), 20_000)).toBe(false);
    expect(state.expire(LINK_STATE_EXPIRY_MS + 10_000)).toBe(false);
    expect(state.expire(LINK_STATE_EXPIRY_MS + 20_001)).toBe(true);
    expect(state.graph.size).toBe(0);
  });
});

describe('rendezvous', () => {
  const NODES = Array.from({ length: 10 }, (_, i) => `n${i}`);
  const KEYS = Array.from({ length: 5000 }, (_, i) => `room/${i}`);

  it('spreads keys evenly', () => {
    const counts = new Map<string, number>();
    for (const key of KEYS) {
      const node = rendezvous(key, NODES) ?? '';
      counts.set(node, (counts.get(node) ?? 0) + 1);
    }
    for (const node of NODES) expect(counts.get(node)).toBeGreaterThan(400);
    for (const node of NODES) expect(counts.get(node)).toBeLessThan(600);
  });

  it('moves only the keys of a node that goes, and picks alike in any order', () => {
    for (const key of KEYS) {
      const before = rendezvous(key, NODES);
      expect(rendezvous(key, NODES.toReversed())).toBe(before);
      if (before !== 'n3')
        expect(
          rendezvous(
            key,
            NODES.filter((node) => node !== 'n3'),
          ),
        ).toBe(before);
    }
  });

  it('picks nobody of nobody', () => {
    expect(rendezvous('x', [])).toBeUndefined();
  });
});
