import type { Codec, MediaPacket } from '@switchyard/shared/media';
import type { RemoteTrackInfo } from '@switchyard/shared/protocol';
import { describe, expect, it, test } from 'vitest';
import { SwitchRig } from '../testing/switch-rig.ts';

/** One packet that goes in: spatial, temporal, seq, TL0PICIDX, PictureID. */
type In = readonly [s: number, t: number, seq: number, tl0: number, pic: number, flags?: 'key' | 'sync'];
/** What the viewer gets: seq, TL0PICIDX, PictureID; D for nothing. */
type Out = readonly [seq: number, tl0: number, pic: number] | 'D';
type Step = readonly [In, Out] | { readonly target: readonly [spatial: number, temporal: number] };

const vp8 = ([spatial, temporal, seq, tl0PicIdx, pictureId, flags]: In): Partial<MediaPacket> => ({
  spatial,
  temporal,
  seq,
  tl0PicIdx,
  pictureId,
  pictureIdBits: 15,
  keyframe: flags === 'key',
  switchingPoint: flags !== undefined,
  timestamp: pictureId * 3000,
});

/** A rig whose source is known to send these encodings: the allocator chooses among what it has measured. */
function rigWith(layers: readonly number[], codec: Codec = 'vp8', seqs: readonly number[] = []): SwitchRig {
  const rig = new SwitchRig();
  for (const spatial of layers)
    rig.push({
      codec,
      spatial,
      seq: seqs[spatial] ?? 60_000,
      timestamp: 1,
      pictureId: 30_000,
      pictureIdBits: 15,
    });
  rig.attach();
  rig.advance(30);
  return rig;
}

