import { describe, expect, it } from 'vitest';
import { BURST_MAX, BurstAddress, DatagramBurst } from './datagram-burst.ts';
import { socketAddress } from './socket-address.ts';
import type { SystemCalls } from './system-calls.ts';

const MEMORY_AT = 0x7f12_3456_7000;
const TABLE_AT = 0x7fff_ffff_0000;
const EPERM = 1;
const EIO = 5;
const EAGAIN = 11;
const EINVAL = 22;

/** A message as the kernel reads it. */
interface Message {
  readonly port: number;
  readonly parts: string[];
  /** Of UDP_SEGMENT, 0 without. */
  readonly segment: number;
}

/** A kernel that reads what it is given; `answers` are errors (negative) or how many messages it takes, in turn. */
class FakeKernel {
  readonly taken: Message[] = [];
  readonly #memory: Buffer;
  readonly #answers: number[];
  #table: Buffer = Buffer.alloc(0);
  #errno = 0;

  constructor(memory: Buffer, answers: number[]) {
    this.#memory = memory;
    this.#answers = answers;
  }

  get calls(): SystemCalls {
    const none = (): number => -1;
    return {
      socket: none,
      bind: none,
      setsockopt: none,
      getsockname: none,
      recv: none,
      close: none,
      recvmmsg: none,
      sendmmsg: (_fd, messages, count) => this.#send(messages, count),
      errno: () => this.#errno,
      addressOf: (bytes) => {
        if (bytes === this.#memory) return MEMORY_AT;
        this.#table = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
        return TABLE_AT;
      },
    };
  }

  #send(messages: Uint8Array, count: number): number {
    const answer = this.#answers.shift() ?? count;
    if (answer < 0) {
      this.#errno = -answer;
      return -1;
    }
    const bytes = Buffer.from(messages.buffer, messages.byteOffset, messages.length);
    for (let i = 0; i < answer; i += 1) this.taken.push(this.#read(bytes.subarray(i * 64)));
    return answer;
  }

  #read(header: Buffer): Message {
    const at = (offset: number): number => Number(header.readBigUInt64LE(offset));
    const name = this.#table.subarray(at(0) - TABLE_AT);
    const parts = Array.from({ length: at(24) }, (_, i) => {
      const vector = at(16) - TABLE_AT + i * 16;
      const from = Number(this.#table.readBigUInt64LE(vector)) - MEMORY_AT;
      return this.#memory.toString('latin1', from, from + Number(this.#table.readBigUInt64LE(vector + 8)));
    });
    if (at(32) === 0) return { port: name.readUInt16BE(2), parts, segment: 0 };
    const control = this.#table.subarray(at(32) - TABLE_AT);
    expect(at(40)).toBe(18);
    expect([Number(control.readBigUInt64LE(0)), control.readInt32LE(8), control.readInt32LE(12)]).toEqual([
      18, 17, 103,
    ]);
    return { port: name.readUInt16BE(2), parts, segment: control.readUInt16LE(16) };
  }
}

const addressOf = (port: number): BurstAddress =>
  new BurstAddress(socketAddress('127.0.0.1', port) ?? Buffer.alloc(0));

/** Sends `datagrams` in one burst. */
function send(
  datagrams: readonly (readonly [port: number, text: string])[],
  { merges = true, answers = [] }: { merges?: boolean; answers?: number[] } = {},
) {
  const memory = Buffer.alloc(1 << 20);
  const kernel = new FakeKernel(memory, answers);
  const burst = new DatagramBurst(kernel.calls, memory, merges);
  const addresses = new Map<number, BurstAddress>();
  const untaken: string[] = [];
  let at = 0;
  datagrams.forEach(([port, text], tag) => {
    const to = addresses.get(port) ?? addressOf(port);
    addresses.set(port, to);
    memory.write(text, at, 'latin1');
    burst.add(to, at, text.length, tag);
    at += text.length;
  });
  burst.flush(7, (tag) => untaken.push(datagrams[tag]?.[1] ?? ''));
  expect(burst.count).toBe(0);
  return { taken: kernel.taken, untaken, burst };
}

const alone = (port: number, text: string): Message => ({ port, parts: [text], segment: 0 });

describe('DatagramBurst', () => {
  it.each<[string, [number, string][], Message[]]>([
    ['nothing', [], []],
    ['one datagram', [[1, 'a']], [alone(1, 'a')]],
    [
      'several addresses',
      [
        [1, 'a'],
        [2, 'b'],
        [3, 'c'],
      ],
      [alone(1, 'a'), alone(2, 'b'), alone(3, 'c')],
    ],
    [
      'equal ones to one address',
      [
        [1, 'aa'],
        [1, 'bb'],
        [1, 'cc'],
      ],
      [{ port: 1, parts: ['aa', 'bb', 'cc'], segment: 2 }],
    ],
    [
      'a shorter one at the end',
      [
        [1, 'aa'],
        [1, 'bb'],
        [1, 'c'],
        [1, 'dd'],
      ],
      [{ port: 1, parts: ['aa', 'bb', 'c'], segment: 2 }, alone(1, 'dd')],
    ],
    [
      'a longer one',
      [
        [1, 'a'],
        [1, 'bb'],
        [1, 'cc'],
      ],
      [alone(1, 'a'), { port: 1, parts: ['bb', 'cc'], segment: 2 }],
    ],
    [
      'addresses in turn',
      [
        [1, 'a'],
        [2, 'b'],
        [1, 'c'],
        [2, 'd'],
      ],
      [
        { port: 1, parts: ['a', 'c'], segment: 1 },
        { port: 2, parts: ['b', 'd'], segment: 1 },
      ],
    ],
  ])('sends %s', (_, datagrams, messages) => expect(send(datagrams).taken).toEqual(messages));

  it('merges at most 64 datagrams and 65,000 bytes', () => {
    const small = send(Array.from({ length: 150 }, () => [1, 'x'] as const));
    expect(small.taken.map(({ parts }) => parts.length)).toEqual([64, 64, 22]);
    const large = send(Array.from({ length: 60 }, () => [1, 'x'.repeat(1400)] as const));
    expect(large.taken.map(({ parts }) => parts.length)).toEqual([46, 14]);
  });

  it('merges nothing where the kernel does not', () => {
    const { taken } = send(
      [
        [1, 'a'],
        [1, 'b'],
        [2, 'c'],
        [1, 'd'],
      ],
      { merges: false },
    );
    expect(taken).toEqual([alone(1, 'a'), alone(1, 'b'), alone(1, 'd'), alone(2, 'c')]);
  });

  it('goes on where the kernel took only some', () => {
    const { taken, untaken } = send(
      [
        [1, 'a'],
        [2, 'b'],
        [3, 'c'],
      ],
      { answers: [1, 1, 1] },
    );
    expect(taken).toEqual([alone(1, 'a'), alone(2, 'b'), alone(3, 'c')]);
    expect(untaken).toEqual([]);
  });

  it('gives back what the kernel has no room for, in its order', () => {
    const { taken, untaken } = send(
      [
        [1, 'a'],
        [2, 'b'],
        [2, 'c'],
        [3, 'd'],
      ],
      { answers: [1, -EAGAIN] },
    );
    expect(taken).toEqual([alone(1, 'a')]);
    expect(untaken).toEqual(['b', 'c', 'd']);
  });

  it('leaves out what cannot be sent, and counts it', () => {
    const { taken, untaken, burst } = send(
      [
        [1, 'a'],
        [2, 'b'],
        [2, 'c'],
        [3, 'd'],
      ],
      {
        answers: [1, -EPERM, 1],
      },
    );
    expect(taken).toEqual([alone(1, 'a'), alone(3, 'd')]);
    expect([untaken, burst.errors]).toEqual([[], 2]);
  });

  it('gives back what a way does not carry merged, and merges on', () => {
    const { taken, untaken, burst } = send(
      [
        [1, 'a'],
        [1, 'b'],
        [2, 'c'],
      ],
      { answers: [-EINVAL, 1] },
    );
    expect(taken).toEqual([alone(2, 'c')]);
    expect([untaken, burst.merges, burst.errors]).toEqual([['a', 'b'], true, 0]);
  });

  it('merges no more where the network card cannot', () => {
    const { untaken, burst } = send(
      [
        [1, 'a'],
        [1, 'b'],
      ],
      { answers: [-EIO] },
    );
    expect([untaken, burst.merges, burst.errors]).toEqual([['a', 'b'], false, 0]);
  });

  it('is used again and again, up to its most', () => {
    const memory = Buffer.alloc(1 << 16);
    const kernel = new FakeKernel(memory, []);
    const burst = new DatagramBurst(kernel.calls, memory, true);
    const addresses = Array.from({ length: BURST_MAX }, (_, i) => addressOf(i + 1));
    for (let round = 0; round < 3; round += 1) {
      for (const [i, to] of addresses.entries()) burst.add(to, i, 1, i);
      burst.flush(7, () => {});
    }
    expect(kernel.taken.length).toBe(3 * BURST_MAX);
    expect(kernel.taken.slice(-2).map(({ port }) => port)).toEqual([BURST_MAX - 1, BURST_MAX]);
  });
});
