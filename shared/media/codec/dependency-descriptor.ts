import { BitReader } from '../bit-reader.ts';
import { readU16 } from '../bytes.ts';
import type { MediaPacket } from '../media-packet.ts';
import {
  DECODE_TARGETS_MAX,
  type DependencyStructure,
  DTI,
  readDependencyStructure,
  TEMPLATES_MAX,
} from './dependency-structure.ts';

const MANDATORY_BYTES = 3;
const FLAG_BITS = 5;
/** Most frames that one frame refers to, and most chains (§A.8): more is not read. */
const FRAME_DIFFS_MAX = 8;

/** What one packet's descriptor says of its frame. A view of the reader: valid until it reads the next one. */
export interface FrameDependencies {
  /** Of the last keyframe. */
  readonly structure: DependencyStructure;
  /** The structure came with this very packet: a keyframe begins. */
  readonly hasStructure: boolean;
  /** 16 bits. */
  readonly frameNumber: number;
  readonly spatial: number;
  readonly temporal: number;
  readonly frameStart: boolean;
  readonly frameEnd: boolean;
  /** A {@link DTI} for each decode target. */
  readonly indications: Uint8Array;
  /** Distances to the frames that this one refers to: the first `frameDiffCount`. */
  readonly frameDiffs: Uint16Array;
  readonly frameDiffCount: number;
  /** For each chain the distance to its previous frame, 0 for none. */
  readonly chainDiffs: Uint8Array;
  /** Bit i: decode target i is being sent. */
  readonly activeDecodeTargets: number;
}

const NO_STRUCTURE: DependencyStructure = {
  templateIdOffset: 0,
  templates: [],
  decodeTargets: [],
  chains: 0,
  resolutions: [],
};

/**
 * Reads the dependency descriptor extension (AV1 RTP payload, appendix A). Its structure comes with keyframes only, so
 * a reader belongs to one RTP stream. Descriptors may come late and out of order; what they say is the last one's.
 * Allocates for structures only.
 */
export class DependencyDescriptorReader implements FrameDependencies {
  readonly #reader = new BitReader();
  readonly #customIndications = new Uint8Array(DECODE_TARGETS_MAX);
  readonly #customFrameDiffs = new Uint16Array(FRAME_DIFFS_MAX);
  readonly #customChainDiffs = new Uint8Array(DECODE_TARGETS_MAX);
  structure: DependencyStructure = NO_STRUCTURE;
  hasStructure = false;
  frameNumber = -1;
  spatial = 0;
  temporal = 0;
  frameStart = false;
  frameEnd = false;
  indications: Uint8Array = this.#customIndications;
  frameDiffs: Uint16Array = this.#customFrameDiffs;
  frameDiffCount = 0;
  chainDiffs: Uint8Array = this.#customChainDiffs;
  activeDecodeTargets = 0;
  /** Bit of the descriptor where the mask of active decode targets is, or would be. */
  maskBit: number = MANDATORY_BYTES * 8 + FLAG_BITS;
  /** Bits of the mask, 0 when the descriptor has none. */
  maskBits = 0;

  /** @returns false when it is malformed or refers to a structure that has not come: the packet cannot be placed. */
  read(descriptor: Uint8Array): boolean {
    if (descriptor.length < MANDATORY_BYTES) return false;
    const first = descriptor[0] ?? 0;
    const reader = this.#reader;
    let flags = 0;
    let { structure } = this;
    if (descriptor.length > MANDATORY_BYTES) {
      reader.reset(descriptor);
      reader.bits(MANDATORY_BYTES * 8);
      flags = reader.bits(FLAG_BITS);
      if ((flags & 16) !== 0) {
        const read = readDependencyStructure(reader);
        if (read === undefined) return false;
        structure = read;
      }
    }
    const index = ((first & 63) + TEMPLATES_MAX - structure.templateIdOffset) % TEMPLATES_MAX;
    const template = structure.templates[index];
    if (template === undefined) return false;
    const targets = structure.decodeTargets.length;
    this.maskBit = flags === 0 ? MANDATORY_BYTES * 8 + FLAG_BITS : reader.position;
    this.maskBits = (flags & 8) === 0 ? 0 : targets;
    const mask = this.maskBits > 0 ? reader.bits(targets) : -1;
    this.indications = (flags & 4) === 0 ? template.indications : this.#readIndications(targets);
    this.frameDiffs = template.frameDiffs;
    this.frameDiffCount = template.frameDiffs.length;
    if ((flags & 2) !== 0 && !this.#readFrameDiffs()) return false;
    this.chainDiffs = (flags & 1) === 0 ? template.chainDiffs : this.#readChainDiffs(structure.chains);
    if (flags !== 0 && reader.overrun) return false;
    this.hasStructure = (flags & 16) !== 0;
    if (this.hasStructure) this.activeDecodeTargets = 2 ** targets - 1;
    if (mask >= 0) this.activeDecodeTargets = mask;
    this.structure = structure;
    this.frameStart = (first & 0x80) !== 0;
    this.frameEnd = (first & 0x40) !== 0;
    this.frameNumber = readU16(descriptor, 1);
    this.spatial = template.spatial;
    this.temporal = template.temporal;
    return true;
  }

  /**
   * Fills what was read into the packet's facts.
   * @param simulcast The encoding is one of several: `spatial` stays the encoding's number.
   */
  apply(into: MediaPacket, simulcast: boolean): void {
    const { decodeTargets } = this.structure;
    let switchingPoint = false;
    let usedAbove = false;
    let svc = false;
    for (let i = 0; i < decodeTargets.length; i += 1) {
      const target = decodeTargets[i];
      const indication = this.indications[i];
      if (target === undefined) continue;
      // Whoever was below this temporal layer may begin to take it here.
      if (indication === DTI.switch && target.temporal >= this.temporal) switchingPoint = true;
      if (target.spatial > 0) svc = true;
      if (target.spatial > this.spatial && indication !== DTI.notPresent) usedAbove = true;
    }
    into.frameStart = this.frameStart;
    into.frameEnd = this.frameEnd;
    into.keyframe = this.hasStructure || (into.keyframe && this.frameStart);
    into.switchingPoint = switchingPoint;
    into.notReference = !usedAbove;
    into.temporal = this.temporal;
    into.svc = svc && !simulcast;
    if (!simulcast) into.spatial = this.spatial;
  }

  #readIndications(count: number): Uint8Array {
    for (let i = 0; i < count; i += 1) this.#customIndications[i] = this.#reader.bits(2);
    return this.#customIndications;
  }

  /** frame_fdiffs(): each with its size in steps of four bits, 0 ends. */
  #readFrameDiffs(): boolean {
    this.frameDiffs = this.#customFrameDiffs;
    this.frameDiffCount = 0;
    for (let size = this.#reader.bits(2); size > 0; size = this.#reader.bits(2)) {
      if (this.frameDiffCount === FRAME_DIFFS_MAX) return false;
      this.#customFrameDiffs[this.frameDiffCount] = this.#reader.bits(size * 4) + 1;
      this.frameDiffCount += 1;
    }
    return true;
  }

  #readChainDiffs(count: number): Uint8Array {
    for (let i = 0; i < count; i += 1) this.#customChainDiffs[i] = this.#reader.bits(8);
    return this.#customChainDiffs;
  }
}
