import { describe, expect, it } from 'vitest';
import { DampedCost } from './damped-cost.ts';
import { linkCostMs } from './link-cost.ts';
import { LinkState } from './link-state.ts';
import { Routes } from './routes.ts';
import { converged } from './testing/converged.ts';
import { seededRandom, syntheticInternet } from './testing/synthetic-internet.ts';
import { Topology } from './topology.ts';

const nobodyDown = (): boolean => false;

/** For each subscriber and everybody who carries for it: where it takes the stream from. */
function treeOf(
  stream: string,
  publisher: string,
  subscribers: readonly string[],
  topology: Topology,
  state: LinkState,
): Map<string, string> {
  const upstreams = new Map<string, string>();
  const pending = [...subscribers];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (node === publisher || upstreams.has(node)) continue;
    const routes = new Routes(node, topology);
    routes.update(state.graph);
    const [upstream] = routes.candidates(stream, publisher, nobodyDown);
    if (upstream === undefined) throw new Error(`${node} finds no way to ${publisher}`);
    upstreams.set(node, upstream);
    pending.push(upstream);
  }
  return upstreams;
}

function pathFrom(node: string, publisher: string, upstreams: ReadonlyMap<string, string>): string[] {
  const path = [node];
  for (let at = node; at !== publisher; ) {
    const next = upstreams.get(at);
    if (next === undefined || path.includes(next)) throw new Error(`a loop: ${path.join(' ')} ${next}`);
    path.push(next);
    at = next;
  }
  return path;
}

