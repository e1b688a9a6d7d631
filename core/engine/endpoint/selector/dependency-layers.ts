import {
  DECODE_TARGETS_MAX,
  type DecodeTarget,
  DTI,
  type FrameDependencies,
  type MediaPacket,
  timestampDiff,
} from '@switchyard/shared/media';
import { DROP } from '../drop-reason.ts';
import { ChainState } from './chain-state.ts';
import { FrameHistory } from './frame-history.ts';
import { DECISION, type Decision, type StreamLayers } from './selector.ts';
import type { SourceState } from './source-state.ts';

const NONE: DecodeTarget = { spatial: 0, temporal: 0, chain: -1 };

/** Layers of one stream as its dependency descriptor tells them (D1–D6): AV1, and H.264 when it has one. */
export class DependencyLayers implements StreamLayers {
  readonly #history = new FrameHistory();
  readonly #chains = new ChainState(DECODE_TARGETS_MAX);
  #targetSpatial = 0;
  #targetTemporal = 0;
  /** Index of the decode target that flows, and its layers. */
  #index = 0;
  #current: DecodeTarget = NONE;
  /** Of the best decode target within the limits that is being sent. */
  #wantedSpatial = 0;
  /** Descriptors cannot be read, or the structure came too late: only a keyframe helps. */
  #blind = false;
  #timestamp = 0;
  #newest = 0;
  marker = false;
  decodeTargets = 0;

  get spatial(): number {
    return this.#current.spatial;
  }

  get temporal(): number {
    return this.#current.temporal;
  }

  setTarget(spatial: number, temporal: number): void {
    this.#targetSpatial = spatial;
    this.#targetTemporal = temporal;
  }