describe('VP8 simulcast with temporal layers (reference vectors)', () => {
  test.for<{ name: string; layers: number[]; target: [number, number]; steps: Step[] }>([
    {
      name: 'S2, T3: the target encoding and what is above its temporal target',
      layers: [0, 1],
      target: [1, 1],
      steps: [
        [[0, 0, 0, 0, 0, 'key'], 'D'],
        [
          [1, 0, 10, 0, 0, 'key'],
          [1, 1, 1],
        ],
        [
          [1, 1, 11, 0, 1],
          [2, 1, 2],
        ],
        [
          [1, 1, 12, 0, 1],
          [3, 1, 2],
        ],
        [[1, 2, 13, 0, 2], 'D'],
        [[1, 2, 14, 0, 2], 'D'],
        [
          [1, 0, 15, 1, 3],
          [4, 2, 3],
        ],
        [
          [1, 1, 16, 1, 4],
          [5, 2, 4],
        ],
      ],
    },
    {
      name: 'T2: up at a base layer frame that says so',
      layers: [0],
      target: [0, 0],
      steps: [
        [
          [0, 0, 0, 0, 0, 'key'],
          [1, 1, 1],
        ],
        [[0, 1, 1, 0, 1], 'D'],
        [[0, 2, 2, 0, 2], 'D'],
        { target: [0, 2] },
        [
          [0, 0, 3, 1, 3],
          [2, 2, 2],
        ],
        [[0, 1, 4, 1, 4], 'D'],
        [[0, 2, 5, 1, 5], 'D'],
        [
          [0, 0, 6, 2, 6, 'sync'],
          [3, 3, 3],
        ],
        [
          [0, 1, 7, 2, 7],
          [4, 3, 4],
        ],
        [
          [0, 2, 8, 2, 8],
          [5, 3, 5],
        ],
      ],
    },
    {
      name: 'T2: up layer by layer, at frames that say so (RFC 7741, Y)',
      layers: [0],
      target: [0, 0],
      steps: [
        [
          [0, 0, 0, 0, 0, 'key'],
          [1, 1, 1],
        ],
        { target: [0, 2] },
        [[0, 2, 1, 0, 1], 'D'],
        [
          [0, 1, 2, 0, 2, 'sync'],
          [2, 1, 2],
        ],
        [[0, 2, 3, 0, 3], 'D'],
        [
          [0, 0, 4, 1, 4],
          [3, 2, 3],
        ],
        [
          [0, 2, 5, 1, 5, 'sync'],
          [4, 2, 4],
        ],
      ],
    },
    {
      name: 'T1: down at the next frame',
      layers: [0],
      target: [0, 2],
      steps: [
        [
          [0, 0, 0, 0, 0, 'key'],
          [1, 1, 1],
        ],
        [
          [0, 1, 1, 0, 1],
          [2, 1, 2],
        ],
        [
          [0, 2, 2, 0, 2],
          [3, 1, 3],
        ],
        { target: [0, 0] },
        [
          [0, 0, 3, 1, 3],
          [4, 2, 4],
        ],
        [[0, 1, 4, 1, 4], 'D'],
        [[0, 2, 5, 1, 5], 'D'],
        [
          [0, 0, 6, 2, 6],
          [5, 3, 5],
        ],
      ],
    },
    {
      name: 'E1, E2: up to another encoding',
      layers: [0, 1],
      target: [0, 0],
      steps: [
        [
          [0, 0, 0, 0, 0, 'key'],
          [1, 1, 1],
        ],
        [[0, 1, 1, 0, 1], 'D'],
        [[0, 2, 2, 0, 2], 'D'],
        { target: [1, 2] },
        [
          [0, 0, 3, 1, 3, 'sync'],
          [2, 2, 2],
        ],
        [
          [0, 1, 4, 1, 4],
          [3, 2, 3],
        ],
        [
          [0, 2, 5, 1, 5],
          [4, 2, 4],
        ],
        [
          [1, 0, 20, 0, 0, 'key'],
          [5, 3, 5],
        ],
        [[0, 0, 6, 2, 6], 'D'],
        [
          [1, 1, 21, 0, 1],
          [6, 3, 6],
        ],
        [
          [1, 1, 22, 0, 1],
          [7, 3, 6],
        ],
        [
          [1, 2, 23, 0, 2],
          [8, 3, 7],
        ],
      ],
    },
    {
      name: 'E1, E2: down to another encoding, which takes its lowest temporal layer on the way',
      layers: [0, 1],
      target: [1, 2],
      steps: [
        [
          [1, 0, 10, 0, 0, 'key'],
          [1, 1, 1],
        ],
        [
          [1, 1, 11, 0, 1],
          [2, 1, 2],
        ],
        [
          [1, 2, 12, 0, 2],
          [3, 1, 3],
        ],
        { target: [0, 2] },
        [
          [1, 0, 13, 1, 3],
          [4, 2, 4],
        ],
        [[1, 1, 14, 1, 4], 'D'],
        [[0, 0, 5, 7, 0], 'D'],
        [
          [0, 0, 6, 8, 1, 'key'],
          [5, 3, 5],
        ],
        [[1, 0, 15, 2, 5], 'D'],
        [
          [0, 1, 7, 8, 2],
          [6, 3, 6],
        ],
        [
          [0, 2, 8, 8, 3],
          [7, 3, 7],
        ],
      ],
    },
    {
      name: 'S2: a keyframe of another encoding does not complete a switch',
      layers: [0, 1, 2],
      target: [0, 2],
      steps: [
        [
          [0, 0, 0, 0, 0, 'key'],
          [1, 1, 1],
        ],
        { target: [2, 2] },
        [[1, 0, 50, 9, 9, 'key'], 'D'],
        [
          [0, 0, 1, 1, 1],
          [2, 2, 2],
        ],
        [
          [2, 0, 90, 4, 4, 'key'],
          [3, 3, 3],
        ],
      ],
    },
    {
      name: 'C2: counters wrap, 15 and 8 bits',
      layers: [0],
      target: [0, 2],
      steps: [
        [
          [0, 0, 65_535, 255, 32_767, 'key'],
          [1, 1, 1],
        ],
        [
          [0, 0, 0, 0, 0],
          [2, 2, 2],
        ],
        [
          [0, 0, 1, 1, 1],
          [3, 3, 3],
        ],
      ],
    },
  ])('$name', ({ layers, target, steps }) => {
    const rig = rigWith(layers);
    rig.target(...target);
    for (const step of steps) {
      if ('target' in step) {
        rig.target(...step.target);
        rig.advance(20);
        continue;
      }
      const [packet, out] = step;
      rig.push(vp8(packet));
      const got = rig.take().map(({ seq, tl0PicIdx, pictureId }) => [seq, tl0PicIdx, pictureId]);
      expect(got, `after ${packet.join()}`).toEqual(out === 'D' ? [] : [out]);
      rig.advance(20);
    }
  });
});

describe('keyframes', () => {
  it('S1: one that is waited for is asked for at once and every 100 ms', () => {
    const rig = new SwitchRig();
    const startMs = rig.nowMs;
    rig.attach();
    rig.push({ seq: 1 });
    rig.advance(1);
    rig.advance(249);
    expect(rig.keyframes.map(({ atMs }) => Math.round(atMs - startMs))).toEqual([0, 101, 201]);
    rig.push({ seq: 2, keyframe: true });
    rig.advance(500);
    expect(rig.keyframes.length).toBe(3);
    expect(rig.track.drops['waiting-for-keyframe']).toBe(1);
  });

  it('S3: one whose first packet comes late is not taken', () => {
    const rig = new SwitchRig();
    rig.attach();
    const picture = { timestamp: 9000, marker: false };
    rig.push({ seq: 10, timestamp: 6000 });
    rig.push({ seq: 12, ...picture, frameStart: false });
    rig.push({ seq: 11, ...picture, keyframe: true });
    expect(rig.sent).toEqual([]);
    rig.push({ seq: 13, timestamp: 12_000, keyframe: true });
    expect(rig.sent.length).toBe(1);
  });

  it('S3: H.264 whose parameter sets are missing is not taken', () => {
    const rig = new SwitchRig();
    rig.attach();
    rig.push({ codec: 'h264', seq: 10, timestamp: 6000 });
    rig.push({ codec: 'h264', seq: 12, timestamp: 9000, keyframe: true });
    expect(rig.sent).toEqual([]);
    rig.push({ codec: 'h264', seq: 13, timestamp: 12_000, keyframe: true, marker: false });
    rig.push({ codec: 'h264', seq: 14, timestamp: 12_000, keyframe: true });
    expect(rig.sent.map(({ seq }) => seq)).toEqual([1, 2]);
  });
});

