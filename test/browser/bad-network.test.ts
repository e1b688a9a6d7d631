import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath } from '../harness/chromium.ts';
import { SCENARIOS, type ScenarioResult } from '../harness/netem/bad-network-scenarios.ts';
import { BadNetworkStage } from '../harness/netem/bad-network-stage.ts';

/** Of the machine's own hiccups, which this file cannot tell from the network's. */
const FALL_GAP_MAX_MS = 2500;
const GAP_MAX_MS = 1500;

describe.skipIf(chromiumPath() === undefined)('viewers on bad networks, in Chromium', () => {
  let stage: BadNetworkStage;

  const play = async (name: string): Promise<ScenarioResult[]> => {
    const scenario = SCENARIOS.find((each) => each.name === name);
    if (scenario === undefined) throw new Error(`no scenario ${name}`);
    return await scenario.play(stage);
  };
  /** What every viewer is owed, whatever its network. */
  const expectWatchable = (result: ScenarioResult | undefined, gapMaxMs = GAP_MAX_MS): void => {
    expect(result?.longestGapMs).toBeLessThan(gapMaxMs);
    expect(result?.framesPerSecond).toBeGreaterThan(5);
  };

  beforeAll(async () => {
    stage = await BadNetworkStage.open();
  });

  afterAll(async () => {
    await stage?.close();
  });

  it('5 % loss: no freeze, and little of the sound is made up', async () => {
    const [result] = await play('5 % loss');
    expectWatchable(result);
    expect(result?.audioConcealed).toBeLessThan(0.06);
  });

  it('a limit of 400 kbps: a picture that fits, and a short queue', async () => {
    const [result] = await play('limit of 400 kbps');
    expectWatchable(result);
    expect(result?.queueP95Ms).toBeLessThan(250);
    expect(result?.audioConcealed).toBeLessThan(0.06);
  });

  it('a limit that goes again: the top layer is back within 20 s', async () => {
    const [result] = await play('limit of 500 kbps that comes and goes');
    // The fall from 8 Mbps is part of it: the picture stands for 0.4 to 1.5 s.
    expectWatchable(result, FALL_GAP_MAX_MS);
    expect(result?.recoveryMs).toBeLessThan(20_000);
  });

  it('200 ms of delay with 50 ms of jitter: the picture goes on', async () => {
    const [result] = await play('200 ms delay, 50 ms jitter');
    expectWatchable(result);
  });

  it('two viewers behind one bottleneck: both see the picture', async () => {
    const results = await play('two behind 2 Mbps');
    expect(results).toHaveLength(2);
    for (const result of results) {
      expectWatchable(result);
      expect(result.queueP95Ms).toBeLessThan(250);
    }
  });

  it('a viewer on a clean path does not notice one on a bad path', async () => {
    const [clean] = await play('clean beside bad');
    expectWatchable(clean);
    expect(clean?.audioConcealed).toBeLessThan(0.02);
    expect(clean?.packetsLost).toBe(0);
  });
});
