/** A made-up internet for tests of routing: zones on a globe, with delays by distance, detours and lossy pairs. */
export interface SyntheticInternet {
  readonly nodes: readonly { readonly node: string; readonly zone: string }[];
  /** Round trip between two nodes, milliseconds. */
  rttMs(a: string, b: string): number;
  /** Share of packets lost between two nodes. */
  loss(a: string, b: string): number;
}

const KM_PER_RTT_MS = 100;
const EARTH_KM = 6371;

/** Repeatable random numbers in 0…1 (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** @param nodeCount Spread evenly over the zones. */
export function syntheticInternet(nodeCount: number, zoneCount: number, seed: number): SyntheticInternet {
  const random = seededRandom(seed);
  const places = Array.from({ length: zoneCount }, () => ({
    latitude: Math.asin(1.4 * random() - 0.7),
    longitude: 2 * Math.PI * random(),
  }));
  const nodes = Array.from({ length: nodeCount }, (_, i) => ({
    node: `n${i}`,
    zone: `z${i % zoneCount}`,
  }));
  const zoneOf = (node: string): number => Number(node.slice(1)) % zoneCount;
  const rtt = new Map<number, number>();
  const losses = new Map<number, number>();
  for (let a = 0; a < zoneCount; a += 1)
    for (let b = a + 1; b < zoneCount; b += 1) {
      const [from, to] = [places[a], places[b]];
      if (from === undefined || to === undefined) continue;
      const angle = Math.acos(
        Math.min(
          1,
          Math.sin(from.latitude) * Math.sin(to.latitude) +
            Math.cos(from.latitude) * Math.cos(to.latitude) * Math.cos(from.longitude - to.longitude),
        ),
      );
      // One pair in ten takes a detour: what an overlay is for.
      const detour = 1.15 + 0.5 * random() ** 2 + (random() < 0.1 ? 0.5 + random() : 0);
      rtt.set(a * zoneCount + b, ((EARTH_KM * angle) / KM_PER_RTT_MS + 2) * detour);
      losses.set(a * zoneCount + b, random() < 0.08 ? 0.01 + 0.03 * random() : 0.0002);
    }
  const between = (values: Map<number, number>, a: string, b: string, within: number): number => {
    const [x, y] = [zoneOf(a), zoneOf(b)];
    return x === y ? within : (values.get(Math.min(x, y) * zoneCount + Math.max(x, y)) ?? within);
  };
  return {
    nodes,
    rttMs: (a, b) => between(rtt, a, b, 0.6),
    loss: (a, b) => between(losses, a, b, 0),
  };
}