  wantsKeyframe(source: SourceState): boolean {
    if (this.#blind || !this.#chains.isIntact(this.#current.chain)) return true;
    const wanted = this.#wantedSpatial;
    if (wanted <= this.#current.spatial) return wanted < this.#current.spatial;
    return (source.alive & (1 << wanted)) !== 0;
  }

  begin(packet: MediaPacket, source: SourceState): void {
    this.#history.clear();
    const { frame } = source;
    if (frame === undefined) return;
    this.#beginSequence(packet, frame);
    this.#history.note(frame.frameNumber, DECISION.forward);
    this.#mark(packet, frame);
  }

  select(packet: MediaPacket, source: SourceState): Decision {
    const { frame } = source;
    if (frame === undefined || (frame.hasStructure && !source.beginsKeyframe)) {
      this.#blind = true;
      return DROP.dependency;
    }
    const known = this.#history.decisionOf(frame.frameNumber);
    const decision = known ?? this.#decide(packet, frame);
    if (known === undefined) this.#history.note(frame.frameNumber, decision);
    if (decision === DECISION.forward) this.#mark(packet, frame);
    return decision;
  }

  #decide(packet: MediaPacket, frame: FrameDependencies): Decision {
    if (frame.hasStructure) {
      this.#beginSequence(packet, frame);
      return DECISION.forward;
    }
    if (((frame.frameNumber - this.#newest) & 0xffff) < 0x8000) {
      this.#newest = frame.frameNumber;
      this.#chains.update(frame, packet.timestamp, this.#history);
    }
    if (timestampDiff(packet.timestamp, this.#timestamp) > 0) {
      this.#timestamp = packet.timestamp;
      this.#choose(frame, false);
    } else if (frame.spatial === this.#current.spatial) this.#choose(frame, true);
    if ((frame.indications[this.#index] ?? DTI.notPresent) === DTI.notPresent) return this.#absence(frame);
    const isWhole = this.#chains.isIntact(this.#current.chain) && this.#history.wentAll(frame);
    return isWhole ? DECISION.forward : DROP.dependency;
  }

  #beginSequence(packet: MediaPacket, frame: FrameDependencies): void {
    this.#newest = frame.frameNumber;
    this.#timestamp = packet.timestamp;
    this.#chains.reset();
    this.#blind = false;
    this.#take(this.#wanted(frame), frame);
  }

  /**
   * The decode target from `frame` on.
   * @param upOnly The picture has begun: to go down now would leave it without its end. Up is fine: of upper layers
   *   nothing has come, and switching points of temporal layers are told by the top layer's frame.
   */
  #choose(frame: FrameDependencies, upOnly: boolean): void {
    let next = this.#wanted(frame);
    if (upOnly && rank(frame.structure.decodeTargets[next] ?? NONE) <= rank(this.#current)) return;
    while (next >= 0 && !this.#mayGo(next, frame)) {
      next = this.#best(frame, next);
      if (upOnly && rank(frame.structure.decodeTargets[next] ?? NONE) <= rank(this.#current)) return;
    }
    if (next < 0) this.decodeTargets = this.#mask(frame);
    else this.#take(next, frame);
  }

  #wanted(frame: FrameDependencies): number {
    const wanted = this.#best(frame, -1);
    this.#wantedSpatial = frame.structure.decodeTargets[wanted]?.spatial ?? 0;
    return wanted;
  }

  #mayGo(index: number, frame: FrameDependencies): boolean {
    const target = frame.structure.decodeTargets[index] ?? NONE;
    const { spatial, temporal } = this.#current;
    const isUp = target.spatial > spatial || target.temporal > temporal;
    // To stay or to go down is possible anywhere as long as everything of the lower target went.
    if (!isUp && this.#chains.isIntact(target.chain)) return true;
    return (
      frame.indications[index] === DTI.switch &&
      this.#history.wentAll(frame) &&
      this.#chains.restore(target.chain)
    );
  }

  #take(index: number, frame: FrameDependencies): void {
    this.#index = index;
    this.#current = frame.structure.decodeTargets[index] ?? NONE;
    this.decodeTargets = this.#mask(frame);
  }

  /** The highest active decode target within the limits and below `under`; the lowest one when none is within; −1. */
  #best(frame: FrameDependencies, under: number): number {
    const { decodeTargets } = frame.structure;
    const bound = under < 0 ? Number.POSITIVE_INFINITY : rank(decodeTargets[under] ?? NONE);
    let best = -1;
    let lowest = -1;
    for (let i = 0; i < decodeTargets.length; i += 1) {
      const target = decodeTargets[i] ?? NONE;
      if ((frame.activeDecodeTargets & (1 << i)) === 0 || rank(target) >= bound) continue;
      if (lowest < 0 || rank(target) < rank(decodeTargets[lowest] ?? NONE)) lowest = i;
      if (target.spatial > this.#targetSpatial || target.temporal > this.#targetTemporal) continue;
      if (best < 0 || rank(target) > rank(decodeTargets[best] ?? NONE)) best = i;
    }
    return best < 0 && under < 0 ? Math.max(0, lowest) : best;
  }

  #mask(frame: FrameDependencies): number {
    const { decodeTargets } = frame.structure;
    let mask = 1 << this.#index;
    for (let i = 0; i < decodeTargets.length; i += 1) {
      const { spatial, temporal, chain } = decodeTargets[i] ?? NONE;
      if (
        spatial <= this.#current.spatial &&
        temporal <= this.#current.temporal &&
        this.#chains.isIntact(chain)
      )
        mask |= 1 << i;
    }
    return mask & (frame.activeDecodeTargets | (1 << this.#index));
  }

  #absence(frame: FrameDependencies): Decision {
    if (frame.spatial > this.#current.spatial) return DROP['spatial-layer'];
    return frame.temporal > this.#current.temporal ? DROP['temporal-layer'] : DROP['lower-layer'];
  }

  #mark(packet: MediaPacket, frame: FrameDependencies): void {
    this.marker = packet.marker || (frame.frameEnd && frame.spatial === this.#current.spatial);
  }
}

const rank = (target: DecodeTarget): number => target.spatial * 16 + target.temporal;