describe('H.264 simulcast (reference vector)', () => {
  it('moves on keyframes, with continuous numbers and times', () => {
    const rig = rigWith([0, 1], 'h264', [65_535, 5]);
    rig.target(0, 0);
    const frame = (spatial: number, seq: number, picture: number, keyframe = false): void =>
      rig.push({
        codec: 'h264',
        spatial,
        seq,
        timestamp: picture * 2700 + spatial * 1_000_000,
        captureMs: 1_800_000_000_000 + picture * 30,
        keyframe,
      });
    frame(0, 0, 0, true);
    frame(0, 1, 1);
    rig.target(1, 0);
    frame(0, 2, 2);
    frame(0, 3, 3, true);
    frame(1, 6, 3, true);
    frame(1, 7, 3);
    expect(rig.take().map(({ seq, timestamp, packet }) => [packet.spatial, seq, timestamp])).toEqual([
      [0, 1, 0],
      [0, 2, 2700],
      [0, 3, 5400],
      [0, 4, 8100],
      [1, 5, 8100 + 2970],
      [1, 6, 8100 + 2970],
    ]);
  });
});

describe('the seam', () => {
  const keyOf = (spatial: number, seq: number, more: Partial<MediaPacket> = {}): Partial<MediaPacket> => ({
    spatial,
    seq,
    keyframe: true,
    timestamp: seq * 90,
    ...more,
  });

  it('E4: leaves one number out when the last picture was not complete, and none when it was', () => {
    for (const [marker, expected] of [
      [true, [1, 2]],
      [false, [1, 3]],
    ] as const) {
      const rig = rigWith([0, 1]);
      rig.target(0, 2);
      rig.push(keyOf(0, 5, { marker }));
      rig.advance(100);
      rig.target(1, 2);
      rig.push(keyOf(1, 900));
      expect(rig.take().map(({ seq }) => seq)).toEqual(expected);
    }
  });

  it('E5: lets one keyframe go that would bring the stream more than 75 ms ahead, and asks for another', () => {
    const rig = rigWith([0, 1]);
    rig.target(0, 2);
    rig.push(keyOf(0, 5));
    rig.target(1, 2);
    rig.push(keyOf(1, 900, { captureMs: rig.nowMs - 100 }));
    expect(rig.take().length).toBe(1);
    const asked = rig.keyframes.length;
    rig.advance(150);
    expect(rig.keyframes.length).toBeGreaterThan(asked);
    rig.push(keyOf(0, 6, { keyframe: false, timestamp: 450 + 150 * 90 }));
    const [before] = rig.take();
    rig.push(keyOf(1, 930, { captureMs: rig.nowMs - 100 }));
    const [after] = rig.take();
    expect((after?.timestamp ?? 0) - (before?.timestamp ?? 0)).toBe(1);
    expect(after?.packet.spatial).toBe(1);
  });

  it('E3: leaves an encoding that died within 500 ms and a keyframe', () => {
    const rig = rigWith([0, 1]);
    rig.target(1, 2);
    rig.push(keyOf(0, 1));
    rig.push(keyOf(1, 900));
    rig.take();
    const diedMs = rig.nowMs;
    let seq = 2;
    while (rig.keyframes.every(({ spatial, atMs }) => spatial !== 0 || atMs <= diedMs)) {
      rig.advance(30);
      rig.push(keyOf(0, seq, { keyframe: false }));
      seq += 1;
      expect(rig.nowMs - diedMs).toBeLessThan(600);
    }
    expect(rig.nowMs - diedMs).toBeGreaterThan(480);
    rig.push(keyOf(0, seq));
    expect(rig.take().at(-1)?.packet.spatial).toBe(0);
    expect(rig.counters.switches).toEqual(Float64Array.of(0, 1, 1));
  });

  it('E3: leaves an encoding that its publisher says is off at once, and comes back when it is on', () => {
    const rig = rigWith([0, 1]);
    const info = (active: boolean): RemoteTrackInfo => ({
      name: 'video_main',
      kind: 'video',
      codec: 'vp8',
      layers: [{ rid: 'l' }, { rid: 'h', active }],
    });
    rig.fan.info = info(true);
    rig.target(1, 2);
    rig.push(keyOf(0, 1));
    rig.push(keyOf(1, 900));
    rig.take();
    const offMs = rig.nowMs;
    rig.fan.info = info(false);
    rig.advance(110);
    expect(rig.keyframes.some(({ spatial, atMs }) => spatial === 0 && atMs > offMs)).toBe(true);
    rig.push(keyOf(0, 2));
    expect(rig.take().map(({ packet }) => packet.spatial)).toEqual([0]);
    // A straggler does not bring it back by being there: its keyframe does.
    rig.push(keyOf(1, 901, { keyframe: false }));
    rig.fan.info = info(true);
    rig.push(keyOf(0, 3, { keyframe: false }));
    rig.push(keyOf(1, 902));
    expect(rig.take().map(({ packet }) => packet.spatial)).toEqual([0, 1]);
  });

  it('E3: a source that sends a picture a second is slow, not dead', () => {
    const rig = rigWith([0, 1]);
    rig.target(1, 2);
    rig.push(keyOf(0, 1));
    rig.push(keyOf(1, 900));
    const asked = rig.keyframes.length;
    for (let i = 0; i < 20; i += 1) {
      rig.advance(1000);
      rig.push(keyOf(0, 2 + i, { keyframe: false }));
      rig.advance(10);
      rig.push(keyOf(1, 901 + i, { keyframe: false }));
    }
    expect(rig.keyframes.length).toBe(asked);
    expect(rig.take().at(-1)?.packet.spatial).toBe(1);
  });

  it('E6: a stream whose numbers jump begins anew', () => {
    const rig = rigWith([0]);
    rig.push(keyOf(0, 5));
    rig.push(keyOf(0, 40_000, { keyframe: false }));
    rig.push(keyOf(0, 40_001, { keyframe: false }));
    rig.advance(120);
    expect(rig.keyframes.length).toBeGreaterThan(0);
    rig.push(keyOf(0, 40_002));
    expect(rig.take().map(({ seq }) => seq)).toEqual([1, 2]);
  });

  it('T4: what is left out late goes as padding, and nothing comes twice', () => {
    const rig = rigWith([0]);
    rig.target(0, 0);
    rig.push(vp8([0, 0, 1, 1, 1, 'key']));
    rig.push(vp8([0, 0, 3, 2, 3]));
    rig.push(vp8([0, 1, 2, 1, 2]));
    rig.push(vp8([0, 0, 3, 2, 3]));
    rig.push(vp8([0, 0, 4, 3, 4]));
    expect(rig.take().map(({ seq, empty }) => [seq, empty])).toEqual([
      [1, false],
      [3, false],
      [2, true],
      [4, false],
    ]);
    expect(rig.track.drops).toMatchObject({ duplicate: 1, 'temporal-layer': 1, late: 0 });
  });

  it('C1: codecs follow each other on one slot', () => {
    const rig = new SwitchRig();
    rig.attach();
    const timestamps: number[] = [];
    const codecs: readonly Codec[] = ['vp8', 'h264', 'vp9', 'av1', 'vp8'];
    for (const [i, codec] of codecs.entries()) {
      rig.attach(rig.newFan());
      rig.push({ codec, seq: i * 9000, timestamp: i * 77_777_777 + 1 });
      rig.push({
        codec,
        seq: i * 9000 + 1,
        timestamp: i * 77_777_777 + 3001,
        keyframe: true,
        pictureId: codec.startsWith('vp') ? i * 100 : -1,
        pictureIdBits: codec.startsWith('vp') ? 15 : 0,
        tl0PicIdx: codec.startsWith('vp') ? i * 10 : -1,
      });
      rig.advance(40);
    }
    const sent = rig.take();
    for (const { timestamp } of sent) timestamps.push(timestamp);
    expect(sent.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
    expect(sent.filter(({ packet }) => packet.pictureId >= 0).map((s) => [s.pictureId, s.tl0PicIdx])).toEqual(
      [
        [1, 1],
        [2, 2],
        [3, 3],
      ],
    );
    expect(timestamps.map((each) => (each - (timestamps[0] ?? 0)) >>> 0)).toEqual([
      0, 3600, 7200, 10_800, 14_400,
    ]);
  });

  it('a paused track counts what it does not get', () => {
    const rig = rigWith([0]);
    rig.track.setTarget(-1, -1, 0, 'estimate', rig.nowMs);
    rig.push(keyOf(0, 5));
    expect(rig.take()).toEqual([]);
    expect(rig.track.drops.paused).toBe(1);
  });
});
