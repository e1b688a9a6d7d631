import type { MediaPacket } from '@switchyard/shared/media';
import { DROP } from '../drop-reason.ts';
import { DECISION, type Decision, type StreamLayers } from './selector.ts';

/** Temporal layers of one stream without spatial ones, as its payload descriptor tells them (T1, T2). */
export class TemporalLayers implements StreamLayers {
  #target = 0;
  #temporal = 0;
  marker = false;
  readonly spatial: number = 0;
  readonly decodeTargets: number = 0;

  get temporal(): number {
    return this.#temporal;
  }

  setTarget(_spatial: number, temporal: number): void {
    this.#target = temporal;
  }

  begin(packet: MediaPacket): void {
    this.#temporal = this.#target;
    this.marker = packet.marker;
  }

  select(packet: MediaPacket): Decision {
    const { temporal } = packet;
    if (packet.frameStart) {
      const target = this.#target;
      if (packet.keyframe || target < this.#temporal) this.#temporal = target;
      else if (packet.switchingPoint && temporal <= target) {
        if (temporal === 0) this.#temporal = target;
        else if (temporal > this.#temporal) this.#temporal = temporal;
      }
    }
    if (temporal > this.#temporal) return DROP['temporal-layer'];
    this.marker = packet.marker;
    return DECISION.forward;
  }

  wantsKeyframe(): boolean {
    return false;
  }
}
