import type { MediaPacket } from '@switchyard/shared/media';
import { describe, expect, it } from 'vitest';
import {
  DescriptorSource,
  descriptorBytes,
  L1T3,
  L2T1,
  L2T1_KEY,
  L2T2,
  type StructureText,
} from '../testing/descriptor-source.ts';
import { seededRandom } from '../testing/seeded-random.ts';
import { SwitchRig } from '../testing/switch-rig.ts';

/** A described stream (AV1, unless it says otherwise) of frames of one packet each, as one publisher's gateway passes it on. */
class DescribedStream {
  readonly #rig: SwitchRig;
  readonly #structure: StructureText;
  readonly #source = new DescriptorSource();
  readonly #facts: Partial<MediaPacket>;
  #frame: number;
  #seq = 65_500;
  #picture = 0;
  readonly #numbers = new Map<number, number>();
  /** Frame numbers that never reached us. */
  readonly lost: Set<number> = new Set();

  constructor(rig: SwitchRig, structure: StructureText, frame = 65_530, facts: Partial<MediaPacket> = {}) {
    this.#rig = rig;
    this.#structure = structure;
    this.#frame = frame;
    this.#facts = facts;
  }

  /** The source's frame number of a packet. */
  numberOf(seq: number): number {
    return this.#numbers.get(seq) ?? -1;
  }

