import { SeededRandom } from '@switchyard/shared/netem';
import { describe, expect, it } from 'vitest';
import { PacketGroups } from './packet-groups.ts';
import { StandingQueue } from './standing-queue.ts';
import { Trendline } from './trendline.ts';

/** Packets every 10 ms whose delay is `delayOf`; @returns the usages that were told, and whether a queue stood. */
function run(delayOf: (sentMs: number) => number, untilMs: number): { usages: Set<string>; stood: boolean } {
  const groups = new PacketGroups();
  const trendline = new Trendline();
  const queue = new StandingQueue();
  const usages = new Set<string>();
  let stood = false;
  let lastMs = 0;
  for (let sentMs = 0; sentMs < untilMs; sentMs += 10) {
    lastMs = Math.max(lastMs, 1000 + sentMs + delayOf(sentMs));
    const delta = groups.add(sentMs, lastMs);
    if (delta === undefined) continue;
    trendline.update(delta);
    queue.add(delta.delayMs, delta.arrivalMs);
    usages.add(trendline.usage);
    stood ||= queue.stands;
  }
  return { usages, stood };
}

describe('a trendline', () => {
  it('says nothing of a constant delay', () => {
    expect([...run(() => 30, 5000).usages]).toEqual(['normal']);
  });

  it('tells overuse while the queue grows by a tenth of the time, and underuse while it drains', () => {
    const { usages, stood } = run(
      (ms) => 30 + (ms < 2000 ? 0 : ms < 3000 ? (ms - 2000) / 10 : Math.max(0, 100 - (ms - 3000) / 5)),
      5000,
    );
    expect(usages).toEqual(new Set(['normal', 'overuse', 'underuse']));
    expect(stood).toBe(true);
  });

  it('a queue does not stand where the delay comes and goes', () => {
    const random = new SeededRandom(4);
    let jitter = 0;
    const { stood } = run((ms) => {
      if (ms % 20 === 0) jitter = Math.max(-25, Math.min(25, random.normal() * 10));
      return 40 + jitter;
    }, 4000);
    expect(stood).toBe(false);
  });

  it('a queue that is full and stays so is told though nothing grows', () => {
    const queue = new StandingQueue();
    for (let ms = 0; ms < 3000; ms += 10) queue.add(30, ms);
    expect(queue.isFull).toBe(false);
    for (let ms = 3000; ms < 4000; ms += 10) queue.add(330, ms);
    expect(queue.isFull).toBe(true);
    for (let ms = 4000; ms < 4500; ms += 10) queue.add(30, ms);
    expect(queue.isFull).toBe(false);
  });
});

describe('packet groups', () => {
  it('packets of five milliseconds are one group, and so are those held up together', () => {
    const groups = new PacketGroups();
    expect(groups.add(0, 100)).toBeUndefined();
    expect(groups.add(4, 104)).toBeUndefined();
    expect(groups.add(20, 125)).toBeUndefined();
    // Sent 15 ms later, arrives right behind.
    expect(groups.add(35, 126)).toBeUndefined();
    expect(groups.add(60, 160)).toEqual({
      sendDeltaMs: 31,
      arrivalDeltaMs: 22,
      arrivalMs: 126,
      delayMs: 91,
    });
  });

  it('a receiver whose clock is set back starts anew', () => {
    const groups = new PacketGroups();
    groups.add(0, 100_000);
    groups.add(20, 100_020);
    groups.add(40, 100_040);
    expect(groups.add(60, 60)).toBeUndefined();
    expect(groups.add(80, 80)).toBeUndefined();
    expect(groups.add(100, 100)?.arrivalDeltaMs).toBe(20);
  });
});
