/** Most that one publisher may send as video, all its tracks together, bits per second. */
export const INGRESS_CAP_BPS: number = 10_000_000;
/** No publisher is pushed below it, bits per second. */
export const INGRESS_FLOOR_BPS: number = 100_000;

/** One video track of a publisher. */
export interface IngressDemand {
  readonly priority: number;
  /** What viewers can use, bits per second. */
  readonly wantedBps: number;
}

/**
 * Shares a publisher's cap among its video tracks by priority, nobody above what its viewers can use; what one does not
 * need goes to the others.
 *
 * @returns Bits per second, one a demand, none below the floor.
 */
export function allocateIngress(
  demands: readonly IngressDemand[],
  capBps: number = INGRESS_CAP_BPS,
): number[] {
  const limits = demands.map(() => 0);
  const open = demands.map(() => true);
  let leftBps = capBps;
  for (;;) {
    const weight = demands.reduce(
      (sum, { priority }, index) => (open[index] === true ? sum + priority : sum),
      0,
    );
    if (weight === 0) break;
    const shareBps = leftBps / weight;
    let isAnyModest = false;
    for (const [index, { priority, wantedBps }] of demands.entries()) {
      if (open[index] !== true || wantedBps > shareBps * priority) continue;
      open[index] = false;
      isAnyModest = true;
      limits[index] = wantedBps;
      leftBps -= wantedBps;
    }
    if (isAnyModest) continue;
    for (const [index, { priority }] of demands.entries())
      if (open[index] === true) limits[index] = shareBps * priority;
    break;
  }
  return limits.map((bps) => Math.max(INGRESS_FLOOR_BPS, bps));
}