const quantile = (values: readonly number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? 0;

describe('Routes', () => {
  it.each([
    [20, 4],
    [200, 10],
    [1000, 25],
  ])('%i nodes in %i zones: trees without loops, few copies, short ways', (nodeCount, zoneCount) => {
    const internet = syntheticInternet(nodeCount, zoneCount, 7);
    const { topology, state } = converged(internet);
    const random = seededRandom(3);
    const pick = (): string => internet.nodes[Math.floor(random() * nodeCount)]?.node ?? '';
    const direct: number[] = [];
    const overlay: number[] = [];
    let publisherCopies = 0;
    let unicastCopies = 0;
    const streams = nodeCount > 500 ? 4 : 8;
    for (let s = 0; s < streams; s += 1) {
      const publisher = pick();
      const subscribers = [...new Set(Array.from({ length: Math.min(100, nodeCount) }, pick))].filter(
        (node) => node !== publisher,
      );
      const upstreams = treeOf(`stream ${s}`, publisher, subscribers, topology, state);
      for (const node of subscribers) {
        const path = pathFrom(node, publisher, upstreams);
        const hops = path.slice(1).map((upstream, i) => {
          const downstream = path[i] ?? '';
          return linkCostMs({
            rttMs: internet.rttMs(downstream, upstream),
            loss: internet.loss(downstream, upstream),
            load: 0,
          });
        });
        if (topology.zoneOf(node) === topology.zoneOf(publisher)) continue;
        overlay.push(hops.reduce((sum, cost) => sum + cost, 0));
        direct.push(
          linkCostMs({
            rttMs: internet.rttMs(node, publisher),
            loss: internet.loss(node, publisher),
            load: 0,
          }),
        );
      }
      const own = [...topology.inZone(topology.zoneOf(publisher) ?? '')].length;
      const copies = [...upstreams.values()].filter((upstream) => upstream === publisher).length;
      // At most one to each neighbour of its own zone and one to each other zone.
      expect(copies).toBeLessThan(own + zoneCount);
      publisherCopies += copies;
      unicastCopies += subscribers.length;
      // A stream enters a zone once.
      const entries = new Map<string, number>();
      for (const [node, upstream] of upstreams) {
        const zone = topology.zoneOf(node) ?? '';
        if (topology.zoneOf(upstream) !== zone) entries.set(zone, (entries.get(zone) ?? 0) + 1);
      }
      for (const [zone, count] of entries) expect([zone, count]).toEqual([zone, 1]);
    }
    expect(quantile(overlay, 0.5)).toBeLessThanOrEqual(quantile(direct, 0.5) + 4);
    expect(quantile(overlay, 0.95)).toBeLessThanOrEqual(quantile(direct, 0.95) * 1.05);
    if (nodeCount >= 200) expect(publisherCopies).toBeLessThan(unicastCopies / 4);
  });

  it('goes by another zone where the direct way is bad, and back when it is good again', () => {
    const topology = new Topology();
    for (const [node, zone] of [
      ['a1', 'a'],
      ['b1', 'b'],
      ['c1', 'c'],
    ] as const)
      topology.add({ node, zone, relay: true });
    const routes = new Routes('b1', topology);
    const state = new LinkState();
    let version = 0;
    const measure = (ab: number): void => {
      version += 1;
      state.report('a1', { session: 's', version, costsMs: { b1: ab, c1: 10 } }, 0);
      state.report('b1', { session: 's', version, costsMs: { a1: ab, c1: 10 } }, 0);
      state.report('c1', { session: 's', version, costsMs: { a1: 10, b1: 10 } }, 0);
      routes.update(state.graph);
    };
    measure(15);
    expect(routes.candidates('s', 'a1', nobodyDown)[0]).toBe('a1');
    measure(60);
    expect(routes.candidates('s', 'a1', nobodyDown)[0]).toBe('c1');
    expect(routes.isWorthIt('a1', 'a1', 'c1')).toBe(true);
    measure(22);
    expect(routes.candidates('s', 'a1', nobodyDown)[0]).toBe('c1');
    // 2 ms less is not worth moving a stream.
    expect(routes.isWorthIt('a1', 'a1', 'c1')).toBe(false);
    // But once the direct way is no worse, it spares the relay.
    expect(routes.isWorthIt('a1', 'c1', 'a1')).toBe(false);
    measure(20);
    expect(routes.candidates('s', 'a1', nobodyDown)[0]).toBe('a1');
    expect(routes.isWorthIt('a1', 'c1', 'a1')).toBe(true);
  });

  it('names somebody else when the best neighbour does not answer', () => {
    const internet = syntheticInternet(40, 4, 1);
    const { topology, state } = converged(internet);
    for (const { node } of internet.nodes) {
      if (node === 'n0') continue;
      const routes = new Routes(node, topology);
      routes.update(state.graph);
      const [best] = routes.candidates('s', 'n0', nobodyDown);
      const [second] = routes.candidates('s', 'n0', (each) => each === best);
      expect(second).toBeDefined();
      expect(second).not.toBe(best);
    }
  });

  it('knows no way to itself, nor to who is not there', () => {
    const { topology, state } = converged(syntheticInternet(4, 2, 1));
    const routes = new Routes('n0', topology);
    routes.update(state.graph);
    expect(routes.candidates('s', 'n0', nobodyDown)).toEqual([]);
    expect(routes.candidates('s', 'nobody', nobodyDown)).toEqual([]);
  });

  it('two probers a zone keep 1,000 nodes at under 10,000 probes a second, full mesh would be a million', () => {
    const { topology } = converged(syntheticInternet(1000, 25, 1));
    let probes = 0;
    for (const { node, zone } of topology.members)
      for (const target of topology.probeTargetsOf(node)) probes += topology.zoneOf(target) === zone ? 1 : 2;
    expect(probes).toBeLessThan(10_000);
  });

  it('changes the way of a pair less than 30 times an hour while every measurement is noisy', () => {
    const internet = syntheticInternet(20, 10, 5);
    const { topology } = converged(internet);
    const random = seededRandom(11);
    const costs = new Map<string, DampedCost>();
    const state = new LinkState();
    const routes = internet.nodes.map(({ node }) => new Routes(node, topology));
    const before = new Map<string, string>();
    let changes = 0;
    let version = 0;
    const seconds = 600;
    for (let second = 0; second < seconds; second += 1) {
      let changed = false;
      version += 1;
      for (const { node } of internet.nodes) {
        const costsMs: Record<string, number> = {};
        for (const target of topology.probeTargetsOf(node)) {
          const cost = costs.get(`${node} ${target}`) ?? new DampedCost();
          costs.set(`${node} ${target}`, cost);
          // Jitter of a few milliseconds, now and then a spike.
          const noise = 1 + 0.04 * (random() + random() - 1) + (random() < 0.01 ? 0.5 : 0);
          const rttMs = internet.rttMs(node, target) * noise;
          cost.measured(linkCostMs({ rttMs, loss: internet.loss(node, target), load: 0 }), second * 1000);
          costsMs[target] = cost.costMs;
        }
        changed = state.report(node, { session: 's', version, costsMs }, second * 1000) || changed;
      }
      if (!changed) continue;
      for (const [i, each] of routes.entries()) {
        each.update(state.graph);
        const key = `${i}`;
        const [upstream = ''] = each.candidates('s', 'n0', nobodyDown);
        const known = before.get(key);
        if (known === upstream) continue;
        if (known !== undefined && !each.isWorthIt('n0', known, upstream)) continue;
        if (known !== undefined) changes += 1;
        before.set(key, upstream);
      }
    }
    const perPairAndHour = (changes / (routes.length - 1)) * (3600 / seconds);
    expect(perPairAndHour).toBeLessThan(30);
  });
});
