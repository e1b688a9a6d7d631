import { CLEAN_LINK, type LinkProfile } from '@switchyard/shared/netem';
import { describe, expect, it } from 'vitest';
import { ladderChooser, SimulatedViewer } from '../../gateways/webrtc/testing/simulated-viewer.ts';
import { RoomUnderPressure } from './room-under-pressure.ts';

const SEEDS = 200;
const LADDER = [150_000, 500_000, 1_000_000, 2_500_000];
/** Simulcast as browsers send it. */
const SIMULCAST = [150_000, 500_000, 2_500_000];
/** Constant, but nothing about it is quiet. */
const NOISY: LinkProfile = { ...CLEAN_LINK, delayMs: 40, jitterMs: 10, loss: 0.01 };

const percentile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? 0;

describe(`congestion control over ${SEEDS} seeds`, () => {
  it('engine, estimate and pacer together do not flap on a noisy but constant path', {
    timeout: 300_000,
  }, () => {
    const switches: number[] = [];
    const queues: number[] = [];
    const losses: number[] = [];
    for (let seed = 0; seed < SEEDS; seed += 1) {
      // From what carries hardly more than the lowest encoding to what carries all but the highest.
      const rateBps = 350_000 + (seed % 25) * 80_000;
      const room = new RoomUnderPressure(seed, { ...NOISY, rateBps }, SIMULCAST);
      room.viewer.run(15_000);
      room.switches = 0;
      const minute = room.viewer.run(60_000);
      switches.push(room.switches);
      queues.push(minute.queueP95Ms);
      losses.push(minute.lossShare);
    }
    expect(Math.max(...switches)).toBeLessThanOrEqual(4);
    expect(percentile(queues, 0.9)).toBeLessThan(150);
    expect(percentile(losses, 0.95)).toBeLessThan(0.03);
  });

  it('the top encoding is back within 15 seconds after a limit ends', () => {
    const late: number[] = [];
    for (let seed = 0; seed < SEEDS; seed += 4) {
      const room = new RoomUnderPressure(seed, { ...NOISY, rateBps: 6_000_000, loss: 0 }, SIMULCAST);
      room.viewer.run(8000);
      room.viewer.change({ rateBps: 400_000 });
      room.viewer.run(15_000);
      expect(room.spatial).toBeLessThan(2);
      room.viewer.change({ rateBps: 6_000_000 });
      let seconds = 0;
      while (room.spatial < 2 && seconds < 30) {
        room.viewer.run(500);
        seconds += 0.5;
      }
      late.push(seconds);
    }
    expect(Math.max(...late)).toBeLessThanOrEqual(15);
  });

  it.each([0.05, 0.1])('random loss of %d holds nobody at the lowest encoding', (loss) => {
    const climbsMs: number[] = [];
    const aboveShares: number[] = [];
    for (let seed = 0; seed < SEEDS; seed += 4) {
      const room = new RoomUnderPressure(seed, { ...CLEAN_LINK, delayMs: 20, rateBps: 8e6, loss }, SIMULCAST);
      // From the bottom: as after a limit that has gone.
      room.viewer.change({ rateBps: 140_000 });
      room.viewer.run(15_000);
      expect(room.spatial).toBe(0);
      room.viewer.change({ rateBps: 8_000_000 });
      let ms = 0;
      for (; room.spatial < 1 && ms < 60_000; ms += 100) room.viewer.run(100);
      climbsMs.push(ms);
      let above = 0;
      for (let i = 0; i < 200; i += 1) {
        room.viewer.run(100);
        if (room.spatial > 0) above += 1;
      }
      aboveShares.push(above / 200);
    }
    expect(percentile(climbsMs, 0.5)).toBeLessThan(10_000);
    expect(percentile(climbsMs, 0.9)).toBeLessThan(15_000);
    expect(Math.max(...climbsMs)).toBeLessThan(40_000);
    expect(percentile(aboveShares, 0.05)).toBeGreaterThan(0.9);
  });

  it('a plain choice by the estimate alone seldom flaps', () => {
    const switches: number[] = [];
    const use: number[] = [];
    for (let seed = 0; seed < SEEDS; seed += 1) {
      const viewer = new SimulatedViewer({
        seed,
        path: { ...NOISY, rateBps: 1_400_000 },
        ladder: LADDER,
        choose: ladderChooser(LADDER),
      });
      viewer.run(10_000);
      const minute = viewer.run(60_000);
      switches.push(minute.switches);
      use.push(minute.estimateBps / 1_400_000);
    }
    expect(percentile(switches, 0.95)).toBeLessThanOrEqual(4);
    expect(percentile(use, 0.02)).toBeGreaterThan(0.6);
  });

  it('the capacity of any path is found within ten seconds, and its queue stays short', () => {
    const shares: number[] = [];
    const queues: number[] = [];
    for (let seed = 0; seed < SEEDS; seed += 1) {
      const rateBps = 300_000 + (seed % 20) * 110_000;
      const viewer = new SimulatedViewer({
        seed,
        path: { ...CLEAN_LINK, rateBps, delayMs: 10 + (seed % 7) * 15, jitterMs: seed % 4 },
        ladder: LADDER,
        choose: ladderChooser(LADDER),
      });
      viewer.run(10_000);
      const steady = viewer.run(10_000);
      shares.push(steady.estimateBps / Math.min(rateBps, 2_600_000));
      queues.push(steady.queueP95Ms);
    }
    expect(percentile(shares, 0.05)).toBeGreaterThan(0.7);
    expect(percentile(shares, 0.5)).toBeGreaterThan(0.8);
    expect(percentile(shares, 0.98)).toBeLessThan(1.4);
    expect(percentile(queues, 0.95)).toBeLessThan(150);
  });
});
