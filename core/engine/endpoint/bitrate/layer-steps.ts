import type { LocalTrackConfig } from '@switchyard/shared/protocol';
import { type LayerMeter, TEMPORAL_MAX } from '../layer-meter.ts';
import { SPATIAL_MAX } from '../selector/selector.ts';
import type { LayerStep } from './egress-allocator.ts';

/** Cost assumed for a layer that was announced and not measured yet. */
const UNMEASURED_BPS = 100_000;

/**
 * The steps that a viewer's limits leave of a track, rising: temporal layers of the lower spatial layer before the next
 * spatial one.
 */
export function layerSteps(meter: LayerMeter, svc: boolean, config: LocalTrackConfig): LayerStep[] {
  const steps: LayerStep[] = [];
  for (let spatial = 0; spatial < SPATIAL_MAX; spatial += 1)
    for (let temporal = 0; temporal < TEMPORAL_MAX; temporal += 1)
      if (meter.layerBps(spatial, temporal) > 0)
        steps.push({ spatial, temporal, bitrateBps: meter.cost(spatial, temporal, svc) });
  if (steps.length === 0)
    return [{ spatial: config.maxSpatial, temporal: config.maxTemporal, bitrateBps: UNMEASURED_BPS }];
  const above = steps.filter(
    ({ spatial, temporal }) => spatial >= (config.minSpatial ?? 0) && temporal >= (config.minTemporal ?? 0),
  );
  const inside = above.filter(
    ({ spatial, temporal }) => spatial <= config.maxSpatial && temporal <= config.maxTemporal,
  );
  if (inside.length > 0) return inside;
  // A source that has nothing inside the limits is shown by what is nearest to them.
  const nearest = above[0] ?? steps.at(-1);
  return nearest === undefined ? [] : [nearest];
}