  /** The frames of one picture, by template; `lose` of them never reach us. */
  picture(templates: readonly number[], more: { lose?: number; active?: number } = {}): void {
    templates.forEach((template, i) => {
      const key = template === 0 || (this.#structure.templates[template]?.frames.length ?? 0) === 0;
      const structure = key && i === 0 ? { structure: this.#structure } : {};
      const active = more.active === undefined || i > 0 ? {} : { active: more.active };
      const descriptor = descriptorBytes(template, this.#frame, {
        ...structure,
        ...active,
        targets: this.#structure.protectedBy.length,
      });
      const packet = this.#source.packet(
        descriptor,
        {
          seq: this.#seq,
          timestamp: this.#picture * 3000,
          captureMs: this.#rig.nowMs,
          marker: i === templates.length - 1,
          ...this.#facts,
        },
        this.#facts.spatial !== undefined,
      );
      this.#numbers.set(this.#seq, this.#frame);
      if (more.lose === i) this.lost.add(this.#frame);
      else this.#rig.push(packet);
      this.#frame = (this.#frame + 1) & 0xffff;
      this.#seq = (this.#seq + 1) & 0xffff;
    });
    this.#picture += 1;
    this.#rig.advance(33);
  }
}

interface Got {
  readonly spatial: number;
  readonly temporal: number;
  readonly frame: number;
  readonly marker: boolean;
  readonly mask: number;
}

const got = (rig: SwitchRig): Got[] =>
  rig.take().map(({ packet, frameNumber, marker, decodeTargets }) => ({
    spatial: packet.spatial,
    temporal: packet.temporal,
    frame: frameNumber,
    marker,
    mask: decodeTargets,
  }));

function rigAt(spatial: number, temporal: number): SwitchRig {
  const rig = new SwitchRig();
  rig.attach();
  rig.target(spatial, temporal);
  return rig;
}

/** Pictures of L1T3 after its keyframe. */
const GROUP = [3, 2, 4, 1];

describe('temporal layers by dependency descriptor', () => {
  it.for([
    { codec: 'av1', takesDescriptors: true },
    { codec: 'h264', takesDescriptors: true },
    { codec: 'h264', takesDescriptors: false },
  ] as const)(
    'D1, D4, D5: sends what the decode target needs, with the distances of frame numbers and its mask ($codec, viewer takes descriptors: $takesDescriptors)',
    ({ codec, takesDescriptors }) => {
      const rig = rigAt(0, 1);
      rig.track.takesDescriptors = takesDescriptors;
      const stream = new DescribedStream(rig, L1T3, 65_530, { codec });
      for (const template of [0, ...GROUP, ...GROUP]) stream.picture([template]);
      const sent = rig.take();
      expect(
        sent.map(({ packet, frameNumber, decodeTargets }) => [packet.temporal, frameNumber, decodeTargets]),
      ).toEqual([
        [0, 1, 0b011],
        [1, 3, 0b011],
        [0, 5, 0b011],
        [1, 7, 0b011],
        [0, 9, 0b011],
      ]);
      // Frames are left out, sequence numbers are not.
      expect(sent.map(({ seq }) => (seq - (sent[0]?.seq ?? 0)) & 0xffff)).toEqual([0, 1, 2, 3, 4]);
      expect(rig.track.drops['temporal-layer']).toBe(4);
    },
  );

  it('an H.264 stream goes down and up at switching points without a keyframe', () => {
    const rig = rigAt(0, 2);
    const stream = new DescribedStream(rig, L1T3, 0, { codec: 'h264' });
    for (const template of [0, ...GROUP]) stream.picture([template]);
    const asked = rig.keyframes.length;
    rig.target(0, 0);
    for (const template of GROUP) stream.picture([template]);
    rig.target(0, 2);
    for (const template of [...GROUP, ...GROUP]) stream.picture([template]);
    expect(got(rig).map(({ temporal }) => temporal)).toEqual([0, 2, 1, 2, 0, 0, 1, 2, 0, 2, 1, 2, 0]);
    expect(rig.keyframes.length).toBe(asked);
  });

  it('D3: up at a switching point, down at once, no keyframe asked for', () => {
    const rig = rigAt(0, 0);
    const stream = new DescribedStream(rig, L1T3);
    for (const template of [0, ...GROUP]) stream.picture([template]);
    const asked = rig.keyframes.length;
    rig.target(0, 2);
    for (const template of GROUP) stream.picture([template]);
    for (const template of GROUP) stream.picture([template]);
    rig.target(0, 0);
    for (const template of GROUP) stream.picture([template]);
    expect(got(rig).map(({ temporal }) => temporal)).toEqual([0, 0, 1, 2, 0, 2, 1, 2, 0, 0]);
    expect(rig.keyframes.length).toBe(asked);
  });

  it('D6: within simulcast encodings, which switch on keyframes and keep the frame numbers going', () => {
    const rig = rigAt(1, 0);
    const low = new DescribedStream(rig, L1T3, 100, { spatial: 0 });
    const high = new DescribedStream(rig, L1T3, 9000, { spatial: 1 });
    low.picture([3]);
    high.picture([0]);
    low.picture([0]);
    high.picture([3]);
    high.picture([2]);
    rig.target(0, 2);
    high.picture([4]);
    low.picture([0]);
    high.picture([1]);
    low.picture([3]);
    expect(got(rig).map(({ spatial, temporal, frame }) => [spatial, temporal, frame])).toEqual([
      [1, 0, 1],
      [0, 0, 2],
      [0, 2, 3],
    ]);
    expect(rig.track.drops['other-encoding']).toBe(2);
  });

  it('D2: a keyframe whose structure cannot be read is asked for again', () => {
    const rig = rigAt(0, 2);
    const stream = new DescribedStream(rig, L1T3);
    stream.picture([0]);
    stream.picture([3]);
    const asked = rig.keyframes.length;
    rig.push({ codec: 'av1', seq: 65_499, timestamp: 3000, frameStart: false });
    rig.advance(120);
    expect(rig.keyframes.length).toBeGreaterThan(asked);
    stream.picture([0]);
    rig.take();
    stream.picture([3]);
    expect(got(rig).length).toBe(1);
  });
});

describe('spatial layers by dependency descriptor', () => {
  it('D3, D5: down without a keyframe in full SVC, up by one, marker and mask with it', () => {
    const rig = rigAt(1, 0);
    const stream = new DescribedStream(rig, L2T1);
    stream.picture([0, 2]);
    stream.picture([1, 3]);
    rig.target(0, 0);
    stream.picture([1, 3]);
    const asked = rig.keyframes.length;
    rig.target(1, 0);
    stream.picture([1, 3]);
    rig.advance(100);
    expect(rig.keyframes.length).toBeGreaterThan(asked);
    stream.picture([0, 2]);
    expect(got(rig).map(({ spatial, frame, marker, mask }) => [spatial, frame, marker, mask])).toEqual([
      [0, 1, false, 0b11],
      [1, 2, true, 0b11],
      [0, 3, false, 0b11],
      [1, 4, true, 0b11],
      [0, 5, true, 0b01],
      [0, 7, true, 0b01],
      [0, 9, false, 0b11],
      [1, 10, true, 0b11],
    ]);
    expect(rig.counters.switches).toEqual(Float64Array.of(1, 1, 1));
  });

  it('D3: up without a keyframe where the lower layer is a switching point for the upper one', () => {
    const bridge: StructureText = {
      ...L2T1,
      // An upper frame predicted from the lower one only, announced by a lower frame that is a switching point.
      templates: [
        ...L2T1.templates.slice(0, 2),
        { spatial: 0, temporal: 0, indications: 'SS', frames: [2], chains: [2, 1] },
        ...L2T1.templates.slice(2),
      ],
    };
    const rig = rigAt(0, 0);
    const stream = new DescribedStream(rig, bridge);
    stream.picture([0, 3]);
    stream.picture([1, 4]);
    rig.target(1, 0);
    stream.picture([1, 4]);
    stream.picture([2, 3]);
    stream.picture([1, 4]);
    expect(got(rig).map(({ spatial, marker }) => [spatial, marker])).toEqual([
      [0, true],
      [0, true],
      [0, true],
      [0, false],
      [1, true],
      [0, false],
      [1, true],
    ]);
  });

  it('D3: temporal layers go up at a switching point of the top layer, and down with the next picture', () => {
    const rig = rigAt(1, 0);
    const stream = new DescribedStream(rig, L2T2);
    const pictures = (count: number): void => {
      for (let i = 0; i < count; i += 1) {
        stream.picture([2, 5]);
        stream.picture([1, 4]);
      }
    };
    stream.picture([0, 3]);
    pictures(1);
    rig.target(1, 1);
    pictures(2);
    rig.target(1, 0);
    pictures(1);
    expect(
      got(rig).map(({ spatial, temporal, marker }) => `${spatial}${temporal}${marker ? '!' : ''}`),
    ).toEqual(['00', '10!', '00', '10!', '00', '10!', '01', '11!', '00', '10!', '00', '10!']);
    expect(rig.keyframes.length).toBe(1);
  });

  it('V3, D2: K-SVC goes down by a keyframe only, and sends the own layer alone', () => {
    const rig = rigAt(1, 0);
    const stream = new DescribedStream(rig, L2T1_KEY);
    stream.picture([0, 2]);
    stream.picture([1, 3]);
    rig.target(0, 0);
    stream.picture([1, 3]);
    rig.advance(100);
    expect(rig.keyframes.at(-1)).toMatchObject({ spatial: 0 });
    stream.picture([0, 2]);
    stream.picture([1, 3]);
    expect(got(rig).map(({ spatial, mask }) => [spatial, mask])).toEqual([
      [0, 0b11],
      [1, 0b11],
      [1, 0b11],
      [1, 0b10],
      [0, 0b01],
      [0, 0b01],
    ]);
    expect(rig.track.drops['lower-layer']).toBe(2);
  });

  it('D2: a lost frame breaks its chain only: the lower decode target goes on until the keyframe', () => {
    const rig = rigAt(1, 0);
    const stream = new DescribedStream(rig, L2T1);
    stream.picture([0, 2]);
    stream.picture([1, 3], { lose: 1 });
    for (let i = 0; i < 20; i += 1) stream.picture([1, 3]);
    const sent = got(rig);
    // While the frame may still come the picture is sent whole, then the lower layer alone.
    expect(sent.slice(-5).map(({ spatial, marker }) => [spatial, marker])).toEqual(
      Array.from({ length: 5 }, () => [0, true]),
    );
    expect(rig.keyframes.length).toBeGreaterThan(1);
    stream.picture([0, 2]);
    expect(got(rig).map(({ spatial }) => spatial)).toEqual([0, 1]);
  });

  it('D5: a viewer that takes no descriptors is sent the lowest layer alone', () => {
    const rig = rigAt(1, 0);
    rig.track.takesDescriptors = false;
    const stream = new DescribedStream(rig, L2T1);
    stream.picture([0, 2]);
    stream.picture([1, 3]);
    expect(got(rig).map(({ spatial, marker }) => [spatial, marker])).toEqual([
      [0, true],
      [0, true],
    ]);
    rig.advance(300);
    expect(rig.keyframes.length).toBe(1);
  });

  it('D2: a layer that the encoder says it stopped is left at once', () => {
    const rig = rigAt(1, 0);
    const stream = new DescribedStream(rig, L2T1);
    stream.picture([0, 2]);
    stream.picture([1, 3]);
    const asked = rig.keyframes.length;
    stream.picture([1], { active: 0b01 });
    stream.picture([1]);
    expect(got(rig).slice(-2)).toMatchObject([
      { spatial: 0, marker: true, mask: 0b01 },
      { spatial: 0, marker: true, mask: 0b01 },
    ]);
    rig.advance(300);
    expect(rig.keyframes.length).toBe(asked);
  });
});

describe('whatever is lost and in whatever order', () => {
  it.each([
    ['L1T3', L1T3, [0], GROUP.map((t) => [t])],
    ['L2T1', L2T1, [0, 2], [[1, 3]]],
    [
      'L2T2',
      L2T2,
      [0, 3],
      [
        [2, 5],
        [1, 4],
      ],
    ],
    ['L2T1_KEY', L2T1_KEY, [0, 2], [[1, 3]]],
  ] as const)('%s: no frame goes whose references were left out', (_, structure, key, cycle) => {
    const wrong: string[] = [];
    for (let seed = 1; seed <= 30; seed += 1) {
      const random = seededRandom(seed);
      const rig = rigAt(1, 2);
      const stream = new DescribedStream(rig, structure, Math.floor(random() * 65_536));
      const sent = new Set<number>();
      let offset = 0;
      let since = 0;
      for (let picture = 0; picture < 200; picture += 1) {
        if (random() < 0.1) rig.target(Math.floor(random() * 2), Math.floor(random() * 3));
        const isKey = picture === 0 || rig.keyframes.splice(0).length > 0;
        since = isKey ? 0 : since + 1;
        const templates = isKey ? key : (cycle[(since - 1) % cycle.length] ?? key);
        stream.picture(templates, random() < 0.03 && !isKey ? { lose: Math.floor(random() * 2) } : {});
        for (const { packet, frameNumber } of rig.take()) {
          const number = stream.numberOf(packet.seq);
          const references = structure.templates[(packet.dependencyDescriptor[0] ?? 0) & 63]?.frames ?? [];
          if (references.length === 0) offset = (frameNumber - number) & 0xffff;
          if (((frameNumber - number) & 0xffff) !== offset) wrong.push(`${seed}: distance at ${number}`);
          sent.add(number);
          for (const diff of references) {
            const reference = (number - diff) & 0xffff;
            if (!sent.has(reference) && !stream.lost.has(reference))
              wrong.push(`${seed}: ${number} without ${reference}`);
          }
        }
      }
      expect(sent.size).toBeGreaterThan(40);
    }
    expect(wrong).toEqual([]);
  });
});
