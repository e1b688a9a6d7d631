import { describe, expect, it } from 'vitest';
import { FRAME_SAMPLES, JitterBuffer } from './jitter-buffer.ts';

/** Frame number n, whose samples say n. */
const frame = (n: number): Int16Array => new Int16Array(FRAME_SAMPLES).fill(n);
const at = (n: number, offset = 0): number => (n * FRAME_SAMPLES + offset) >>> 0;
const pull = (buffer: JitterBuffer): number => buffer.pull()?.[0] ?? -1;

/** Frames arrive `intervalMs` apart and are pulled every 20 ms. @returns What was pulled. */
function play(frames: number, intervalMs: number): number[] {
  const buffer = new JitterBuffer();
  const heard: number[] = [];
  let next = 0;
  for (let nowMs = 0; next < frames; nowMs += 20) {
    while (next < frames && next * intervalMs <= nowMs) {
      buffer.push(at(next), frame(next % 1000));
      next += 1;
    }
    heard.push(pull(buffer));
  }
  return heard;
}

describe('JitterBuffer', () => {
  it('waits for two frames, then gives one at a time, in order', () => {
    const buffer = new JitterBuffer();
    buffer.push(at(1), frame(1));
    expect(pull(buffer)).toBe(-1);
    buffer.push(at(0), frame(0));
    expect([pull(buffer), pull(buffer)]).toEqual([0, 1]);
  });

  it('goes over the wrap of the timestamp', () => {
    const buffer = new JitterBuffer();
    const start = 0x1_0000_0000 - FRAME_SAMPLES;
    for (const n of [0, 1, 2]) buffer.push((start + n * FRAME_SAMPLES) >>> 0, frame(n));
    expect([pull(buffer), pull(buffer), pull(buffer)]).toEqual([0, 1, 2]);
  });

  it('leaves the time of a lost frame empty', () => {
    const buffer = new JitterBuffer();
    for (const n of [0, 1, 3, 4]) buffer.push(at(n), frame(n));
    expect([0, 1, 2, 3, 4].map(() => pull(buffer))).toEqual([0, 1, -1, 3, 4]);
  });

  it('drops a frame that comes after its time', () => {
    const buffer = new JitterBuffer();
    for (const n of [0, 1, 3]) buffer.push(at(n), frame(n));
    for (let i = 0; i < 4; i += 1) pull(buffer);
    buffer.push(at(2), frame(2));
    expect(buffer.late).toBe(1);
    expect(pull(buffer)).toBe(-1);
  });

  it('goes on at once with a source whose frames begin between ours', () => {
    const buffer = new JitterBuffer();
    for (const n of [0, 1]) buffer.push(at(n), frame(n));
    pull(buffer);
    for (const n of [2, 3, 4]) buffer.push(at(n, -400), frame(n));
    expect([pull(buffer), pull(buffer), pull(buffer), pull(buffer)]).toEqual([1, 2, 3, 4]);
    expect(buffer.late).toBe(0);
  });

  it('waits when it ran dry, and drops nothing of what comes a little late', () => {
    const buffer = new JitterBuffer();
    for (const n of [0, 1]) buffer.push(at(n), frame(n));
    expect([pull(buffer), pull(buffer), pull(buffer)]).toEqual([0, 1, -1]);
    for (const n of [2, 3]) buffer.push(at(n), frame(n));
    expect([pull(buffer), pull(buffer)]).toEqual([2, 3]);
    expect(buffer.late).toBe(0);
  });

  it.each([
    ['slower', 20.02],
    ['faster', 19.98],
  ])(
    'loses less than one frame in five hundred to a sender clock that is a thousandth %s, for ten minutes',
    (_, ms) => {
      const heard = play(30_000, ms);
      const empty = heard.filter((n) => n < 0).length;
      const steps = heard.filter((n) => n >= 0).map((n, i, all) => (n - (all[i - 1] ?? n - 1) + 1000) % 1000);
      const skipped = steps.filter((step) => step !== 1).length;
      expect(empty).toBeLessThan(60);
      expect(skipped).toBeLessThan(60);
    },
  );

  it('gives a delay back that is no longer needed', () => {
    const buffer = new JitterBuffer();
    for (let n = 0; n < 8; n += 1) buffer.push(at(n), frame(n));
    for (let n = 8; n < 3000; n += 1) {
      buffer.pull();
      buffer.push(at(n), frame(n));
    }
    expect(buffer.depth).toBeLessThanOrEqual(3);
  });

  it('never keeps more than its bound', () => {
    const buffer = new JitterBuffer();
    for (let n = 0; n < 500; n += 1) {
      buffer.push(at(n), frame(n));
      expect(buffer.depth).toBeLessThanOrEqual(12);
    }
  });

  it('begins anew after a long silence, and after a jump', () => {
    const buffer = new JitterBuffer();
    for (const n of [0, 1]) buffer.push(at(n), frame(n));
    for (let i = 0; i < 20; i += 1) pull(buffer);
    for (const n of [500, 501]) buffer.push(at(n), frame(n));
    expect([pull(buffer), pull(buffer)]).toEqual([500, 501]);
    for (const n of [9000, 9001]) buffer.push(at(n), frame(n % 1000));
    expect([pull(buffer), pull(buffer)]).toEqual([0, 1]);
  });
});
