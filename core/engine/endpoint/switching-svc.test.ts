import type { MediaPacket } from '@switchyard/shared/media';
import { describe, expect, it, test } from 'vitest';
import { SwitchRig } from '../testing/switch-rig.ts';

/**
 * One packet that goes in: spatial, temporal, picture. `key`: of a keyframe. `sync`: U bit. `alone`: the frame is not
 * used by upper layers (Z). `part`: more of its frame follows.
 */
type In = readonly [s: number, t: number, picture: number, flags?: string];
/** seq, PictureID, marker; D for nothing. */
type Out = readonly [seq: number, pic: number, marker: boolean] | 'D';
type Step = readonly [In, Out] | { readonly target: readonly [spatial: number, temporal: number] };

/** Sends a VP9 SVC stream's packets one by one; the last packet of a picture has the marker. */
class Vp9Source {
  readonly #rig: SwitchRig;
  #seq = 65_530;
  constructor(rig: SwitchRig) {
    this.#rig = rig;
  }

  push([spatial, temporal, picture, flags = '']: In, top: number): void {
    const part = flags.includes('part');
    const packet: Partial<MediaPacket> = {
      codec: 'vp9',
      svc: true,
      spatial,
      temporal,
      seq: this.#seq,
      timestamp: picture * 3000,
      pictureId: picture & 0x7fff,
      pictureIdBits: 15,
      keyframe: flags.includes('key'),
      switchingPoint: flags.includes('sync'),
      notReference: flags.includes('alone'),
      frameStart: !flags.includes('rest'),
      frameEnd: !part,
      marker: !part && spatial === top,
    };
    this.#seq = (this.#seq + 1) & 0xffff;
    this.#rig.push(packet);
  }
}

function play(rig: SwitchRig, source: Vp9Source, top: number, steps: readonly Step[]): void {
  for (const step of steps) {
    if ('target' in step) {
      rig.target(...step.target);
      continue;
    }
    const [packet, out] = step;
    source.push(packet, top);
    const got = rig.take().map(({ seq, pictureId, marker }) => [seq, pictureId, marker]);
    expect(got, `after ${packet.join()}`).toEqual(out === 'D' ? [] : [out]);
  }
}

/** A keyframe and pictures, all layers; `alone` for K-SVC. */
function* pictures(from: number, count: number, layers: number, alone: boolean, key = false): Generator<In> {
  for (let picture = from; picture < from + count; picture += 1)
    for (let spatial = 0; spatial < layers; spatial += 1) {
      const isKey = key && picture === from;
      yield [spatial, 0, picture, `${isKey ? 'key' : ''}${alone && !isKey ? 'alone' : ''}`];
    }
}

function started(alone: boolean): { rig: SwitchRig; source: Vp9Source } {
  const rig = new SwitchRig();
  rig.attach();
  rig.target(2, 0);
  const source = new Vp9Source(rig);
  for (const packet of pictures(100, 12, 3, alone, true)) {
    source.push(packet, 2);
    rig.advance(11);
  }
  rig.take();
  return { rig, source };
}

