import { LAYERS_MAX, type RemoteTrackInfo } from '@switchyard/shared/protocol';
import { type LayerMeter, TEMPORAL_MAX } from '../layer-meter.ts';
import type { LayerStep } from './egress-allocator.ts';

/** A layer without packets for this long sends nothing, milliseconds: a shared screen may send one picture a second. */
const ALIVE_MS = 1500;
/** A layer that is wanted and does not come in this time is not to be had, milliseconds. */
const GIVE_UP_MS = 4000;
/** Then it is not counted on for this long, unless it comes. */
const RETRY_MS = 10_000;
/** Steps are made anew at most this often, milliseconds. */
const STEPS_MS = 500;
/** Assumed of the lowest layer of a source that has not sent anything yet, bits per second. */
const UNKNOWN_BPS = 100_000;
/** A layer of which nothing is known costs this much more than the one below. */
const UNKNOWN_RATIO = 3;

/** A peak is forgotten at this rate per tick. */
const PEAK_DECAY = 0.9995;

/** What of a channel the costs are read from. */
export interface CostSource {
  readonly meter: LayerMeter;
  readonly svc: boolean;
  readonly info: RemoteTrackInfo | undefined;
}

/**
 * What each layer of a track costs and whether it can be had. A layer that the publisher has switched off because
 * nobody wanted it can be had: it costs what it cost when it was on, or what was announced. Pure.
 */
export class LayerCosts {
  readonly #source: CostSource;
  readonly #seenMs = new Float64Array(LAYERS_MAX).fill(Number.NEGATIVE_INFINITY);
  readonly #temporals = new Uint8Array(LAYERS_MAX);
  /** Cost of the whole layer when it was last alive, bits per second. */
  readonly #knownBps = new Float64Array(LAYERS_MAX);
  /** The same at its most of late. */
  readonly #peakBps = new Float64Array(LAYERS_MAX);
  readonly #wantedMs = new Float64Array(LAYERS_MAX).fill(-1);
  readonly #goneUntilMs = new Float64Array(LAYERS_MAX).fill(Number.NEGATIVE_INFINITY);
  #seenCount = 0;
  #steps: readonly LayerStep[] = [];
  #stepsMs = Number.NEGATIVE_INFINITY;

  constructor(source: CostSource) {
    this.#source = source;
  }

