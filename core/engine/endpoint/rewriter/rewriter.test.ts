import { describe, expect, it } from 'vitest';
import { SeqRewriter } from './seq-rewriter.ts';
import { TimestampRewriter } from './timestamp-rewriter.ts';

type Step = number | 'R' | `${number}D`;

/** Steps: a number is forwarded, `nD` dropped, `R` restarts. @returns What went out. */
function run(bits: 15 | 16, steps: readonly Step[]): number[] {
  const rewriter = new SeqRewriter(bits);
  const out: number[] = [];
  for (const step of steps) {
    if (step === 'R') rewriter.restart();
    else if (typeof step === 'string') rewriter.drop(Number.parseInt(step, 10));
    else out.push(rewriter.forward(step));
  }
  return out;
}

describe('SeqRewriter', () => {
  it.each<[15 | 16, Step[], number[]]>([
    [16, [0, 'R', 78, 79], [0, 1, 2]],
    [16, [0, 'R', '78D', 79, 80], [0, 1, 2]],
    [16, ['100D', '103D', 101], [100]],
    [16, [0, '2D', 3, 4, 1], [0, 2, 3, 1]],
    [16, [7, '6D', 8, 10, 9, 11, 'R', 0, 2], [7, 8, 10, 9, 11, 12, 14]],
    [16, [1, '2D', '3D', '4D', '5D', '6D', '7D', '8D', '9D', 120, 32_768], [1, 112, 32_760]],
    [16, ['R', 65_530, 65_531, 65_532, '65533D', '65534D', 65_535, 0], [1, 2, 3, 4, 5]],
    [15, ['R', 32_762, 32_763, 32_764, '32765D', '32766D', 32_767, 0], [1, 2, 3, 4, 5]],
    [16, [1, 65_535, 2], [1, -1, 2]],
    [16, [5, 5, '6D', '6D', 6, 7], [5, 5, -1, 6]],
  ])('%i bits: %j becomes %j', (bits, steps, expected) => expect(run(bits, steps)).toEqual(expected));

  it('shows a gap only where a packet was lost, and never a number twice, over random drops, loss and reordering', () => {
    let seed = 7;
    const random = (): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return seed / 0x1_0000_0000;
    };
    for (let round = 0; round < 50; round += 1) {
      const rewriter = new SeqRewriter(16);
      const start = Math.floor(random() * 65_536);
      const packets = Array.from({ length: 3000 }, (_, i) => ({
        seq: (start + i) & 0xffff,
        drop: random() < 0.3,
        lost: random() < 0.02,
      }));
      const inOrder = packets.map((packet, i) => ({
        ...packet,
        at: i + (packet.drop ? 0 : random() < 0.05 ? random() * 20 : 0),
      }));
      const first = inOrder[0];
      if (first !== undefined) Object.assign(first, { drop: false, lost: false, at: -1 });
      const outputs = new Map<number, number>();
      for (const packet of inOrder.toSorted((a, b) => a.at - b.at)) {
        if (packet.lost) continue;
        if (packet.drop) rewriter.drop(packet.seq);
        else outputs.set(packet.seq, rewriter.forward(packet.seq));
      }
      const sent = inOrder
        .filter(({ drop, lost }) => !drop && !lost)
        .map(({ seq }) => outputs.get(seq) ?? -1);
      expect(new Set(sent).size).toBe(sent.length);
      for (let i = 1; i < sent.length; i += 1) {
        const step = ((sent[i] ?? 0) - (sent[i - 1] ?? 0)) & 0xffff;
        expect(step).toBeGreaterThan(0);
        expect(step).toBeLessThan(12);
      }
    }
  });
});

describe('TimestampRewriter', () => {
  it('goes on by elapsed time across a restart', () => {
    const rewriter = new TimestampRewriter(1000);
    expect(rewriter.forward(200, 200, 200)).toBe(200);
    rewriter.restart();
    expect(rewriter.forward(210, 1000, 1000)).toBe(1000);
    expect(rewriter.forward(410, 1200, 1200)).toBe(1200);
  });

  it('goes on by capture time between encodings, whatever the network did', () => {
    const rewriter = new TimestampRewriter(90_000);
    expect(rewriter.forward(1000, 5000, 5020)).toBe(1000);
    rewriter.restart();
    expect(rewriter.forward(777_777, 5100, 5180)).toBe(1000 + 9000);
  });

  it('never steps back, over the wrap either', () => {
    const rewriter = new TimestampRewriter(90_000);
    expect(rewriter.forward(0xffff_ff00, 1000, 1000)).toBe(0xffff_ff00);
    rewriter.restart();
    expect(rewriter.forward(5, 900, 1000)).toBe(0xffff_ff01);
    rewriter.restart();
    expect(rewriter.forward(5, 1100, 1100)).toBe((0xffff_ff01 + 18_000) >>> 0);
  });
});
