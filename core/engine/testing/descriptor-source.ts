import {
  DependencyDescriptorReader,
  DescriptorMask,
  emptyMediaPacket,
  type MediaPacket,
} from '@switchyard/shared/media';

/** What frames of one template say: `-` not present, `D` discardable, `S` switch, `R` required, for each decode target. */
export interface TemplateText {
  readonly spatial: number;
  readonly temporal: number;
  readonly indications: string;
  readonly frames: readonly number[];
  readonly chains: readonly number[];
}

export interface StructureText {
  readonly templates: readonly TemplateText[];
  /** Chain of each decode target. */
  readonly protectedBy: readonly number[];
  readonly chains: number;
}

const word = (value: number, width: number): string => value.toString(2).padStart(width, '0');

/** ns(n) of the AV1 specification §4.10.7, as text of bits. */
function nonSymmetric(value: number, n: number): string {
  let width = 0;
  for (let x = n; x > 0; x >>= 1) width += 1;
  const short = 2 ** width - n;
  if (value < short) return width === 1 ? '' : word(value, width - 1);
  return word(value + short, width);
}

function structureBits({ templates, protectedBy, chains }: StructureText): string {
  const targets = protectedBy.length;
  const steps = templates.map(({ spatial, temporal }, i) => {
    const next = templates[i + 1];
    if (next === undefined) return '11';
    if (next.spatial > spatial) return '10';
    return next.temporal > temporal ? '01' : '00';
  });
  return [
    word(0, 6),
    word(targets - 1, 5),
    ...steps,
    ...templates.map(({ indications }) =>
      [...indications].map((each) => word('-DSR'.indexOf(each), 2)).join(''),
    ),
    ...templates.map(({ frames }) => `${frames.map((diff) => `1${word(diff - 1, 4)}`).join('')}0`),
    nonSymmetric(chains, targets + 1),
    ...(chains === 0 ? [] : protectedBy.map((chain) => nonSymmetric(chain, chains))),
    ...templates.map((template) => template.chains.map((diff) => word(diff, 4)).join('')),
    '0',
  ].join('');
}

const bytesOf = (bits: string): Uint8Array =>
  Uint8Array.from({ length: Math.ceil(bits.length / 8) }, (_, i) =>
    Number.parseInt(bits.slice(i * 8, i * 8 + 8).padEnd(8, '0'), 2),
  );

/** Full descriptor of one packet; `structure` with a keyframe, `active` when the mask changed. */
export function descriptorBytes(
  template: number,
  frameNumber: number,
  more: { structure?: StructureText; active?: number; targets?: number; borders?: string } = {},
): Uint8Array {
  const head = `${more.borders ?? '11'}${word(template, 6)}${word(frameNumber & 0xffff, 16)}`;
  if (more.structure === undefined && more.active === undefined) return bytesOf(head);
  const flags = `${more.structure === undefined ? 0 : 1}${more.active === undefined ? 0 : 1}000`;
  const structure = more.structure === undefined ? '' : structureBits(more.structure);
  const mask = more.active === undefined ? '' : word(more.active, more.targets ?? 0);
  return bytesOf(head + flags + structure + mask);
}

/** A publisher's gateway: descriptors become packets as they do there. */
export class DescriptorSource {
  readonly #reader = new DependencyDescriptorReader();
  readonly #mask = new DescriptorMask();

  packet(descriptor: Uint8Array, facts: Partial<MediaPacket>, simulcast = false): MediaPacket {
    const packet = Object.assign(emptyMediaPacket('av1'), { payload: new Uint8Array(100) }, facts);
    if (this.#reader.read(descriptor)) {
      this.#reader.apply(packet, simulcast);
      this.#mask.apply(packet, descriptor.slice(), this.#reader);
      packet.dependencyDescriptor = packet.dependencyDescriptor.slice();
    }
    return packet;
  }
}

const template = (
  spatial: number,
  temporal: number,
  indications: string,
  frames: readonly number[],
  chains: readonly number[],
): TemplateText => ({ spatial, temporal, indications, frames, chains });

/** Three temporal layers in groups of four pictures: T0 T2 T1 T2 (AV1 RTP payload §A.8, L1T3). */
export const L1T3: StructureText = {
  templates: [
    template(0, 0, 'SSS', [], [0]),
    template(0, 0, 'SSS', [4], [4]),
    template(0, 1, '-DS', [2], [2]),
    template(0, 2, '--D', [1], [1]),
    template(0, 2, '--D', [1], [3]),
  ],
  protectedBy: [0, 0, 0],
  chains: 1,
};

/** Two spatial layers, each picture's upper one predicted from the lower (L2T1). */
export const L2T1: StructureText = {
  templates: [
    template(0, 0, 'SS', [], [0, 0]),
    template(0, 0, 'SR', [2], [2, 1]),
    template(1, 0, '-S', [1], [1, 1]),
    template(1, 0, '-R', [2, 1], [1, 1]),
  ],
  protectedBy: [0, 1],
  chains: 2,
};

/** Two spatial layers of two temporal ones each (L2T2); decode targets S0T0, S0T1, S1T0, S1T1. */
export const L2T2: StructureText = {
  templates: [
    template(0, 0, 'SSSS', [], [0, 0]),
    template(0, 0, 'SSRR', [4], [4, 3]),
    template(0, 1, '-D-R', [2], [2, 1]),
    template(1, 0, '--SS', [1], [1, 1]),
    template(1, 0, '--SS', [4, 1], [1, 1]),
    template(1, 1, '---D', [2, 1], [3, 2]),
  ],
  protectedBy: [0, 0, 1, 1],
  chains: 2,
};

/** Two spatial layers that meet on keyframes only (L2T1_KEY). */
export const L2T1_KEY: StructureText = {
  templates: [
    template(0, 0, 'SS', [], [0, 0]),
    template(0, 0, 'S-', [2], [2, 1]),
    template(1, 0, '-S', [1], [1, 1]),
    template(1, 0, '-S', [2], [1, 2]),
  ],
  protectedBy: [0, 1],
  chains: 2,
};
