import { SeededRandom } from '@switchyard/shared/netem';
import { describe, expect, it } from 'vitest';
import { PaddingShift } from './padding-shift.ts';

describe('padding between frames', () => {
  it('media behind it moves, and late packets as far as their neighbours', () => {
    const shift = new PaddingShift(9);
    expect([10, 12].map((seq) => shift.apply(seq))).toEqual([10, 12]);
    expect([shift.pad(), shift.pad()]).toEqual([13, 14]);
    expect([11, 13, 14].map((seq) => shift.apply(seq))).toEqual([11, 15, 16]);
    expect(shift.pad()).toBe(17);
    expect([13, 15].map((seq) => shift.apply(seq))).toEqual([15, 18]);
    // Two paddings ago: nobody waits for it any more.
    expect(shift.apply(11)).toBe(-1);
  });

  it('no number is used twice, in any order, over a wrap', () => {
    for (let seed = 0; seed < 50; seed += 1) {
      const random = new SeededRandom(seed);
      const shift = new PaddingShift(65_000);
      const used = new Set<number>();
      const held: number[] = [];
      for (let i = 1; i < 3000; i += 1) {
        const seq = (65_000 + i) & 0xffff;
        if (random.chance(0.05)) held.push(seq);
        else held.unshift(seq);
        while (held.length > 3) {
          const out = shift.apply(held.shift() ?? 0);
          if (out < 0) continue;
          expect(used.has(out)).toBe(false);
          used.add(out);
        }
        if (!random.chance(0.1)) continue;
        const padding = shift.pad();
        expect(used.has(padding)).toBe(false);
        used.add(padding);
      }
    }
  });
});
