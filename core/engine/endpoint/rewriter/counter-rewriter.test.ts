import { describe, expect, it, test } from 'vitest';
import { seededRandom } from '../../testing/seeded-random.ts';
import { CounterRewriter } from './counter-rewriter.ts';
import { OffsetRewriter } from './offset-rewriter.ts';

/** `n` is forwarded, `nD` dropped, `R` restarts, `S` restarts and leaves a number out. */
type Step = number | 'R' | 'S' | `${number}D`;

interface Row {
  readonly name: string;
  readonly bits?: 7 | 15 | 16;
  readonly steps: readonly Step[];
  /** Of forwards: the number or −1; of drops only what is to be sent as padding, as `nP`. */
  readonly out: readonly (number | `${number}P`)[];
}

function run({ bits = 16, steps }: Row): Row['out'] {
  const rewriter = new CounterRewriter(bits === 7 ? 15 : bits, 1024);
  const out: (number | `${number}P`)[] = [];
  for (const step of steps) {
    if (step === 'R') rewriter.restart(0, bits);
    else if (step === 'S') rewriter.restart(1, bits);
    else if (typeof step === 'number') out.push(rewriter.forward(step));
    else {
      const padding = rewriter.drop(Number.parseInt(step, 10));
      if (padding >= 0) out.push(`${padding}P`);
    }
  }
  return out;
}

const drops = (from: number, to: number): `${number}D`[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `${from + i}D` as const);

describe('CounterRewriter', () => {
  test.for<Row>([
    // reference vectors, 16 bits
    { name: 'one packet', steps: [0], out: [0] },
    { name: 'another source', steps: [0, 'R', 78, 79], out: [0, 1, 2] },
    { name: 'another source that begins with a drop', steps: [0, 'R', '78D', 79, 80], out: [0, 1, 2] },
    { name: 'drops before anything', steps: ['100D', '103D', 101], out: [100] },
    { name: 'a late packet around a drop', steps: [0, '2D', 3, 4, 1], out: [0, 2, 3, 1] },
    {
      name: 'a drop from before the start, a swap, a restart and a loss',
      steps: [7, '6D', 8, 10, 9, 11, 'R', 0, 2],
      out: [7, 8, 10, 9, 11, 12, 14],
    },
    { name: 'long jumps', steps: [1, ...drops(2, 9), 120, 32_768], out: [1, 112, 32_760] },
    {
      name: 'drops across the wrap',
      steps: ['R', 65_530, 65_531, 65_532, '65533D', '65534D', 65_535, 0],
      out: [1, 2, 3, 4, 5],
    },
    // 15 bits
    {
      name: '15 bits: drops across the wrap',
      bits: 15,
      steps: ['R', 32_762, 32_763, 32_764, '32765D', '32766D', 32_767, 0],
      out: [1, 2, 3, 4, 5],
    },
    { name: '15 bits: a late picture across the wrap', bits: 15, steps: [32_767, 1, 0], out: [32_767, 1, 0] },
    // 7 bits (RFC 7741 §4.2, M = 0)
    { name: '7 bits: wraps', bits: 7, steps: ['R', 126, 127, 0, '1D', 2], out: [1, 2, 3, 4] },
    { name: '7 bits: its output wraps too', bits: 7, steps: ['R', ...range(0, 130)], out: range7(1, 131) },
    // ours
    { name: 'a packet from before the start', steps: [1, 65_535, 2], out: [1, -1, 2] },
    { name: 'the same again', steps: [5, 5, '6D', '6D', 6, 7], out: [5, 5, -1, 6] },
    { name: 'a number left out before another encoding', steps: [5, 'S', 90, 91], out: [5, 7, 8] },
    { name: 'two restarts leave one number out', steps: [5, 'S', 'S', 90], out: [5, 7] },
    { name: 'a restart before anything', steps: ['S', 9], out: [1] },
    { name: 'a drop that comes late is padding', steps: [1, 3, '2D', 4], out: [1, 3, '2P', 4] },
    { name: 'padding is given once', steps: [1, 3, '2D', '2D', 2], out: [1, 3, '2P', 2] },
    { name: 'a drop behind drops only leaves no gap', steps: [1, '4D', '2D', '3D', 5], out: [1, 2] },
    { name: 'a loss among drops shows', steps: [1, '2D', '4D', 5], out: [1, 3] },
    { name: 'loss across the wrap shows', steps: [65_534, 1], out: [65_534, 1] },
    {
      name: 'a late packet across the wrap',
      steps: [65_534, 0, 65_535, '1D', 2],
      out: [65_534, 0, 65_535, 1],
    },
    { name: 'a whole cycle', steps: ['R', ...range(0, 65_540)], out: range16(1, 65_541) },
  ])('$name', (row) => expect(run(row)).toEqual(row.out));

  it('tells what is sent for the first time and what is newest', () => {
    const rewriter = new CounterRewriter(16, 1024);
    const seen = [5, 7, 6, 7].map((seq) => [rewriter.forward(seq), rewriter.isNew, rewriter.isNewest]);
    expect(seen).toEqual([
      [5, true, true],
      [7, true, true],
      [6, true, false],
      [7, false, false],
    ]);
  });

  test.for(Array.from({ length: 60 }, (_, seed) => ({ seed })))(
    'seed $seed: over drops, loss, reordering, repeats and restarts a gap is a loss and no number comes twice',
    ({ seed }) => {
      const random = seededRandom(seed);
      const rewriter = new CounterRewriter(16, 1024);
      /** Output → what it stands for. */
      const got = new Map<number, 'packet' | 'padding'>();
      let lost = 0;
      let highest = -1;
      let base = 0;
      const unwrap = (out: number): number => {
        const near = highest < 0 ? out : highest + ((((out - highest) & 0xffff) << 16) >> 16);
        return near;
      };
      const note = (out: number, kind: 'packet' | 'padding'): void => {
        const n = unwrap(out);
        expect(got.has(n), `number ${n} twice`).toBe(false);
        got.set(n, kind);
        if (n > highest) highest = n;
        base = base === 0 ? n : base;
      };
      for (let epoch = 0; epoch < 4; epoch += 1) {
        const start = Math.floor(random() * 65_536);
        if (epoch > 0) rewriter.restart(0, 16);
        const packets = Array.from({ length: 1500 }, (_, i) => ({
          seq: (start + i) & 0xffff,
          drop: random() < 0.4,
          lost: i > 0 && i < 1499 && random() < 0.03,
          at: i === 0 || i === 1499 ? i : i + (random() < 0.1 ? random() * 40 : 0),
          repeated: random() < 0.02,
        }));
        const first = packets[0];
        const last = packets.at(-1);
        if (first === undefined || last === undefined) throw new Error('no packets');
        first.at = -1;
        last.at = 2000;
        first.drop = false;
        last.drop = false;
        lost += packets.filter((packet) => packet.lost).length;
        for (const packet of packets.toSorted((a, b) => a.at - b.at)) {
          if (packet.lost) continue;
          for (let times = packet.repeated ? 2 : 1; times > 0; times -= 1) {
            if (packet.drop) {
              const padding = rewriter.drop(packet.seq);
              if (padding >= 0) note(padding, 'padding');
            } else {
              const out = rewriter.forward(packet.seq);
              expect(out).toBeGreaterThanOrEqual(0);
              if (rewriter.isNew) note(out, 'packet');
            }
          }
        }
      }
      // Every number between the first and the last one came, but those of losses.
      const missing = highest - base + 1 - got.size;
      expect(missing).toBeLessThanOrEqual(lost);
      expect(missing).toBeGreaterThan(0);
    },
  );
});

