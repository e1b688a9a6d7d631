import { Routes } from '../../../core/fabric/mesh/routes.ts';
import { converged } from '../../../core/fabric/mesh/testing/converged.ts';
import { seededRandom, syntheticInternet } from '../../../core/fabric/mesh/testing/synthetic-internet.ts';
import type { Row } from '../table.ts';

const NODES = 1000;
const ZONES = 25;
const SUBSCRIBERS = 100;
const STREAMS = 20;

/** Copies of a stream that leave its publisher's node, and that cross between zones, against one for each subscriber. */
export function egress(): Row[] {
  const internet = syntheticInternet(NODES, ZONES, 7);
  const { topology, state } = converged(internet);
  const routes = new Map<string, Routes>();
  const routesOf = (node: string): Routes => {
    const known = routes.get(node) ?? new Routes(node, topology);
    if (!routes.has(node)) {
      known.update(state.graph);
      routes.set(node, known);
    }
    return known;
  };
  const random = seededRandom(3);
  const pick = (): string => internet.nodes[Math.floor(random() * NODES)]?.node ?? '';
  let [own, between, unicast, unicastBetween] = [0, 0, 0, 0];
  for (let s = 0; s < STREAMS; s += 1) {
    const publisher = pick();
    const subscribers = new Set<string>();
    while (subscribers.size < SUBSCRIBERS) {
      const node = pick();
      if (node !== publisher) subscribers.add(node);
    }
    const upstreams = new Map<string, string>();
    const pending = [...subscribers];
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      if (node === publisher || upstreams.has(node)) continue;
      const [upstream] = routesOf(node).candidates(`stream ${s}`, publisher, () => false);
      if (upstream === undefined) throw new Error(`${node} finds no way to ${publisher}`);
      upstreams.set(node, upstream);
      pending.push(upstream);
    }
    const crosses = (a: string, b: string): boolean => topology.zoneOf(a) !== topology.zoneOf(b);
    for (const [node, upstream] of upstreams) {
      if (upstream === publisher) own += 1;
      if (crosses(node, upstream)) between += 1;
    }
    unicast += subscribers.size;
    for (const node of subscribers) if (crosses(node, publisher)) unicastBetween += 1;
  }
  const mean = (sum: number): string => (sum / STREAMS).toFixed(1);
  const note = `${NODES} nodes in ${ZONES} zones, ${SUBSCRIBERS} nodes with viewers, mean of ${STREAMS} streams (simulated)`;
  return [
    {
      what: 'copies that leave the publisher’s node',
      value: mean(own),
      target: '≈ 6.7',
      note: `unicast to every node ${mean(unicast)}; ${note}`,
    },
    {
      what: 'copies that cross between zones',
      value: mean(between),
      target: '≈ 31',
      note: `unicast ${mean(unicastBetween)}`,
    },
  ];
}
