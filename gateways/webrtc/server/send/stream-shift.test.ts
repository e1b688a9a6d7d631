import { emptyFanoutTarget } from '@switchyard/shared/protocol';
import { describe, expect, it } from 'vitest';
import { StreamShift } from './stream-shift.ts';

const target = (seq: number, timestamp: number, pictureId = 0, tl0PicIdx = 0) => ({
  ...emptyFanoutTarget(),
  seq,
  timestamp,
  pictureId,
  tl0PicIdx,
});

describe('StreamShift', () => {
  it('moves a new count right behind the old one, wraps included', () => {
    const shift = new StreamShift(
      { seq: 0xffff, timestamp: 0xffff_ff00, pictureId: 0x7ffe, tl0PicIdx: 255, frameNumber: 0xffff },
      3000,
    );
    const sent = [
      [1, 90_000, 1, 7],
      [2, 90_000, 1, 7],
      [3, 93_000, 2, 8],
    ].map(([seq = 0, timestamp = 0, pictureId = 0, tl0 = 0]) => {
      const each = target(seq, timestamp, pictureId, tl0);
      shift.apply(each);
      return [each.seq, each.timestamp, each.pictureId, each.tl0PicIdx, each.frameNumber];
    });
    expect(sent).toEqual([
      [0, 2744, 0x7fff, 0, 0],
      [1, 2744, 0x7fff, 0, 0],
      [2, 5744, 0, 1, 0],
    ]);
  });

  it('keeps what comes in another order in its place', () => {
    const shift = new StreamShift(
      { seq: 500, timestamp: 0, pictureId: -1, tl0PicIdx: -1, frameNumber: -1 },
      1,
    );
    const seqs = [10, 12, 11].map((seq) => {
      const each = target(seq, 0);
      shift.apply(each);
      return each.seq;
    });
    expect(seqs).toEqual([501, 503, 502]);
  });

  it('never lets time go backwards', () => {
    const shift = new StreamShift(
      { seq: 1, timestamp: 48_000, pictureId: -1, tl0PicIdx: -1, frameNumber: -1 },
      -900_000,
    );
    const each = target(9, 5);
    shift.apply(each);
    expect(each.timestamp).toBe(48_001);
  });
});