describe('OffsetRewriter', () => {
  test.for<{ name: string; bits: number; steps: (number | 'R')[]; out: number[] }>([
    { name: 'begins at 1', bits: 8, steps: [200, 200, 201], out: [1, 1, 2] },
    { name: 'wraps', bits: 8, steps: [0, 99, 198, 254, 255, 0, 1], out: [1, 100, 199, 255, 0, 1, 2] },
    {
      name: 'goes on behind the highest after a restart',
      bits: 8,
      steps: [0, 2, 1, 'R', 77, 78],
      out: [1, 3, 2, 4, 5],
    },
    { name: 'keeps distances', bits: 16, steps: [65_530, 65_534, 2, 'R', 9, 13], out: [1, 5, 9, 10, 14] },
    {
      name: 'goes on over the wrap after a restart',
      bits: 8,
      steps: [0, 99, 198, 254, 'R', 7, 8],
      out: [1, 100, 199, 255, 0, 1],
    },
  ])('$name', ({ bits, steps, out }) => {
    const rewriter = new OffsetRewriter(bits);
    const got: number[] = [];
    for (const step of steps) {
      if (step === 'R') rewriter.restart();
      else got.push(rewriter.forward(step));
    }
    expect(got).toEqual(out);
  });
});

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => (from + i) & 0xffff);
}

function range7(from: number, to: number): number[] {
  return range(from, to).map((n) => n & 127);
}

function range16(from: number, to: number): number[] {
  return range(from, to);
}
