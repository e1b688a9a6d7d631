import { describe, expect, it, test } from 'vitest';
import { emptyMediaPacket } from '../media-packet.ts';
import { DependencyDescriptorReader } from './dependency-descriptor.ts';
import { DTI } from './dependency-structure.ts';
import { DescriptorMask, writeDescriptorPatches } from './descriptor-mask.ts';

/** Bytes of bits written in groups; padded with zeros. */
function bits(...groups: readonly string[]): Uint8Array {
  const all = groups.join('').replaceAll(' ', '');
  return Uint8Array.from({ length: Math.ceil(all.length / 8) }, (_, i) =>
    Number.parseInt(all.slice(i * 8, i * 8 + 8).padEnd(8, '0'), 2),
  );
}

const word = (value: number, width: number): string => value.toString(2).padStart(width, '0');
const mandatory = (template: number, frame: number, borders = '11'): string =>
  borders + word(template, 6) + word(frame, 16);

/** L1T2: a keyframe template, T0 and T1; two decode targets, one chain. */
const L1T2 = [
  word(5, 6) /* template_id_offset */,
  word(1, 5) /* two decode targets */,
  '00 01 11' /* layers: T0, T0, T1 */,
  '1010 1010 0001' /* indications: SS, SS, -D */,
  '0' /* no references */,
  '1 0001 0' /* two back */,
  '1 0000 0' /* one back */,
  '10' /* chains: ns(3) of 1 */,
  /* protected by: ns(1), no bits */
  '0000',
  '0010',
  '0001' /* chain distances */,
  '1',
  word(639, 16),
  word(359, 16),
];
const keyframe = bits(mandatory(5, 0xfffe, '10'), '10000', ...L1T2);

function after(...descriptors: readonly Uint8Array[]): DependencyDescriptorReader {
  const reader = new DependencyDescriptorReader();
  for (const descriptor of descriptors) expect(reader.read(descriptor)).toBe(true);
  return reader;
}

describe('DependencyDescriptorReader', () => {
  it('reads the structure of a keyframe', () => {
    const reader = after(keyframe);
    expect(reader.structure.decodeTargets).toEqual([
      { spatial: 0, temporal: 0, chain: 0 },
      { spatial: 0, temporal: 1, chain: 0 },
    ]);
    expect(reader.structure.resolutions).toEqual([{ width: 640, height: 360 }]);
    expect(reader).toMatchObject({
      frameNumber: 0xfffe,
      hasStructure: true,
      frameStart: true,
      frameEnd: false,
      activeDecodeTargets: 3,
      frameDiffCount: 0,
    });
  });

  it('finds the template of later frames, over the wrap of its number', () => {
    const reader = after(keyframe, bits(mandatory(7, 0xffff)));
    expect(reader).toMatchObject({ temporal: 1, frameNumber: 0xffff, hasStructure: false });
    expect([...reader.indications]).toEqual([DTI.notPresent, DTI.discardable]);
    expect([...reader.frameDiffs.subarray(0, reader.frameDiffCount)]).toEqual([1]);
    expect([...reader.chainDiffs]).toEqual([1]);
  });

  it('reads what a frame says instead of its template', () => {
    const custom = bits(mandatory(6, 3), '01111', '01', '1010', '01 0011 10 00010000 00', word(9, 8));
    const reader = after(keyframe, custom);
    expect(reader.activeDecodeTargets).toBe(1);
    expect([...reader.indications.subarray(0, 2)]).toEqual([DTI.switch, DTI.switch]);
    expect([...reader.frameDiffs.subarray(0, reader.frameDiffCount)]).toEqual([4, 17]);
    expect(reader.chainDiffs[0]).toBe(9);
  });

  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array(0)],
    ['two bytes', Uint8Array.of(0xc5, 0)],
    ['a template that there is not', bits(mandatory(20, 1))],
    ['a mask that is cut off', bits(mandatory(6, 1), '01100', '111')],
    ['a structure that is cut off', keyframe.subarray(0, 8)],
    [
      'more decode targets than a mask can hold',
      bits(mandatory(0, 1), '10000', word(0, 6), word(16, 5), '11'),
    ],
    ['references without end', bits(mandatory(6, 1), '00010', '010001'.repeat(20))],
  ])('refuses %s, and goes on with the structure it had', (_, descriptor) => {
    const reader = after(keyframe);
    expect(reader.read(descriptor)).toBe(false);
    expect(reader.read(bits(mandatory(7, 1)))).toBe(true);
  });

  it('refuses frames before the first structure', () =>
    expect(new DependencyDescriptorReader().read(bits(mandatory(5, 1)))).toBe(false));

  it('tells the packet', () => {
    const packet = emptyMediaPacket('av1');
    after(keyframe).apply(packet, false);
    expect(packet).toMatchObject({ keyframe: true, frameStart: true, switchingPoint: true, svc: false });
    const later = emptyMediaPacket('av1');
    after(keyframe, bits(mandatory(7, 1))).apply(later, false);
    expect(later).toMatchObject({ keyframe: false, temporal: 1, switchingPoint: false, frameEnd: true });
  });
});

describe('DescriptorMask', () => {
  test.for([
    { name: 'a keyframe', descriptor: keyframe, mask: true },
    { name: 'a base layer frame', descriptor: bits(mandatory(6, 2)), mask: true },
    {
      name: 'a base layer frame with its own indications',
      descriptor: bits(mandatory(6, 2), '00101 1001', word(7, 8)),
      mask: true,
    },
    { name: 'a frame that has a mask', descriptor: bits(mandatory(7, 2), '01000 11'), mask: true },
    { name: 'an upper layer frame', descriptor: bits(mandatory(7, 2)), mask: false },
  ])('gives $name its place for the mask: $mask', ({ descriptor, mask }) => {
    const reader = after(keyframe, descriptor);
    const before = {
      ...reader,
      indications: [...reader.indications],
      chainDiffs: [...reader.chainDiffs],
      activeDecodeTargets: mask ? 1 : 3,
      frameNumber: 777,
    };
    const packet = emptyMediaPacket('av1');
    new DescriptorMask().apply(packet, descriptor, reader);
    expect(packet.maskBits).toBe(mask ? 2 : 0);
    const copy = new Uint8Array(100);
    copy.set(packet.dependencyDescriptor, 9);
    writeDescriptorPatches(copy, 9, packet.maskBit, packet.maskBits, 777, 1);
    const viewer = after(keyframe, copy.subarray(9, 9 + packet.dependencyDescriptor.length));
    const { maskBit: _at, maskBits: _bits, ...facts } = before;
    expect({
      ...viewer,
      indications: [...viewer.indications],
      chainDiffs: [...viewer.chainDiffs],
    }).toMatchObject({ ...facts, frameDiffs: viewer.frameDiffs });
    expect(viewer.frameDiffs).toEqual(before.frameDiffs);
  });
});
