import { CLEAN_LINK, LINK_PRESETS, type LinkProfile } from '@switchyard/shared/netem';
import { describe, expect, it, test } from 'vitest';
import { ladderChooser, SimulatedViewer } from '../../testing/simulated-viewer.ts';

const LADDER = [150_000, 500_000, 1_000_000, 2_500_000];

const viewer = (
  seed: number,
  path: Partial<LinkProfile>,
  crossBps?: (nowMs: number) => number,
): SimulatedViewer =>
  new SimulatedViewer({
    seed,
    path: { ...CLEAN_LINK, delayMs: 20, rateBps: 10_000_000, ...path },
    ladder: LADDER,
    choose: ladderChooser(LADDER),
    ...(crossBps === undefined ? {} : { crossBps }),
  });
/** Value below which `share` of all lie. */
const percentile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? 0;

describe('an estimate over traces with known right answers', () => {
  it('is at the top within two seconds on a path that carries it', () => {
    const clean = viewer(1, {});
    clean.run(2000);
    expect(clean.layer).toBe(3);
    expect(clean.estimate.bitrateBps).toBeGreaterThan(2_900_000);
  });

  it('step down: falls to the new capacity, its queue drains, and it stays there', () => {
    const down = viewer(2, {});
    down.run(8000);
    down.change({ rateBps: 1_000_000 });
    down.run(3000);
    const steady = down.run(20_000);
    expect(steady.estimateBps).toBeGreaterThan(750_000);
    expect(steady.estimateBps).toBeLessThan(1_050_000);
    expect(steady.queueP95Ms).toBeLessThan(60);
    expect(steady.lossShare).toBeLessThan(0.01);
  });

  it('step up: the top layer is back within 12 seconds, though only a fraction was sent', () => {
    const up = viewer(3, { rateBps: 400_000 });
    const limited = up.run(20_000);
    expect(limited.estimateBps).toBeGreaterThan(300_000);
    expect(limited.estimateBps).toBeLessThan(420_000);
    expect(limited.queueP95Ms).toBeLessThan(150);
    up.change({ rateBps: 10_000_000 });
    up.run(12_000);
    expect(up.layer).toBe(3);
  });

  it('sawtooth: follows a limit that comes and goes without standing queues', () => {
    const saw = viewer(4, {});
    const queues: number[] = [];
    const losses: number[] = [];
    for (let i = 0; i < 6; i += 1) {
      saw.change({ rateBps: i % 2 === 0 ? 3_500_000 : 800_000 });
      saw.run(3000);
      const steady = saw.run(7000);
      queues.push(steady.queueP95Ms);
      losses.push(steady.lossShare);
      if (i % 2 === 1) expect(steady.estimateBps).toBeLessThan(900_000);
    }
    expect(Math.max(...queues)).toBeLessThan(150);
    expect(percentile(losses, 0.5)).toBeLessThan(0.01);
  });

  it('cross traffic: leaves room for it and takes it back', () => {
    const shared = viewer(5, { rateBps: 3_000_000 }, (nowMs) =>
      nowMs > 10_000 && nowMs < 30_000 ? 1_800_000 : 0,
    );
    shared.run(14_000);
    const beside = shared.run(15_000);
    expect(beside.queueP95Ms).toBeLessThan(100);
    expect(beside.lossShare).toBeLessThan(0.02);
    shared.run(16_000);
    expect(shared.estimate.bitrateBps).toBeGreaterThan(2_000_000);
  });

  it('another path: begins at the start value, and finds what the new one carries', () => {
    const moved = viewer(9, {});
    moved.run(6000);
    expect(moved.estimate.bitrateBps).toBeGreaterThan(2_900_000);
    moved.change({ rateBps: 1_200_000, delayMs: 60 });
    moved.estimate.pathChanged(moved.nowMs);
    expect(moved.estimate.bitrateBps).toBe(600_000);
    moved.run(8000);
    const steady = moved.run(8000);
    expect(steady.estimateBps).toBeGreaterThan(800_000);
    expect(steady.queueP95Ms).toBeLessThan(100);
  });

  test.for([0.02, 0.05])('wireless loss of %d does not cost the top layer', (loss) => {
    const wireless = viewer(6, { loss });
    wireless.run(10_000);
    const steady = wireless.run(20_000);
    expect(steady.layer).toBe(3);
    expect(steady.switches).toBe(0);
  });

  it('ten in a hundred lost at random leaves a middle layer', () => {
    const wireless = viewer(7, { loss: 0.1 });
    wireless.run(5000);
    expect(wireless.run(20_000).estimateBps).toBeGreaterThan(600_000);
  });

  test.for(Object.keys(LINK_PRESETS) as (keyof typeof LINK_PRESETS)[])(
    'preset %s: most of the path is found, and its queue stays short',
    (name) => {
      const path = LINK_PRESETS[name];
      const preset = viewer(8, path);
      preset.run(15_000);
      const steady = preset.run(30_000);
      // Above what the ladder needs nothing is looked for.
      const useful = Math.min(path.rateBps, 2_600_000);
      expect(steady.estimateBps).toBeGreaterThan(0.75 * useful);
      expect(steady.queueP95Ms).toBeLessThan(150);
    },
  );
});
