import type { BitReader } from '../bit-reader.ts';

export const TEMPLATES_MAX = 64;
/** More decode targets (a link frame's mask has 16 bits; L3T3 has nine) are refused: such a stream goes without. */
export const DECODE_TARGETS_MAX = 16;
const SPATIAL_LAYERS_MAX = 4;
const TEMPORAL_LAYERS_MAX = 8;

/** Decode target indications (AV1 RTP payload §A.4): what a frame is to a decode target. */
export const DTI = { notPresent: 0, discardable: 1, switch: 2, required: 3 } as const;

/** What frames of one template have in common. */
export interface DependencyTemplate {
  readonly spatial: number;
  readonly temporal: number;
  /** A {@link DTI} for each decode target. */
  readonly indications: Uint8Array;
  /** Distances in frame numbers to the frames it refers to. */
  readonly frameDiffs: Uint16Array;
  /** Distance to the previous frame of each chain, 0 for none. */
  readonly chainDiffs: Uint8Array;
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

/** template_dependency_structure() (§A.8.3); undefined when it is malformed. */
export function readDependencyStructure(reader: BitReader): DependencyStructure | undefined {
  const templateIdOffset = reader.bits(6);
  const targets = reader.bits(5) + 1;
  if (targets > DECODE_TARGETS_MAX) return undefined;
  const layers = readLayers(reader);
  if (layers === undefined) return undefined;
  const indications = layers.map(() => Uint8Array.from({ length: targets }, () => reader.bits(2)));
  const frameDiffs = layers.map(() => readFrameDiffs(reader));
  const chains = reader.nonSymmetric(targets + 1);
  const protectedBy = Array.from({ length: targets }, () =>
    chains === 0 ? -1 : reader.nonSymmetric(chains),
  );
  const templates = layers.map((layer, i) => ({
    ...layer,
    indications: indications[i] ?? NONE,
    frameDiffs: frameDiffs[i] ?? new Uint16Array(0),
    chainDiffs: Uint8Array.from({ length: chains }, () => reader.bits(4)),
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

const NONE = new Uint8Array(0);

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

function readFrameDiffs(reader: BitReader): Uint16Array {
  const diffs: number[] = [];
  while (!reader.overrun && reader.flag()) diffs.push(reader.bits(4) + 1);
  return Uint16Array.from(diffs);
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
