import type { LayerReason, LocalTrackConfig } from '@switchyard/shared/protocol';
import type { LayerStep } from './egress-allocator.ts';

/** What a viewer's limits leave of a track. */
export interface LimitedSteps {
  /** Rising in cost; at least one. */
  readonly steps: readonly LayerStep[];
  /** Why nothing above the last of them is wanted. */
  readonly reason: Extract<LayerReason, 'best' | 'limit' | 'source-has-no-such-layer'>;
}

/**
 * Applies minimum and maximum, both inclusive. A source that has nothing inside them is shown by what is nearest: the
 * viewer asked for something that nobody can give.
 */
export function limitSteps(all: readonly LayerStep[], config: LocalTrackConfig): LimitedSteps {
  const { maxSpatial, maxTemporal, minSpatial = 0, minTemporal = 0 } = config;
  const top = all.at(-1);
  if (top === undefined) return { steps: [], reason: 'best' };
  const inside: LayerStep[] = [];
  for (const step of all) {
    if (step.spatial < minSpatial || step.spatial > maxSpatial) continue;
    if (step.isWhole === true) inside.push({ ...step, temporal: Math.min(step.temporal, maxTemporal) });
    else if (step.temporal >= minTemporal && step.temporal <= maxTemporal) inside.push(step);
  }
  const best = inside.at(-1);
  if (best !== undefined)
    return { steps: inside, reason: best.bitrateBps < top.bitrateBps ? 'limit' : 'best' };
  const above = all.find(({ spatial, temporal }) => spatial >= minSpatial && temporal >= minTemporal);
  const nearest = above ?? top;
  return { steps: [nearest], reason: 'source-has-no-such-layer' };
}

/** @returns Index of the best step that is not above `spatial`, `temporal`; −1 when all are. */
export function stepAt(steps: readonly LayerStep[], spatial: number, temporal: number): number {
  let found = -1;
  for (let index = 0; index < steps.length; index += 1) {
    const step = steps[index];
    if (step === undefined || step.spatial > spatial) break;
    if (step.spatial === spatial && step.temporal > temporal && step.isWhole !== true) break;
    found = index;
  }
  return found;
}
