import { type MediaPacket, timestampDiff } from '@switchyard/shared/media';
import { DROP } from '../drop-reason.ts';
import { DECISION, type Decision, type StreamLayers } from './selector.ts';
import type { SourceState } from './source-state.ts';

/** Spatial and temporal layers of one stream, as its payload descriptor tells them: VP9 SVC and K-SVC (V1–V5). */
export class SvcLayers implements StreamLayers {
  #targetSpatial = 0;
  #targetTemporal = 0;
  #spatial = 0;
  #temporal = 0;
  /** Bit i: all frames of spatial layer i went since the last keyframe. */
  #whole = 0;
  #timestamp = 0;
  /** The picture is a keyframe: layers join as they come. */
  #rising = false;
  marker = false;
  readonly decodeTargets: number = 0;

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

  wantsKeyframe(source: SourceState): boolean {
    const wanted = source.nearest(this.#targetSpatial);
    if (wanted > this.#spatial) return true;
    if (wanted >= 0 && wanted < this.#spatial) return (this.#whole & (1 << wanted)) === 0;
    // A stream that stopped being K-SVC after lower layers were left out.
    return !source.keySvc && !this.#isWholeUpTo(this.#spatial);
  }

  begin(packet: MediaPacket): void {
    this.#timestamp = packet.timestamp;
    this.#rising = true;
    this.#spatial = 0;
    this.#whole = 1;
    this.#temporal = this.#targetTemporal;
    this.#mark(packet);
  }

  select(packet: MediaPacket, source: SourceState): Decision {
    const { spatial } = packet;
    if (source.beginsKeyframe) {
      this.begin(packet);
      return DECISION.forward;
    }
    if (timestampDiff(packet.timestamp, this.#timestamp) > 0) this.#beginPicture(packet, source);
    if (
      this.#rising &&
      packet.keyframe &&
      spatial > this.#spatial &&
      spatial <= this.#targetSpatial &&
      packet.timestamp === this.#timestamp
    ) {
      this.#spatial = spatial;
      this.#whole |= 1 << spatial;
    }
    if (spatial > this.#spatial) {
      this.#whole &= ~(1 << spatial);
      return DROP['spatial-layer'];
    }
    if (packet.temporal > this.#temporal) return DROP['temporal-layer'];
    if (spatial < this.#spatial && source.keySvc && packet.notReference && !this.#rising) {
      this.#whole &= ~(1 << spatial);
      return DROP['lower-layer'];
    }
    this.#mark(packet);
    return DECISION.forward;
  }

  #beginPicture(packet: MediaPacket, source: SourceState): void {
    this.#timestamp = packet.timestamp;
    this.#rising = false;
    const wanted = source.nearest(this.#targetSpatial);
    if (wanted >= 0 && wanted < this.#spatial && (this.#whole & (1 << wanted)) !== 0) this.#spatial = wanted;
    const target = this.#targetTemporal;
    if (target < this.#temporal) this.#temporal = target;
    else if (packet.switchingPoint && packet.temporal <= target) {
      // "Subsequent higher temporal layers depend on nothing before this picture" (RFC 9628 §4.2, U).
      if (packet.temporal <= this.#temporal) this.#temporal = target;
      else this.#temporal = packet.temporal;
    }
  }

  #mark(packet: MediaPacket): void {
    const top = this.#rising ? this.#targetSpatial : this.#spatial;
    this.marker = packet.marker || (packet.frameEnd && packet.spatial === top);
  }

  #isWholeUpTo(spatial: number): boolean {
    const layers = (2 << spatial) - 1;
    return (this.#whole & layers) === layers;
  }
}
