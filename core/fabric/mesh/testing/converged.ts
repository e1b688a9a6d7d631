import { linkCostMs } from '../link-cost.ts';
import { LinkState } from '../link-state.ts';
import { Topology } from '../topology.ts';
import type { SyntheticInternet } from './synthetic-internet.ts';

/** Everybody's view after everybody has reported. */
export function converged(internet: SyntheticInternet): { topology: Topology; state: LinkState } {
  const topology = new Topology();
  for (const { node, zone } of internet.nodes) topology.add({ node, zone, relay: true });
  const state = new LinkState();
  for (const { node } of internet.nodes) {
    const costsMs: Record<string, number> = {};
    for (const target of topology.probeTargetsOf(node))
      costsMs[target] = linkCostMs({
        rttMs: internet.rttMs(node, target),
        loss: internet.loss(node, target),
        load: 0,
      });
    state.report(node, { session: 's', version: 1, costsMs }, 0);
  }
  return { topology, state };
}
