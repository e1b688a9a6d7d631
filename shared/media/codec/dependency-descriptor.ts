import { BitReader } from '../bit-reader.ts';
import type { MediaPacket } from '../media-packet.ts';

const TEMPLATES_MAX = 64;
const SPATIAL_LAYERS_MAX = 4;
const TEMPORAL_LAYERS_MAX = 8;
const MANDATORY_BYTES = 3;

/** Decode target indications (AV1 RTP payload §A.4): what a frame is to a decode target. */
export const DTI = { notPresent: 0, discardable: 1, switch: 2, required: 3 } as const;

/** What frames of one template have in common. */
export interface DependencyTemplate {
  readonly spatial: number;
  readonly temporal: number;
  /** A {@link DTI} for each decode target. */
  readonly indications: readonly number[];
  /** Distances in frame numbers to the frames it refers to. */
  readonly frameDiffs: readonly number[];
  /** Distance to the previous frame of each chain, 0 for none. */
  readonly chainDiffs: readonly number[];
}

/** A set of layers that can be decoded together: its highest ones. */
export interface DecodeTarget {
  readonly spatial: number;
  readonly temporal: number;
  /** Chain whose frames must all come, −1 when the stream has no chains. */
  readonly chain: number;
}

/** The template dependency structure (§A.8.3): comes with keyframes and holds until the next one. */
export interface DependencyStructure {
  readonly templateIdOffset: number;
  readonly templates: readonly DependencyTemplate[];
  readonly decodeTargets: readonly DecodeTarget[];
  readonly chains: number;
  /** Pixels of each spatial layer; empty when not given. */
  readonly resolutions: readonly { readonly width: number; readonly height: number }[];
}

/**
 * Reads the dependency descriptor extension (AV1 RTP payload, appendix A). Its structure comes with keyframes only, so
 * a reader belongs to one RTP stream, and packets are to be read in order as far as they come.
 */
export class DependencyDescriptorReader {
  #structure: DependencyStructure | undefined;
  #frameNumber = -1;
  #activeDecodeTargets = 0;

  /** Of the last keyframe. */
  get structure(): DependencyStructure | undefined {
    return this.#structure;
  }

  /** Frame number of the last descriptor, 16 bits; −1 before the first. */
  get frameNumber(): number {
    return this.#frameNumber;
  }

  /** Bit i: decode target i is being sent. */
  get activeDecodeTargets(): number {
    return this.#activeDecodeTargets;
  }

  /**
   * Fills spatial, temporal, frameStart, frameEnd, keyframe, switchingPoint and svc.
   * @param simulcast The encoding is one of several: `spatial` stays the encoding's number.
   * @returns false when it is malformed or refers to a structure that has not come: the packet cannot be placed.
   */
  read(descriptor: Uint8Array, into: MediaPacket, simulcast: boolean = false): boolean {
    if (descriptor.length < MANDATORY_BYTES) return false;
    const reader = new BitReader(descriptor);
    const frameStart = reader.flag();
    const frameEnd = reader.flag();
    const templateId = reader.bits(6);
    const frameNumber = reader.bits(16);
    const extended = descriptor.length > MANDATORY_BYTES;
    const hasStructure = extended && reader.flag();
    const hasActive = extended && reader.flag();
    const hasIndications = extended && reader.flag();
    if (extended) reader.bits(2);
    let structure = this.#structure;
    if (hasStructure) structure = readStructure(reader);
    if (structure === undefined) return false;
    const targets = structure.decodeTargets.length;
    let active = hasStructure ? 2 ** targets - 1 : this.#activeDecodeTargets;
    if (hasActive) active = reader.bits(targets);
    const index = (templateId + TEMPLATES_MAX - structure.templateIdOffset) % TEMPLATES_MAX;
    const template = structure.templates[index];
    if (template === undefined) return false;
    let switchingPoint = false;
    for (let i = 0; i < targets; i += 1) {
      const indication = hasIndications ? reader.bits(2) : template.indications[i];
      // Whoever was below this temporal layer may begin to take it here.
      if (indication === DTI.switch && structure.decodeTargets[i]?.temporal === template.temporal)
        switchingPoint = true;
    }
    if (reader.overrun) return false;
    this.#structure = structure;
    this.#activeDecodeTargets = active;
    this.#frameNumber = frameNumber;
    into.frameStart = frameStart;
    into.frameEnd = frameEnd;
    into.keyframe = hasStructure;
    into.switchingPoint = switchingPoint;
    into.temporal = template.temporal;
    into.svc = !simulcast && structure.decodeTargets.some(({ spatial }) => spatial > 0);
    if (!simulcast) into.spatial = template.spatial;
    return true;
  }
}

/** template_dependency_structure() (§A.8.3); undefined when it is malformed. */
function readStructure(reader: BitReader): DependencyStructure | undefined {
  const templateIdOffset = reader.bits(6);
  const targets = reader.bits(5) + 1;
  const layers = readLayers(reader);
  if (layers === undefined) return undefined;
  const indications = layers.map(() => Array.from({ length: targets }, () => reader.bits(2)));
  const frameDiffs = layers.map(() => readFrameDiffs(reader));
  const chains = reader.nonSymmetric(targets + 1);
  const protectedBy = Array.from({ length: targets }, () =>
    chains === 0 ? -1 : reader.nonSymmetric(chains),
  );
  const chainDiffs = layers.map(() => Array.from({ length: chains }, () => reader.bits(4)));
  const templates = layers.map((layer, i) => ({
    ...layer,
    indications: indications[i] ?? [],
    frameDiffs: frameDiffs[i] ?? [],
    chainDiffs: chainDiffs[i] ?? [],
  }));
  const decodeTargets = protectedBy.map((chain, i) => ({ ...highestLayers(templates, i), chain }));
  const hasResolutions = reader.flag();
  const spatialLayers = Math.max(...layers.map(({ spatial }) => spatial)) + 1;
  const resolutions = Array.from({ length: hasResolutions ? spatialLayers : 0 }, () => ({
    width: reader.bits(16) + 1,
    height: reader.bits(16) + 1,
  }));
  return reader.overrun ? undefined : { templateIdOffset, templates, decodeTargets, chains, resolutions };
}

/** template_layers(): a walk from the lowest layer up, two bits a step. */
function readLayers(reader: BitReader): { spatial: number; temporal: number }[] | undefined {
  const layers: { spatial: number; temporal: number }[] = [];
  let spatial = 0;
  let temporal = 0;
  while (layers.length < TEMPLATES_MAX && !reader.overrun) {
    layers.push({ spatial, temporal });
    const next = reader.bits(2);
    if (next === 3) return layers;
    if (next === 1) temporal += 1;
    else if (next === 2) {
      temporal = 0;
      spatial += 1;
    }
    if (spatial >= SPATIAL_LAYERS_MAX || temporal >= TEMPORAL_LAYERS_MAX) return undefined;
  }
  return undefined;
}

function readFrameDiffs(reader: BitReader): number[] {
  const diffs: number[] = [];
  while (!reader.overrun && reader.flag()) diffs.push(reader.bits(4) + 1);
  return diffs;
}

/** decode_target_layers() (§A.8.4): the highest layers among the templates that are part of the decode target. */
function highestLayers(
  templates: readonly DependencyTemplate[],
  target: number,
): { spatial: number; temporal: number } {
  let spatial = 0;
  let temporal = 0;
  for (const template of templates) {
    if (template.indications[target] === DTI.notPresent) continue;
    spatial = Math.max(spatial, template.spatial);
    temporal = Math.max(temporal, template.temporal);
  }
  return { spatial, temporal };
}
