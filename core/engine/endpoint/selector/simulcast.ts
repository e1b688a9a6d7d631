import type { MediaPacket } from '@switchyard/shared/media';
import { DEAD_LAYER_MS, DECISION, type Decision, type LayerSelector, SPATIAL_MAX } from './selector.ts';

/**
 * Encodings that each count on their own (simulcast), or a single one: a switch happens on a keyframe of the encoding
 * that is wanted; temporal layers go up at a switching point and down at once.
 */
export class SimulcastSelector implements LayerSelector {
  readonly #lastSeenMs = new Float64Array(SPATIAL_MAX).fill(-1);
  #targetSpatial: number;
  #targetTemporal: number;
  #spatial = -1;
  #temporal = 0;
  marker = false;

  constructor(targetSpatial: number, targetTemporal: number) {
    this.#targetSpatial = targetSpatial;
    this.#targetTemporal = targetTemporal;
  }

  get spatial(): number {
    return this.#spatial;
  }

  get temporal(): number {
    return this.#temporal;
  }

  setTarget(spatial: number, temporal: number): void {
    this.#targetSpatial = spatial;
    this.#targetTemporal = temporal;
  }

  keyframeWanted(nowMs: number): number {
    const wanted = this.#wanted(nowMs);
    return wanted === this.#spatial ? -1 : wanted;
  }

  select(packet: MediaPacket, nowMs: number): Decision {
    const { spatial } = packet;
    if (spatial >= SPATIAL_MAX) return DECISION.skip;
    this.#lastSeenMs[spatial] = nowMs;
    if (spatial === this.#spatial) return this.#temporalDecision(packet, nowMs);
    if (!packet.keyframe || !packet.frameStart || spatial !== this.#wanted(nowMs)) return DECISION.skip;
    this.#spatial = spatial;
    this.#temporal = this.#targetTemporal;
    this.marker = packet.marker;
    return DECISION.switch;
  }

  #temporalDecision(packet: MediaPacket, nowMs: number): Decision {
    this.marker = packet.marker;
    if (packet.frameStart) {
      // On the way down to a lower encoding its keyframe comes sooner when this one sends less.
      const limit = this.#wanted(nowMs) < this.#spatial ? 0 : this.#targetTemporal;
      if (limit < this.#temporal) this.#temporal = limit;
      else if (packet.temporal > this.#temporal && packet.temporal <= limit && packet.switchingPoint)
        this.#temporal = packet.temporal;
      else if (packet.keyframe) this.#temporal = limit;
    }
    return packet.temporal <= this.#temporal ? DECISION.forward : DECISION.drop;
  }

  /** The living encoding nearest to the target, lower ones first. */
  #wanted(nowMs: number): number {
    for (let spatial = Math.min(this.#targetSpatial, SPATIAL_MAX - 1); spatial >= 0; spatial -= 1)
      if (this.#isAlive(spatial, nowMs)) return spatial;
    for (let spatial = this.#targetSpatial + 1; spatial < SPATIAL_MAX; spatial += 1)
      if (this.#isAlive(spatial, nowMs)) return spatial;
    return this.#spatial < 0 ? 0 : this.#spatial;
  }

  #isAlive(spatial: number, nowMs: number): boolean {
    const seen = this.#lastSeenMs[spatial] ?? -1;
    return seen >= 0 && nowMs - seen <= DEAD_LAYER_MS;
  }
}
