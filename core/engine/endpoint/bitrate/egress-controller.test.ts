import { trackId } from '@switchyard/shared/protocol';
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../testing/seeded-random.ts';
import { SimulcastSource } from '../../../testing/simulcast-source.ts';
import { VirtualYard } from '../../../testing/virtual-yard.ts';

const FRAME_MS = 100 / 3;
const CAMERA = [150_000, 500_000, 1_500_000];

interface Layer {
  readonly spatial: number;
  readonly temporal: number;
}

interface Viewing {
  readonly yard: VirtualYard;
  readonly source: SimulcastSource;
  readonly random: SeededRandom;
  /** Bits per second that reach the viewer now, over the last second. */
  readonly receivedBps: () => number;
  /** Runs until `untilMs`, with the estimate of each 100 ms and whether it comes with a warning. */
  run(untilMs: number, estimate: (atMs: number) => number, congested?: (atMs: number) => boolean): void;
  /** Decisions of the allocator and when, since the last call. */
  decisions(): { readonly atMs: number; readonly target: Layer | null }[];
}

/** A viewer of one camera. */
function view(seed: number, bitratesBps: readonly number[] = CAMERA, variation = 0.2): Viewing {
  const yard = new VirtualYard();
  yard.isForgetful = true;
  const random = new SeededRandom(seed);
  yard.join(1, 'camera');
  yard.publish(1, 1, { layers: bitratesBps.map(() => ({})) });
  yard.join(2, 'viewer');
  const source = new SimulcastSource({ yard, endpoint: 1, track: 1, bitratesBps, random, variation });
  const startMs = yard.nowMs;
  let decisions: { atMs: number; target: Layer | null }[] = [];
  let last = '';
  const next = yard.onEvent;
  yard.onEvent = (endpoint, event) => {
    next(endpoint, event);
    if (endpoint !== 2 || event.type !== 'local-track-layers') return;
    const key = JSON.stringify(event.target);
    if (key === last) return;
    last = key;
    decisions.push({ atMs: yard.nowMs - startMs, target: event.target });
  };
  let bytes: { atMs: number; bytes: number }[] = [];
  const forward = yard.forward.bind(yard);
  yard.forward = (packet, target) => {
    bytes.push({ atMs: yard.nowMs, bytes: packet.payload.length });
    forward(packet, target);
  };
  yard.attach(2, 1, 'camera');
  let estimatedMs = -100;
  return {
    yard,
    source,
    random,
    receivedBps: () => {
      bytes = bytes.filter(({ atMs }) => yard.nowMs - atMs <= 1000);
      return bytes.reduce((sum, each) => sum + each.bytes, 0) * 8;
    },
    run: (untilMs, estimate, congested = () => false) => {
      while (yard.nowMs - startMs < untilMs) {
        const atMs = yard.nowMs - startMs;
        if (atMs - estimatedMs >= 100) {
          estimatedMs = atMs;
          const bitrateBps = Math.max(10_000, estimate(atMs));
          yard.control(2, { type: 'egress-estimate', bitrateBps, congested: congested(atMs) });
        }
        source.frame();
        yard.advance(FRAME_MS);
      }
    },
    decisions: () => {
      const taken = decisions;
      decisions = [];
      return taken;
    },
  };
}

const MINUTES = 5;
/** Once the beginning is over. */
const SETTLED_MS = 30_000;

function switchesPerMinute(viewing: Viewing, estimate: (atMs: number, viewing: Viewing) => number): number {
  viewing.run(SETTLED_MS, (atMs) => estimate(atMs, viewing));
  viewing.decisions();
  viewing.run(SETTLED_MS + MINUTES * 60_000, (atMs) => estimate(atMs, viewing));
  return viewing.decisions().length / MINUTES;
}

