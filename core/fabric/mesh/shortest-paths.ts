/** Costs of the links that leave each vertex, milliseconds; what is missing or Infinity is no link. */
export type Graph = ReadonlyMap<string, ReadonlyMap<string, number>>;

export interface ShortestPaths {
  /** Cost from the root; a vertex that cannot be reached is missing. */
  readonly costMs: ReadonlyMap<string, number>;
  /** The vertex before each one on its way from the root; the root has none. */
  readonly previous: ReadonlyMap<string, string>;
}

/**
 * Shortest-path tree from `root` (Dijkstra). Every node must find the same tree: between equal costs the
 * alphabetically lower predecessor wins, whatever the order of the maps.
 */
export function shortestPaths(graph: Graph, root: string): ShortestPaths {
  const costMs = new Map<string, number>([[root, 0]]);
  const previous = new Map<string, string>();
  const done = new Set<string>();
  for (;;) {
    let next: string | undefined;
    let best = Number.POSITIVE_INFINITY;
    for (const [vertex, cost] of costMs) {
      if (done.has(vertex)) continue;
      if (cost < best || (cost === best && next !== undefined && vertex < next)) {
        next = vertex;
        best = cost;
      }
    }
    if (next === undefined) return { costMs, previous };
    done.add(next);
    for (const [neighbour, cost] of graph.get(next) ?? []) {
      if (done.has(neighbour) || !Number.isFinite(cost)) continue;
      const known = costMs.get(neighbour) ?? Number.POSITIVE_INFINITY;
      const found = best + cost;
      if (found < known || (found === known && next < (previous.get(neighbour) ?? ''))) {
        costMs.set(neighbour, found);
        previous.set(neighbour, next);
      }
    }
  }
}

/** Vertices from the root to `target`, both included; undefined when it cannot be reached. */
export function pathTo({ costMs, previous }: ShortestPaths, target: string): string[] | undefined {
  if (!costMs.has(target)) return undefined;
  const path = [target];
  for (let at = previous.get(target); at !== undefined; at = previous.get(at)) path.unshift(at);
  return path;
}
