import { SeededRandom } from '@switchyard/shared/netem';
import { describe, expect, it } from 'vitest';
import { writeRedHeaders } from '../send/redundancy.ts';
import { RedReader } from './red-reader.ts';
import { SeqWindow } from './seq-window.ts';

/** A packet with the copy of the one before it; payloads are their sequence number. */
function redPacket(seq: number): Uint8Array {
  const bytes = new Uint8Array(20);
  const at = writeRedHeaders(bytes, 0, 111, 960, 2);
  bytes.set([(seq - 1) & 255, 0, seq & 255], at);
  return bytes.subarray(0, at + 3);
}
function reader() {
  const seen = new SeqWindow();
  const red = new RedReader(seen);
  const given: [number, number, number][] = [];
  const read = (bytes: Uint8Array, seq: number): boolean =>
    red.read(bytes, 0, bytes.length, 111, seq, seq * 960, (from, end, copySeq, timestamp) => {
      given.push([copySeq, bytes[from] ?? -1, timestamp]);
      expect(end).toBeGreaterThan(from);
    });
  return { seen, given, read };
}

describe('redundant audio of a publisher', () => {
  it('gives each payload once, and a lost one from the copy behind it', () => {
    const { given, read } = reader();
    for (const seq of [10, 11, 13, 14]) expect(read(redPacket(seq), seq)).toBe(true);
    expect(given).toEqual([10, 11, 12, 13, 14].map((seq) => [seq, seq, seq * 960]));
  });

  it('a late packet whose copy was given is not given again', () => {
    const { seen, given, read } = reader();
    for (const seq of [10, 12, 11]) read(redPacket(seq), seq);
    expect(given.map(([seq]) => seq)).toEqual([10, 11, 12]);
    expect(seen.isNew(11)).toBe(false);
    expect(seen.isNew(13)).toBe(true);
  });

  it('goes on over the wrap of the sequence numbers', () => {
    const { given, read } = reader();
    for (const seq of [65_533, 65_535, 1]) read(redPacket(seq), seq);
    expect(given.map(([seq]) => seq)).toEqual([65_533, 65_534, 65_535, 0, 1]);
  });

  it('refuses what is cut off, or of another payload type', () => {
    const { given, read } = reader();
    const whole = redPacket(5);
    for (let length = 0; length < whole.length - 1; length += 1) read(whole.subarray(0, length), 5);
    const other = redPacket(6);
    other[0] = 0x80 | 96;
    expect(read(other, 6)).toBe(false);
    expect(given).toEqual([]);
  });

  it('never reads outside of the packet, whatever is in it', () => {
    const random = new SeededRandom(21);
    const red = new RedReader(new SeqWindow());
    let given = 0;
    for (let seq = 0; seq < 30_000; seq += 1) {
      const bytes = Uint8Array.from({ length: Math.floor(random.next() * 40) }, () =>
        Math.floor(random.next() * 256),
      );
      // Often enough a header that goes on.
      for (let at = 0; at < bytes.length; at += 4) if (random.chance(0.6)) bytes[at] = 0x80 | 111;
      red.read(bytes, 0, bytes.length, 111, seq & 0xffff, seq, (from, end) => {
        given += 1;
        expect(from).toBeGreaterThan(0);
        expect(end).toBeGreaterThan(from);
        expect(end).toBeLessThanOrEqual(bytes.length);
      });
    }
    expect(given).toBeGreaterThan(20);
  });
});