/** Estimates of a link that does not change, as congestion controls make them. */
const TRACES: Readonly<Record<string, (linkBps: number) => (atMs: number, viewing: Viewing) => number>> = {
  'white noise of 15 %':
    (linkBps) =>
    (_, { random }) =>
      linkBps * (1 + (random.next() * 2 - 1) * 0.15),
  'normal noise of 8 %':
    (linkBps) =>
    (_, { random }) =>
      linkBps * (1 + random.normal() * 0.08),
  'a sawtooth: 0.85 on overuse, then 8 % a second': (linkBps) => {
    let estimate = linkBps;
    return (_, { receivedBps, random }) => {
      const overused = receivedBps() > linkBps * (0.95 + random.next() * 0.05);
      estimate = overused
        ? 0.85 * Math.min(linkBps, receivedBps())
        : Math.min(estimate * 1.008, linkBps * 1.05);
      return estimate;
    };
  },
  'dips of half a second to half, three a minute': (linkBps) => {
    let dipUntilMs = -1;
    return (atMs, { random }) => {
      if (random.next() < 0.005) dipUntilMs = atMs + 500;
      return linkBps * (atMs < dipUntilMs ? 0.55 : 1) * (1 + (random.next() * 2 - 1) * 0.05);
    };
  },
  'slow drift of 20 % within a minute':
    (linkBps) =>
    (atMs, { random }) =>
      linkBps * (1 + 0.1 * Math.sin((atMs / 60_000) * 2 * Math.PI) + (random.next() * 2 - 1) * 0.05),
};

describe('a noisy estimate of a constant link', () => {
  const links = [250_000, 800_000, 1_000_000, 1_600_000];
  test.for(
    Object.entries(TRACES).flatMap(([name, trace]) => links.map((linkBps) => ({ name, trace, linkBps }))),
  )('$name at $linkBps bps: at most 4 switches a minute', ({ trace, linkBps }) => {
    expect(switchesPerMinute(view(linkBps), trace(linkBps))).toBeLessThanOrEqual(4);
  });
});

describe('a link that changes', () => {
  const noisy = (linkBps: number, { random }: Viewing): number =>
    linkBps * (1 + (random.next() * 2 - 1) * 0.1);

  test('falls within a second and a half when the link breaks down, and fits it', () => {
    const viewing = view(1);
    viewing.run(30_000, () => noisy(3_000_000, viewing));
    viewing.decisions();
    viewing.run(40_000, () => noisy(400_000, viewing));
    const [first] = viewing.decisions();
    expect(first?.atMs).toBeLessThan(31_500);
    expect(viewing.receivedBps()).toBeLessThan(440_000);
    expect(viewing.receivedBps()).toBeGreaterThan(50_000);
  });

  test('is back at the top layer soon after a minute of a sawtooth has cleared', () => {
    const viewing = view(2);
    const saw = TRACES['a sawtooth: 0.85 on overuse, then 8 % a second']?.(1_500_000);
    viewing.run(90_000, (atMs) => saw?.(atMs, viewing) ?? 0);
    let estimate = 1_400_000;
    viewing.run(105_000, () => {
      estimate = Math.min(4_000_000, estimate * 1.008);
      return estimate;
    });
    expect(viewing.decisions().at(-1)?.target).toMatchObject({ spatial: 2, temporal: 2 });
    expect(viewing.receivedBps()).toBeGreaterThan(1_200_000);
  });

  test('pauses below the lowest layer, not for a moment, and resumes with a keyframe', () => {
    const viewing = view(3);
    viewing.run(20_000, () => 1_000_000);
    viewing.run(21_000, () => 25_000);
    viewing.run(25_000, () => 1_000_000);
    expect(viewing.decisions().some(({ target }) => target === null)).toBe(false);
    viewing.run(35_000, () => 25_000);
    expect(viewing.decisions().at(-1)?.target).toBeNull();
    expect(viewing.receivedBps()).toBe(0);
    const endpoint = [...viewing.yard.engine.rooms][0]?.holderOf('viewer');
    expect(endpoint?.localTracks.get(1)).toMatchObject({ status: 'paused', reason: 'estimate' });
    viewing.yard.isForgetful = false;
    viewing.run(45_000, () => 1_000_000);
    expect(viewing.yard.forwarded[0]).toMatchObject({ keyframe: true });
    expect(viewing.decisions().at(-1)?.target).not.toBeNull();
  });

  test('honours a minimum by pausing, a maximum by staying below it', () => {
    const viewing = view(4);
    viewing.yard.attach(2, 1, 'camera', { minSpatial: 1, maxSpatial: 1 });
    viewing.run(20_000, () => 3_000_000);
    expect(viewing.decisions().at(-1)?.target).toEqual({ spatial: 1, temporal: 2 });
    viewing.run(30_000, () => 80_000);
    expect(viewing.decisions().at(-1)?.target).toBeNull();
  });
});

