import { DEFAULT_LOCAL_TRACK_CONFIG, trackId } from '@switchyard/shared/protocol';
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../testing/seeded-random.ts';
import { SimulcastSource } from '../../testing/simulcast-source.ts';
import { VirtualYard } from '../../testing/virtual-yard.ts';

const FRAME_MS = 100 / 3;
const BITRATES = [150_000, 500_000, 1_500_000];

interface Rig {
  readonly yard: VirtualYard;
  readonly source: SimulcastSource;
  run(ms: number): void;
  observe(observe: boolean): void;
  /** What was told since the last call: per event its layers, as text. */
  told(): string[];
}

function rig(bitratesBps: readonly number[] = BITRATES): Rig {
  const yard = new VirtualYard();
  const random = new SeededRandom(1);
  yard.join(1, 'camera');
  yard.publish(1, 1, { layers: bitratesBps.map(() => ({})) });
  yard.join(2, 'viewer');
  const source = new SimulcastSource({ yard, endpoint: 1, track: 1, bitratesBps, random });
  let told = 0;
  const observe = (on: boolean): void =>
    yard.control(2, {
      type: 'local-track-attach',
      track: trackId(5),
      kind: 'video',
      source: { peer: 'camera', track: 'video_main' },
      config: DEFAULT_LOCAL_TRACK_CONFIG,
      observe: on,
    });
  observe(false);
  return {
    yard,
    source,
    observe,
    run: (ms) => {
      for (let left = ms; left > 0; left -= FRAME_MS) {
        source.frame();
        yard.advance(FRAME_MS);
      }
    },
    told: () => {
      const events = yard.told(2, 'source-layers').slice(told);
      told += events.length;
      return events.map(({ layers }) =>
        layers.map(({ spatial, temporal }) => `${spatial}.${temporal}`).join(' '),
      );
    },
  };
}
const ALL = '0.0 0.1 0.2 1.0 1.1 1.2 2.0 2.1 2.2';

describe('layers of an observed source', () => {
  test('are told once they are measured, with what each costs, and not again while they stay', () => {
    const { yard, run, observe, told } = rig();
    run(3000);
    expect(told()).toEqual([]);
    observe(true);
    run(1000);
    expect(told()).toEqual([ALL]);
    const { layers } = yard.told(2, 'source-layers')[0] ?? { layers: [] };
    for (const [spatial, bitrate] of BITRATES.entries()) {
      const sum = layers
        .filter((layer) => layer.spatial === spatial)
        .reduce((total, { bitrateBps }) => total + bitrateBps, 0);
      expect(sum / bitrate).toBeGreaterThan(0.8);
      expect(sum / bitrate).toBeLessThan(1.3);
    }
    run(10_000);
    expect(told()).toEqual([]);
  });

  test('are told when one goes or comes back, at most once a second', () => {
    const { source, run, observe, told } = rig();
    observe(true);
    run(5000);
    expect(told().at(-1)).toBe(ALL);
    source.broken.add(2);
    run(5000);
    const gone = told();
    expect(gone.at(-1)).toBe('0.0 0.1 0.2 1.0 1.1 1.2');
    expect(gone.length).toBeLessThanOrEqual(5);
    source.broken.clear();
    run(5000);
    expect(told().at(-1)).toBe(ALL);
  });

  test('are told of another source at once, and of none to who observes no more', () => {
    const { yard, run, observe, told } = rig();
    observe(true);
    run(4000);
    told();
    yard.control(1, { type: 'remote-track-stop', track: trackId(1) });
    run(1000);
    observe(false);
    told();
    yard.publish(1, 1, { layers: BITRATES.map(() => ({})) });
    run(5000);
    expect(told()).toEqual([]);
    observe(true);
    run(200);
    expect(told()).toEqual([ALL]);
  });

  test('observing again interrupts nothing', () => {
    const { yard, run, observe } = rig();
    run(3000);
    const before = yard.forwarded.at(-1)?.seq ?? 0;
    const keyframes = yard.told(1, 'remote-track-keyframe-request').length;
    observe(true);
    run(500);
    observe(false);
    run(500);
    expect(yard.told(1, 'remote-track-keyframe-request')).toHaveLength(keyframes);
    const seqs = yard.forwarded.filter(({ endpoint }) => endpoint === 2).map(({ seq }) => seq);
    for (const [index, seq] of seqs.slice(seqs.lastIndexOf(before)).entries())
      expect(seq).toBe((before + index) & 0xffff);
  });
});
