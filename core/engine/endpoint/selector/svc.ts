import type { MediaPacket } from '@switchyard/shared/media';
import { DECISION, type Decision, type LayerSelector } from './selector.ts';

/** An upper layer that was not seen for this long is not asked for by keyframe, milliseconds. */
const LAYER_MEMORY_MS = 2000;

/**
 * Spatial layers in one RTP stream (VP9 and AV1 SVC, K-SVC): up on a keyframe, down at the next picture; temporal up at
 * a switching point, down at the next picture. The last packet of the top layer that is sent closes the picture.
 */
export class SvcSelector implements LayerSelector {
  #targetSpatial: number;
  #targetTemporal: number;
  #spatial = -1;
  #temporal = 0;
  #highestSeen = 0;
  #highestSeenMs = 0;
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

  keyframeWanted(): number {
    return this.#spatial < this.#wanted() ? 0 : -1;
  }

  select(packet: MediaPacket, nowMs: number): Decision {
    if (packet.spatial >= this.#highestSeen || nowMs - this.#highestSeenMs > LAYER_MEMORY_MS) {
      this.#highestSeen = packet.spatial;
      this.#highestSeenMs = nowMs;
    }
    const startsPicture = packet.frameStart && packet.spatial === 0;
    if (startsPicture && packet.keyframe) {
      const first = this.#spatial < 0;
      // A keyframe tells what layers there are only as it goes on: take the target.
      this.#spatial = this.#targetSpatial;
      this.#temporal = this.#targetTemporal;
      this.marker = this.#marker(packet);
      return first ? DECISION.switch : DECISION.forward;
    }
    if (this.#spatial < 0) return DECISION.skip;
    if (startsPicture) {
      if (this.#targetSpatial < this.#spatial) this.#spatial = this.#targetSpatial;
      if (this.#targetTemporal < this.#temporal) this.#temporal = this.#targetTemporal;
      else if (
        packet.temporal > this.#temporal &&
        packet.temporal <= this.#targetTemporal &&
        packet.switchingPoint
      )
        this.#temporal = packet.temporal;
    }
    if (packet.spatial > this.#spatial || packet.temporal > this.#temporal) return DECISION.drop;
    this.marker = this.#marker(packet);
    return DECISION.forward;
  }

  #marker(packet: MediaPacket): boolean {
    return packet.marker || (packet.frameEnd && packet.spatial === this.#spatial);
  }

  #wanted(): number {
    return Math.min(this.#targetSpatial, this.#highestSeen);
  }
}
