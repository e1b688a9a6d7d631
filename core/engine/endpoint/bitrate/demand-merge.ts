import type { ChannelDemand } from '../../io.ts';

/** A demand that is not repeated for this long is over, milliseconds. */
export const DEMAND_EXPIRY_MS: number = 2000;

const NOBODY: ChannelDemand = { count: 0, minBps: 0, maxBps: 0, sumBps: 0, layers: 0 };

/** What the viewers of a track can use, over all nodes. */
export class DemandMerge {
  readonly #nodes = new Map<string, { readonly demand: ChannelDemand; readonly atMs: number }>();

  set(node: string, demand: ChannelDemand, nowMs: number): void {
    if (demand.count === 0) this.#nodes.delete(node);
    else this.#nodes.set(node, { demand, atMs: nowMs });
  }

  merged(nowMs: number): ChannelDemand {
    let merged = NOBODY;
    for (const [node, { demand, atMs }] of this.#nodes) {
      if (nowMs - atMs >= DEMAND_EXPIRY_MS) {
        this.#nodes.delete(node);
        continue;
      }
      merged = {
        count: merged.count + demand.count,
        minBps: merged.count === 0 ? demand.minBps : Math.min(merged.minBps, demand.minBps),
        maxBps: Math.max(merged.maxBps, demand.maxBps),
        sumBps: merged.sumBps + demand.sumBps,
        layers: merged.layers | demand.layers,
      };
    }
    return merged;
  }
}