describe('an early warning of congestion', () => {
  const always = (): boolean => true;
  /** A viewer that has had the middle layer for a while, on an estimate of 350 kbps. */
  const inTheMiddle = (seed: number): Viewing => {
    const viewing = view(seed);
    viewing.run(30_000, () => 350_000);
    expect(viewing.decisions().at(-1)?.target).toMatchObject({ spatial: 1 });
    return viewing;
  };

  test.for([
    { name: 'without one the top layer comes soon', warnedMs: 0, upMs: [30_000, 32_500] },
    { name: 'it comes only when the warning has ended', warnedMs: 2000, upMs: [32_000, 33_000] },
    { name: 'a warning that lasts counts for three seconds', warnedMs: 60_000, upMs: [33_000, 34_000] },
  ])('the estimate rises to 4 Mbps: $name', ({ warnedMs, upMs: [fromMs = 0, untilMs = 0] }) => {
    const viewing = inTheMiddle(6);
    viewing.run(
      40_000,
      () => 4_000_000,
      (atMs) => atMs < 30_000 + warnedMs,
    );
    const [first] = viewing.decisions();
    expect(first?.target).toMatchObject({ spatial: 2 });
    expect(first?.atMs).toBeGreaterThanOrEqual(fromMs);
    expect(first?.atMs).toBeLessThan(untilMs);
  });

  test('does not hold a downgrade up', () => {
    const viewing = inTheMiddle(8);
    viewing.run(34_000, () => 90_000, always);
    const [first] = viewing.decisions();
    expect(first?.target).toMatchObject({ spatial: 0 });
    expect(first?.atMs).toBeLessThan(30_500);
  });

  test('does not keep a new picture away: it begins with its lowest layer', () => {
    const viewing = inTheMiddle(9);
    viewing.run(30_300, () => 4_000_000, always);
    viewing.yard.attach(2, 2, 'camera');
    viewing.run(32_500, () => 4_000_000, always);
    expect(viewing.decisions()).toMatchObject([{ target: { spatial: 0 } }]);
  });

  test('keeps a paused picture away until it has ended', () => {
    const viewing = view(10);
    viewing.run(20_000, () => 1_000_000);
    viewing.run(40_000, () => 25_000);
    expect(viewing.decisions().at(-1)?.target).toBeNull();
    viewing.run(42_500, () => 1_000_000, always);
    expect(viewing.decisions()).toEqual([]);
    viewing.run(44_000, () => 1_000_000);
    expect(viewing.decisions().at(-1)?.target).not.toBeNull();
  });
});

describe('what is told for probing', () => {
  test('is what is sent, and what would be sent on a link without limit', () => {
    const viewing = view(5, CAMERA, 0);
    viewing.yard.isForgetful = false;
    viewing.run(30_000, () => 900_000);
    const told = viewing.yard.told(2, 'estimate-config').at(-1);
    expect(told?.currentBps).toBeGreaterThan(650_000);
    expect(told?.currentBps).toBeLessThan(880_000);
    expect(told?.desiredBps).toBeGreaterThan(1_500_000);
    viewing.run(40_000, () => 4_000_000);
    const better = viewing.yard.told(2, 'estimate-config').at(-1);
    expect(better?.currentBps).toBeGreaterThan(1_400_000);
    // The top layer × 1.1 for its variation × 1.2 for headroom.
    expect((better?.desiredBps ?? 0) / (better?.currentBps ?? 1)).toBeCloseTo(1.32, 1);
  });

  test('nothing for audio alone', () => {
    const yard = new VirtualYard();
    yard.join(1, 'ann');
    yard.publishAudio(1, 1);
    yard.join(2, 'bob');
    yard.control(2, { type: 'mixer-attach', mode: 'auto', slots: [trackId(1)] });
    yard.speak({ 1: -20 }, 3000);
    expect(yard.told(2, 'estimate-config')).toEqual([]);
  });
});
