import { expect, it } from 'vitest';
import { SeqWindow } from './seq-window.ts';

it('gives each packet once, in whatever order they come, across the wrap', () => {
  const window = new SeqWindow();
  expect(window.isEmpty).toBe(true);
  const came: number[] = [];
  for (let i = 0; i < 3000; i += 1) {
    const seq = (64_000 + i) & 0xffff;
    // Every tenth is lost, and repaired five packets later; what came is sent again by a probe.
    if (i % 10 !== 0 && window.isNew(seq)) came.push(seq);
    if (i % 10 === 5 && window.isNew((seq - 5) & 0xffff)) came.push((seq - 5) & 0xffff);
    if (window.isNew((seq - 7) & 0xffff) && i >= 7 && i % 10 !== 7) came.push(-1);
  }
  expect(window.isEmpty).toBe(false);
  expect(came).toHaveLength(3000);
  expect(new Set(came).size).toBe(3000);
});

it('refuses what is too old to know, and remembers nothing across a jump', () => {
  const window = new SeqWindow();
  for (let seq = 0; seq < 200; seq += 1) expect(window.isNew(seq)).toBe(true);
  expect(window.isNew(5000)).toBe(true);
  expect(window.isNew(3976)).toBe(false);
  expect(window.isNew(3977)).toBe(true);
  for (let seq = 4900; seq < 5000; seq += 1) expect(window.isNew(seq)).toBe(true);
  expect(window.isNew(4950)).toBe(false);
});
