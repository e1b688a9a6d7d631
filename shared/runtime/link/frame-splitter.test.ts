import { FRAME_MAX_BYTES } from '@switchyard/shared/protocol';
import { describe, expect, it } from 'vitest';
import { FrameSplitter } from './frame-splitter.ts';

const frame = (type: number, body: Buffer): Buffer => {
  const bytes = Buffer.alloc(5 + body.length);
  bytes.writeUInt32BE(1 + body.length);
  bytes[4] = type;
  body.copy(bytes, 5);
  return bytes;
};

const collect = (): { splitter: FrameSplitter; frames: [number, string][] } => {
  const frames: [number, string][] = [];
  return {
    frames,
    splitter: new FrameSplitter((type, body) => frames.push([type, Buffer.from(body).toString('latin1')])),
  };
};

describe('FrameSplitter', () => {
  const bodies = [
    '',
    'a',
    'hello',
    'x'.repeat(5000),
    'z'.repeat(70_000),
    ...Array.from({ length: 20 }, (_, i) => `${i}`),
  ];
  const stream = Buffer.concat(bodies.map((body, i) => frame(i, Buffer.from(body))));

  it.each([1, 2, 3, 4, 5, 6, 7, 64, 1000, 65_536, stream.length])(
    'gives the same frames when the stream comes in chunks of %i bytes',
    (size) => {
      const { splitter, frames } = collect();
      for (let at = 0; at < stream.length; at += size)
        expect(splitter.push(stream.subarray(at, at + size))).toBe(true);
      expect(frames).toEqual(bodies.map((body, i) => [i, body]));
    },
  );

  it.each([0, FRAME_MAX_BYTES + 1, 0xffff_ffff])('refuses a stream with a frame length of %i', (length) => {
    const bytes = Buffer.alloc(64);
    bytes.writeUInt32BE(length);
    for (const size of [1, 3, 64]) {
      const { splitter, frames } = collect();
      const results: boolean[] = [];
      for (let at = 0; at < bytes.length; at += size)
        results.push(splitter.push(bytes.subarray(at, at + size)));
      expect(results.at(-1)).toBe(false);
      expect(frames).toEqual([]);
    }
  });
});
