import { describe, expect, it } from 'vitest';
import { mayBeCopy, RedundancySwitch, writeRedHeaders } from './redundancy.ts';

describe('redundant audio', () => {
  it('writes the headers of RFC 2198', () => {
    const bytes = new Uint8Array(8);
    expect(writeRedHeaders(bytes, 1, 111, 960, 80)).toBe(6);
    // F and 111, 14 bits of 960, 10 bits of 80, then the packet's own block.
    expect([...bytes]).toEqual([0, 0x80 | 111, 960 >> 6, ((960 & 63) << 2) | (80 >> 8), 80, 111, 0, 0]);
  });

  it('a copy fits its fields', () => {
    expect(mayBeCopy(80, 80, 960)).toBe(true);
    expect(mayBeCopy(80, 80, 16_384)).toBe(false);
    expect(mayBeCopy(80, 80, 0)).toBe(false);
    expect(mayBeCopy(401, 80, 960)).toBe(false);
    expect(mayBeCopy(0, 80, 960)).toBe(false);
    expect(mayBeCopy(300, 1200, 960)).toBe(false);
  });

  it('goes on with losses, and off when there were none for ten seconds', () => {
    const redundancy = new RedundancySwitch();
    redundancy.update(0.005, 0);
    expect(redundancy.isOn).toBe(false);
    redundancy.update(0.02, 1000);
    expect(redundancy.isOn).toBe(true);
    for (let ms = 2000; ms < 60_000; ms += 1000) redundancy.update(ms % 5000 === 0 ? 0.02 : 0, ms);
    expect(redundancy.isOn).toBe(true);
    for (let ms = 60_000; ms < 72_000; ms += 1000) redundancy.update(0, ms);
    expect(redundancy.isOn).toBe(false);
  });
});
