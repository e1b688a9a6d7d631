import type { MediaPacket } from '@switchyard/shared/media';
import { DROP } from '../drop-reason.ts';
import { DECISION, type Decision, SPATIAL_MAX, type StreamLayers } from './selector.ts';
import type { SourceState } from './source-state.ts';

/**
 * Picks the packets of one viewer out of a source: the encoding (simulcast; E1–E3), and within it the layers. A switch
 * is offered on a keyframe of the encoding that is wanted and happens when it is accepted.
 */
export class LayerSelector {
  readonly #layers: StreamLayers;
  /** All spatial layers come in one stream: there is one encoding. */
  readonly #svc: boolean;
  readonly #isFlat: boolean;
  #targetSpatial = 0;
  #targetTemporal = 0;
  /** −1 before the first keyframe. */
  #encoding = -1;

  /** @param isFlat Of spatial layers in one stream the lowest is all that may be sent. */
  constructor(
    layers: StreamLayers,
    svc: boolean,
    isFlat: boolean,
    targetSpatial: number,
    targetTemporal: number,
  ) {
    this.#layers = layers;
    this.#svc = svc;
    this.#isFlat = isFlat;
    this.setTarget(targetSpatial, targetTemporal);
  }

  /** RTP marker of the packet that was selected last. */
  get marker(): boolean {
    return this.#layers.marker;
  }

  /** −1 before the first keyframe. */
  get spatial(): number {
    return this.#svc && this.#encoding >= 0 ? this.#layers.spatial : this.#encoding;
  }

  get temporal(): number {
    return this.#layers.temporal;
  }

  get decodeTargets(): number {
    return this.#layers.decodeTargets;
  }

  setTarget(spatial: number, temporal: number): void {
    this.#targetSpatial = this.#isFlat ? 0 : spatial;
    this.#targetTemporal = temporal;
    this.#aim(this.#targetSpatial);
  }

  /** Encoding whose keyframe is waited for, −1 for none. */
  keyframeWanted(source: SourceState): number {
    if (this.#encoding < 0) return Math.max(0, this.#svc ? 0 : source.nearest(this.#targetSpatial));
    if (this.#svc) return this.#layers.wantsKeyframe(source) ? 0 : -1;
    const wanted = this.#wanted(source);
    if (wanted !== this.#encoding) return wanted;
    return this.#layers.wantsKeyframe(source) ? wanted : -1;
  }

  select(packet: MediaPacket, source: SourceState): Decision {
    const { spatial } = packet;
    if (spatial >= SPATIAL_MAX) return DROP['no-such-layer'];
    const encoding = this.#svc ? 0 : spatial;
    if (encoding === this.#encoding) {
      if (source.jumped) {
        this.#encoding = -1;
        if (!source.beginsKeyframe) return DROP['waiting-for-keyframe'];
        return DECISION.offer;
      }
      if (!this.#svc && packet.frameStart) this.#aim(this.#wanted(source));
      return this.#layers.select(packet, source);
    }
    if (source.beginsKeyframe && (this.#svc || spatial === this.#wanted(source))) return DECISION.offer;
    return this.#encoding < 0 ? DROP['waiting-for-keyframe'] : DROP['other-encoding'];
  }

  /** Goes over to the keyframe that was offered. */
  accept(packet: MediaPacket, source: SourceState): void {
    this.#encoding = this.#svc ? 0 : packet.spatial;
    this.#layers.setTarget(this.#svc ? this.#targetSpatial : 0, this.#targetTemporal);
    this.#layers.begin(packet, source);
  }

  /** Tells the layers what they may send while `wanted` is waited for. */
  #aim(wanted: number): void {
    if (this.#svc) this.#layers.setTarget(this.#targetSpatial, this.#targetTemporal);
    else if (this.#encoding < 0 || wanted === this.#encoding) this.#layers.setTarget(0, this.#targetTemporal);
    else if (wanted < this.#encoding) this.#layers.setTarget(0, 0);
    else this.#layers.setTarget(0, Math.max(this.#layers.temporal, this.#targetTemporal));
  }

  #wanted(source: SourceState): number {
    const wanted = source.nearest(this.#targetSpatial);
    return wanted < 0 ? this.#encoding : wanted;
  }
}