  /** Encodings or spatial layers, announced or seen. */
  get spatialCount(): number {
    return Math.min(LAYERS_MAX, Math.max(this.#seenCount, this.#source.info?.layers.length ?? 0, 1));
  }

  /** Hot path: a packet of this layer came. */
  see(spatial: number, temporal: number, nowMs: number): void {
    const at = spatial < LAYERS_MAX ? spatial : LAYERS_MAX - 1;
    this.#seenMs[at] = nowMs;
    if (spatial >= this.#seenCount) this.#seenCount = at + 1;
    const top = temporal < TEMPORAL_MAX ? temporal : TEMPORAL_MAX - 1;
    if (top > (this.#temporals[at] ?? 0)) this.#temporals[at] = top;
  }

  isAlive(spatial: number, nowMs: number): boolean {
    return nowMs - (this.#seenMs[spatial] ?? Number.NEGATIVE_INFINITY) <= ALIVE_MS;
  }

  /** Temporal layers of each spatial one that comes now, 4 bits each: a number that changes when the layers do. */
  signature(nowMs: number): number {
    let signature = 0;
    for (let spatial = 0; spatial < this.spatialCount; spatial += 1)
      if (this.isAlive(spatial, nowMs)) signature |= this.temporalCount(spatial) << (spatial * 4);
    return signature;
  }

  /** Temporal layers that were ever seen of a spatial one. */
  temporalCount(spatial: number): number {
    return (this.#temporals[spatial] ?? 0) + 1;
  }

  /** @param wanted Bit n: somebody wants layer n. */
  tick(wanted: number, nowMs: number): void {
    for (let spatial = 0; spatial < this.spatialCount; spatial += 1) {
      if (this.isAlive(spatial, nowMs)) {
        const bps = this.#layerBps(spatial);
        if (bps > 0) this.#knownBps[spatial] = bps;
        this.#peakBps[spatial] = Math.max(bps, (this.#peakBps[spatial] ?? 0) * PEAK_DECAY);
        this.#goneUntilMs[spatial] = Number.NEGATIVE_INFINITY;
        this.#wantedMs[spatial] = -1;
        continue;
      }
      const since = this.#wantedMs[spatial] ?? -1;
      if ((wanted & (1 << spatial)) === 0) this.#wantedMs[spatial] = -1;
      else if (since < 0) this.#wantedMs[spatial] = nowMs;
      else if (nowMs - since >= GIVE_UP_MS) {
        this.#goneUntilMs[spatial] = nowMs + RETRY_MS;
        this.#wantedMs[spatial] = -1;
      }
    }
  }

  /** What a publisher should be allowed for this layer, bits per second; undefined when nothing is known of it. */
  nominalBps(spatial: number): number | undefined {
    const bps = this.#source.info?.layers[spatial]?.maxBitrateBps ?? this.#peakBps[spatial] ?? 0;
    return bps > 0 ? bps : undefined;
  }

  /** Everything that can be had, rising in cost and quality; never empty. */
  steps(nowMs: number): readonly LayerStep[] {
    if (nowMs - this.#stepsMs < STEPS_MS && this.#steps.length > 0) return this.#steps;
    this.#stepsMs = nowMs;
    const steps: LayerStep[] = [];
    let belowBps = 0;
    for (let spatial = 0; spatial < this.spatialCount; spatial += 1) {
      const alive = this.isAlive(spatial, nowMs) && this.#layerBps(spatial) > 0;
      const isLast = spatial === this.spatialCount - 1 && steps.length === 0;
      if (!alive && !isLast && nowMs < (this.#goneUntilMs[spatial] ?? 0)) continue;
      const layerBps = alive ? this.#layerBps(spatial) : this.#assumed(spatial, belowBps);
      belowBps = layerBps;
      this.#push(steps, spatial, alive ? undefined : layerBps);
    }
    this.#steps = steps;
    return steps;
  }

  /** Bits per second of one encoding, or of one SVC layer alone, with all its temporal layers. */
  #layerBps(spatial: number): number {
    let sum = 0;
    for (let temporal = 0; temporal < TEMPORAL_MAX; temporal += 1)
      sum += this.#source.meter.layerBps(spatial, temporal);
    return sum;
  }

  #assumed(spatial: number, belowBps: number): number {
    const known = this.#knownBps[spatial] ?? 0;
    if (known > 0) return known;
    const announced = this.#source.info?.layers[spatial]?.maxBitrateBps ?? 0;
    if (announced > 0) return announced;
    return belowBps === 0 ? UNKNOWN_BPS : belowBps * UNKNOWN_RATIO;
  }

  /** Appends the temporal steps of a layer; a layer that is assumed is taken whole. */
  #push(steps: LayerStep[], spatial: number, assumedBps: number | undefined): void {
    const { meter, svc } = this.#source;
    const base = svc && assumedBps !== undefined ? (steps.at(-1)?.bitrateBps ?? 0) : 0;
    const top = this.#temporals[spatial] ?? 0;
    if (assumedBps !== undefined) {
      pushRising(steps, {
        spatial,
        temporal: TEMPORAL_MAX - 1,
        bitrateBps: base + assumedBps,
        isWhole: true,
      });
      return;
    }
    for (let temporal = 0; temporal <= top; temporal += 1)
      pushRising(steps, { spatial, temporal, bitrateBps: meter.cost(spatial, temporal, svc) });
  }
}

/** A step that costs more than a better one is of no use. */
function pushRising(steps: LayerStep[], step: LayerStep): void {
  for (let last = steps.at(-1); last !== undefined && last.bitrateBps > step.bitrateBps; last = steps.at(-1))
    steps.pop();
  steps.push(step);
}
