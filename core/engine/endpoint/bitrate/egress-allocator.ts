/** One choice of layers of a track. */
export interface LayerStep {
  readonly spatial: number;
  readonly temporal: number;
  /** What it costs of the viewer's link, bits per second. */
  readonly bitrateBps: number;
  /** The layer's temporal layers are not known yet: it is taken with all of them. */
  readonly isWhole?: true;
}

/** One video track of a viewer, as the allocator sees it. */
export interface TrackDemand {
  readonly priority: number;
  /** Rising in cost; at least one. */
  readonly steps: readonly LayerStep[];
  /** The least with which the first step may be sent, bits per second; below it the track is paused. */
  readonly floorBps: number;
  /** The most that the track can use, bits per second. */
  readonly ceilingBps: number;
}

export interface TrackShare {
  /** Index into the steps; −1: paused. */
  readonly step: number;
  /** What it may cost, bits per second: a publisher that adapts is asked for this much. */
  readonly shareBps: number;
}

/**
 * Shares a viewer's budget.
 *
 * 1. Everybody's floor, by priority, until the budget is gone. Who is left over is paused.
 * 2. The rest in proportion to priority, nobody above its ceiling: what one cannot use goes to the others.
 * 3. Steps are coarse: what is left under the shares lifts the tracks that have least for their priority.
 *
 * @param budgetBps What may be spent on video, after audio; may be Infinity.
 * @returns One share a demand, in their order.
 */
export function allocateEgress(demands: readonly TrackDemand[], budgetBps: number): TrackShare[] {
  const shares = new Float64Array(demands.length);
  const active = serveFloors(demands, budgetBps, shares);
  fill(demands, active, budgetBps, shares);
  const steps = demands.map(({ steps: all }, index) =>
    active[index] === true ? bestStep(all, shares[index] ?? 0) : -1,
  );
  lift(demands, steps, shares, budgetBps);
  return steps.map((step, index) => ({ step, shareBps: step < 0 ? 0 : (shares[index] ?? 0) }));
}

function serveFloors(demands: readonly TrackDemand[], budgetBps: number, shares: Float64Array): boolean[] {
  const active = demands.map(() => false);
  const order = demands.map((_, index) => index);
  order.sort((a, b) => (demands[b]?.priority ?? 0) - (demands[a]?.priority ?? 0) || a - b);
  let left = budgetBps;
  for (const index of order) {
    const floorBps = demands[index]?.floorBps ?? 0;
    if (floorBps > left) continue;
    left -= floorBps;
    shares[index] = floorBps;
    active[index] = true;
  }
  return active;
}

/** Weighted max-min fairness over what the floors have left. */
function fill(
  demands: readonly TrackDemand[],
  active: readonly boolean[],
  budgetBps: number,
  shares: Float64Array,
): void {
  let left = budgetBps;
  for (const share of shares) left -= share;
  const open = active.slice();
  // Each round fills at least one track to its ceiling, or ends.
  for (let round = 0; round <= demands.length && left > 0; round += 1) {
    let weight = 0;
    demands.forEach(({ priority }, index) => {
      if (open[index] === true) weight += priority;
    });
    if (weight === 0) return;
    let given = 0;
    let isCapped = false;
    demands.forEach(({ priority, ceilingBps }, index) => {
      if (open[index] !== true) return;
      const share = shares[index] ?? 0;
      const part = left * (priority / weight);
      const room = Math.max(0, ceilingBps - share);
      if (part >= room) {
        open[index] = false;
        isCapped = true;
      }
      const more = Math.min(part, room);
      shares[index] = share + more;
      given += more;
    });
    if (!isCapped) return;
    left = left === Number.POSITIVE_INFINITY ? left : left - given;
  }
}

function bestStep(steps: readonly LayerStep[], shareBps: number): number {
  let best = 0;
  for (let index = 1; index < steps.length; index += 1)
    if ((steps[index]?.bitrateBps ?? 0) <= shareBps) best = index;
  return best;
}

/** Spends what lies between shares and steps. */
function lift(
  demands: readonly TrackDemand[],
  steps: number[],
  shares: Float64Array,
  budgetBps: number,
): void {
  const costOf = (index: number, step: number): number => demands[index]?.steps[step]?.bitrateBps ?? 0;
  /** A track at its last step uses its whole share: the publisher may send more of it. */
  const usedBy = (index: number): number => {
    const step = steps[index] ?? -1;
    if (step < 0) return 0;
    const isTop = step === (demands[index]?.steps.length ?? 0) - 1;
    return isTop ? Math.max(costOf(index, step), shares[index] ?? 0) : costOf(index, step);
  };
  let left = budgetBps;
  for (let index = 0; index < steps.length; index += 1) left -= usedBy(index);
  const blocked = demands.map(() => false);
  for (;;) {
    let poorest = -1;
    let poorestShare = Number.POSITIVE_INFINITY;
    demands.forEach(({ priority, steps: all }, index) => {
      const step = steps[index] ?? -1;
      if (step < 0 || step + 1 >= all.length || blocked[index] === true) return;
      const share = costOf(index, step) / priority;
      if (share >= poorestShare) return;
      poorest = index;
      poorestShare = share;
    });
    if (poorest < 0) return;
    const step = (steps[poorest] ?? 0) + 1;
    const more = costOf(poorest, step) - usedBy(poorest);
    if (more > left) {
      blocked[poorest] = true;
      continue;
    }
    left -= more;
    steps[poorest] = step;
    shares[poorest] = Math.max(shares[poorest] ?? 0, costOf(poorest, step));
  }
}
