import type { LayerReason } from '@switchyard/shared/protocol';

/** One video track of a viewer, as the allocator sees it. */
export interface AllocationRequest {
  readonly priority: number;
  /** Rising in cost; the first is the least that may be sent, the last the best that is wanted. */
  readonly steps: readonly LayerStep[];
  /** Why nothing above the last step is wanted. */
  readonly limit: Extract<LayerReason, 'best' | 'limit' | 'source-has-no-such-layer'>;
}

export interface LayerStep {
  readonly spatial: number;
  readonly temporal: number;
  readonly bitrateBps: number;
}

export interface Allocation {
  readonly step: LayerStep;
  readonly reason: LayerReason;
}

/**
 * Shares a viewer's budget: everybody's lowest step first, then upgrades one step at a time to the track that has least
 * for its priority. What a track cannot use goes to the others.
 *
 * @param budgetBps What may be spent on video, after audio.
 * @returns One entry a request; undefined where there is no step at all.
 */
export function allocateEgress(
  requests: readonly AllocationRequest[],
  budgetBps: number,
): (Allocation | undefined)[] {
  const level: number[] = requests.map(({ steps }) => (steps.length === 0 ? -1 : 0));
  const blocked = requests.map(() => false);
  let spent = 0;
  for (const { steps } of requests) spent += steps[0]?.bitrateBps ?? 0;
  for (;;) {
    const next = poorest(requests, level, blocked);
    if (next < 0) break;
    const steps = requests[next]?.steps ?? [];
    const at = level[next] ?? 0;
    const more = (steps[at + 1]?.bitrateBps ?? 0) - (steps[at]?.bitrateBps ?? 0);
    if (spent + more > budgetBps) {
      blocked[next] = true;
      continue;
    }
    spent += more;
    level[next] = at + 1;
  }
  const others = requests.filter(({ steps }) => steps.length > 0).length > 1;
  return requests.map(({ steps, limit }, index) => {
    const at = level[index] ?? -1;
    const step = steps[at];
    if (step === undefined) return undefined;
    if (at === steps.length - 1) return { step, reason: limit };
    return { step, reason: others ? 'priority' : 'estimate' };
  });
}

/** The track that may still go up and has the least bitrate for its priority; −1 when none is left. */
function poorest(
  requests: readonly AllocationRequest[],
  level: readonly number[],
  blocked: readonly boolean[],
): number {
  let best = -1;
  let bestShare = Number.POSITIVE_INFINITY;
  requests.forEach(({ steps, priority }, index) => {
    const at = level[index] ?? -1;
    if (at < 0 || blocked[index] === true || at + 1 >= steps.length) return;
    const share = (steps[at]?.bitrateBps ?? 0) / priority;
    if (share < bestShare) {
      best = index;
      bestShare = share;
    }
  });
  return best;
}