describe('VP9 SVC (reference vectors; V5: PictureID keeps its distances)', () => {
  test.for<{ name: string; top: number; target: [number, number]; steps: Step[] }>([
    {
      name: 'V1, V4: layers up to the target, T2 left out, the marker on the top layer that goes',
      top: 2,
      target: [1, 1],
      steps: [
        [
          [0, 0, 0, 'key'],
          [1, 1, false],
        ],
        [
          [1, 0, 0, 'key'],
          [2, 1, true],
        ],
        [[2, 0, 0, 'key'], 'D'],
        [[0, 2, 1], 'D'],
        [[1, 2, 1], 'D'],
        [
          [0, 1, 2],
          [3, 3, false],
        ],
        [
          [1, 1, 2, 'part'],
          [4, 3, false],
        ],
        [
          [1, 1, 2, 'rest'],
          [5, 3, true],
        ],
        [[2, 1, 2], 'D'],
        [
          [0, 0, 4],
          [6, 5, false],
        ],
        [
          [1, 0, 4],
          [7, 5, true],
        ],
      ],
    },
    {
      name: 'V2: down at the next picture, without a keyframe',
      top: 1,
      target: [1, 0],
      steps: [
        [
          [0, 0, 0, 'key'],
          [1, 1, false],
        ],
        [
          [1, 0, 0, 'key part'],
          [2, 1, false],
        ],
        { target: [0, 0] },
        [
          [1, 0, 0, 'rest'],
          [3, 1, true],
        ],
        [
          [0, 0, 1],
          [4, 2, true],
        ],
        [[1, 0, 1], 'D'],
        [
          [0, 0, 2],
          [5, 3, true],
        ],
      ],
    },
    {
      name: 'T1, T2: temporal down at the next picture, up where U allows',
      top: 0,
      target: [0, 2],
      steps: [
        [
          [0, 0, 0, 'key'],
          [1, 1, true],
        ],
        [
          [0, 2, 1],
          [2, 2, true],
        ],
        { target: [0, 0] },
        [[0, 1, 2], 'D'],
        [
          [0, 0, 4],
          [3, 5, true],
        ],
        { target: [0, 2] },
        [[0, 2, 5], 'D'],
        [
          [0, 0, 8, 'sync'],
          [4, 9, true],
        ],
        [
          [0, 2, 9],
          [5, 10, true],
        ],
      ],
    },
    {
      name: 'V1: no way up without a keyframe',
      top: 1,
      target: [0, 0],
      steps: [
        [
          [0, 0, 0, 'key'],
          [1, 1, true],
        ],
        [[1, 0, 0, 'key'], 'D'],
        { target: [1, 0] },
        [
          [0, 0, 1],
          [2, 2, true],
        ],
        [[1, 0, 1], 'D'],
        [
          [0, 0, 2, 'key'],
          [3, 3, false],
        ],
        [
          [1, 0, 2, 'key'],
          [4, 3, true],
        ],
      ],
    },
  ])('$name', ({ top, target, steps }) => {
    const rig = new SwitchRig();
    rig.attach();
    rig.target(...target);
    play(rig, new Vp9Source(rig), top, steps);
  });

  it('V2: full SVC asks for no keyframe on the way down', () => {
    const { rig, source } = started(false);
    const asked = rig.keyframes.length;
    rig.target(0, 0);
    for (const packet of pictures(112, 10, 3, false)) {
      source.push(packet, 2);
      rig.advance(11);
    }
    expect(rig.keyframes.length).toBe(asked);
    expect(rig.take().every(({ packet, marker }) => packet.spatial === 0 && marker)).toBe(true);
  });

  it('V3: K-SVC sends the own layer only between keyframes, and goes down by a keyframe', () => {
    const { rig, source } = started(true);
    for (const packet of pictures(112, 5, 3, true)) source.push(packet, 2);
    expect(rig.take().map(({ packet }) => packet.spatial)).toEqual([2, 2, 2, 2, 2]);
    expect(rig.track.drops['lower-layer']).toBeGreaterThan(0);
    const asked = rig.keyframes.length;
    rig.target(0, 0);
    for (const packet of pictures(117, 5, 3, true)) {
      source.push(packet, 2);
      rig.advance(11);
    }
    expect(rig.keyframes.length).toBeGreaterThan(asked);
    expect(rig.take().every(({ packet }) => packet.spatial === 2)).toBe(true);
    for (const packet of pictures(122, 3, 3, true, true)) source.push(packet, 2);
    expect(rig.take().map(({ packet, marker }) => [packet.spatial, marker])).toEqual([
      [0, true],
      [0, true],
      [0, true],
    ]);
  });

  it('V3: a stream that stops being K-SVC is repaired by a keyframe', () => {
    const { rig, source } = started(true);
    const asked = rig.keyframes.length;
    for (const packet of pictures(112, 10, 3, false)) {
      source.push(packet, 2);
      rig.advance(11);
    }
    expect(rig.keyframes.length).toBeGreaterThan(asked);
  });

  it('E3: a top layer that dies leaves the next one, without a keyframe in full SVC', () => {
    const { rig, source } = started(false);
    const asked = rig.keyframes.length;
    for (const packet of pictures(112, 60, 2, false)) {
      source.push(packet, 1);
      rig.advance(16);
    }
    expect(rig.track.current?.spatial).toBe(1);
    expect(rig.keyframes.length).toBe(asked);
    expect(rig.take().at(-1)).toMatchObject({ marker: true, packet: { spatial: 1 } });
  });
});
