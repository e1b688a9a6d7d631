import type { Graph } from './shortest-paths.ts';

/** What one node says of the links that it measures. */
export interface LinkStateReport {
  /** Of the node's process: a restart begins a new one. */
  readonly session: string;
  /** Grows with each report of the session. */
  readonly version: number;
  /** Costs to its neighbours, milliseconds. A link that is down is left out. */
  readonly costsMs: Readonly<Record<string, number>>;
}

/** A report that was not renewed is dropped after this time, milliseconds. */
export const LINK_STATE_EXPIRY_MS: number = 30_000;
/** Most links that one node may report. */
export const LINKS_MAX: number = 1024;

interface Entry {
  readonly report: LinkStateReport;
  readonly heardMs: number;
}

/** Everybody's measurements, as far as this node has heard of them: the graph that trees are computed on. Pure. */
export class LinkState {
  readonly #entries = new Map<string, Entry>();
  #graph: Map<string, ReadonlyMap<string, number>> | undefined;

  /** Costs of all links that are known, seen from both ends: the worse of two opinions counts. */
  get graph(): Graph {
    this.#graph ??= this.#build();
    return this.#graph;
  }

  /** @returns Whether the graph has changed. */
  report(node: string, report: LinkStateReport, nowMs: number): boolean {
    const known = this.#entries.get(node)?.report;
    if (known?.session === report.session && known.version > report.version) return false;
    this.#entries.set(node, { report, heardMs: nowMs });
    if (known !== undefined && sameCosts(known.costsMs, report.costsMs)) return false;
    this.#graph = undefined;
    return true;
  }

  /** @returns Whether the graph has changed. */
  forget(node: string): boolean {
    if (!this.#entries.delete(node)) return false;
    this.#graph = undefined;
    return true;
  }

  /** @returns Whether the graph has changed. */
  expire(nowMs: number): boolean {
    let changed = false;
    for (const [node, { heardMs }] of this.#entries)
      if (nowMs - heardMs > LINK_STATE_EXPIRY_MS) changed = this.forget(node) || changed;
    return changed;
  }

  #build(): Map<string, ReadonlyMap<string, number>> {
    const graph = new Map<string, Map<string, number>>();
    const link = (from: string, to: string, costMs: number): void => {
      const links = graph.get(from) ?? new Map<string, number>();
      links.set(to, Math.max(costMs, links.get(to) ?? 0));
      graph.set(from, links);
    };
    for (const [node, { report }] of this.#entries)
      for (const [neighbour, costMs] of Object.entries(report.costsMs)) {
        // A neighbour that reports too, and does not report us, cannot hear us.
        const opposite = this.#entries.get(neighbour)?.report.costsMs;
        if (opposite !== undefined && opposite[node] === undefined) continue;
        link(node, neighbour, costMs);
        link(neighbour, node, costMs);
      }
    return graph;
  }
}

function sameCosts(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
