import { describe, expect, it, test } from 'vitest';
import { orderRids, ridsOf } from '../sdp/rid-order.ts';
import { EncodingOrder, ORDER_HOLD_MS } from './encoding-order.ts';

/** What one encoding does: lines of its picture (16:9) or `-` for none that it tells, `@` kbps, from `+` ms on. */
interface Sends {
  readonly lines: number;
  readonly kbps: number;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** `720@2500+1000..4000`: 1280×720 with 2.5 Mbps, from 1 s to 4 s; `!` for nothing at all. */
function parse(text: string): Sends | undefined {
  const match = /^(-|\d+)(?:@(\d+))?(?:\+(\d+))?(?:\.\.(\d+))?$/.exec(text);
  if (match === null) return undefined;
  const [, lines, kbps, from, until] = match;
  return {
    lines: lines === '-' ? 0 : Number(lines),
    kbps: Number(kbps ?? 500),
    fromMs: Number(from ?? 0),
    untilMs: Number(until ?? 60_000),
  };
}

const TICK_MS = 50;

/** Runs the encodings of `rids` (an SDP list) and gives each order that there was, with the time of the change. */
function run(list: string, sends: Readonly<Record<string, string>>, untilMs: number): string[] {
  const rids = orderRids(ridsOf(list), new Map());
  const order = new EncodingOrder(rids.length);
  const text = (): string => order.lowestFirst.map((encoding) => rids[encoding]).join(' ');
  const orders = [text()];
  const note = (changed: boolean, nowMs: number): void => {
    if (changed) orders.push(`${nowMs}: ${text()}`);
  };
  const running = rids.map((rid) => parse(sends[rid] ?? '!'));
  for (let nowMs = 0; nowMs <= untilMs; nowMs += TICK_MS) {
    for (const [encoding, each] of running.entries()) {
      if (each === undefined || nowMs < each.fromMs || nowMs >= each.untilMs) continue;
      if (nowMs === each.fromMs && each.lines > 0)
        note(order.sized(encoding, { width: (each.lines * 16) / 9, height: each.lines }, nowMs), nowMs);
      order.packet(encoding, (each.kbps * TICK_MS) / 8, nowMs);
    }
    note(order.tick(nowMs), nowMs);
  }
  return orders;
}

describe('names and orders in SDP, all told at the start', () => {
  test.for([
    { list: 'q;h;f', sends: { q: '180', h: '360', f: '720' }, guess: 'q h f', is: 'q h f' },
    { list: 'f;h;q', sends: { q: '180', h: '360', f: '720' }, guess: 'q h f', is: 'q h f' },
    { list: 'h;m;l', sends: { l: '180', m: '360', h: '720' }, guess: 'l m h', is: 'l m h' },
    { list: 'hi;lo', sends: { lo: '360', hi: '720' }, guess: 'lo hi', is: 'lo hi' },
    { list: '0;1;2', sends: { 0: '180', 1: '360', 2: '720' }, guess: '0 1 2', is: '0 1 2' },
    { list: '0;1;2', sends: { 0: '720', 1: '360', 2: '180' }, guess: '0 1 2', is: '2 1 0' },
    { list: '2;1;0', sends: { 0: '720', 1: '360', 2: '180' }, guess: '0 1 2', is: '2 1 0' },
    { list: 'x;a', sends: { x: '720', a: '360' }, guess: 'x a', is: 'a x' },
    { list: 'x;a', sends: { x: '360', a: '720' }, guess: 'x a', is: 'x a' },
    { list: 'c;a;b', sends: { c: '720', a: '360', b: '180' }, guess: 'c a b', is: 'b a c' },
    {
      list: 'one;two;three',
      sends: { one: '360', two: '720', three: '180' },
      guess: 'one two three',
      is: 'three one two',
    },
    { list: 'h;l', sends: { h: '360', l: '720' }, guess: 'l h', is: 'h l' },
    {
      list: 'a;b;c;d',
      sends: { a: '1080', b: '720', c: '360', d: '180' },
      guess: 'a b c d',
      is: 'd c b a',
    },
  ])('$list with $sends', ({ list, sends, guess, is }) => {
    const orders = run(list, sends as Record<string, string>, 10_000);
    expect(orders[0]).toBe(guess);
    expect(orders.at(-1)?.replace(/^0: /, '')).toBe(is);
    // What has to change does so with what is told first.
    expect(orders.slice(1).every((each) => each.startsWith('0: '))).toBe(true);
    if (guess === is) expect(orders).toEqual([guess]);
  });
});

describe('late and missing encodings', () => {
  test.for([
    {
      name: 'a late top changes nothing',
      list: 'q;h;f',
      sends: { q: '180', h: '360', f: '720+5000' },
      orders: ['q h f'],
    },
    {
      name: 'a late lowest changes nothing',
      list: 'q;h;f',
      sends: { q: '180+5000', h: '360', f: '720' },
      orders: ['q h f'],
    },
    {
      name: 'two that are the wrong way round turn the list, and a late one finds its place there',
      list: '0;1;2',
      sends: { 0: '720+8000', 1: '360+100', 2: '180' },
      orders: ['0 1 2', '100: 2 1 0'],
    },
    {
      name: 'one that never comes keeps its place',
      list: 'x;a;b',
      sends: { x: '360', b: '720' },
      orders: ['x a b'],
    },
    {
      name: 'a late one that does not fit is put right when it tells its size',
      list: 'x;a;b',
      sends: { x: '360', a: '720', b: '180+5000' },
      orders: ['x a b', '5000: b x a'],
    },
    {
      name: 'one that is switched off keeps its place, and has it when it comes back',
      list: 'q;h;f',
      sends: { q: '180', h: '360..4000', f: '720' },
      orders: ['q h f'],
    },
  ])('$name', ({ list, sends, orders }) => {
    expect(run(list, sends as Record<string, string>, 15_000)).toEqual(orders);
  });
});

describe('sizes that are the same, or unknown', () => {
  test.for([
    {
      name: 'the bitrate decides, when it has done so for a while',
      list: 'a;b',
      sends: { a: '720@2500', b: '720@500' },
      orders: ['a b', '5000: b a'],
    },
    {
      name: 'bitrates alone',
      list: '0;1;2',
      sends: { 0: '-@2500', 1: '-@700', 2: '-@150' },
      orders: ['0 1 2', '5000: 2 1 0'],
    },
    {
      name: 'the same bitrate, nearly',
      list: 'a;b',
      sends: { a: '720@600', b: '720@500' },
      orders: ['a b'],
    },
    {
      name: 'a size speaks before a bitrate',
      list: 'a;b',
      sends: { a: '360@2500', b: '720@500' },
      orders: ['a b'],
    },
  ])('$name', ({ list, sends, orders }) => {
    expect(run(list, sends as Record<string, string>, 15_000)).toEqual(orders);
  });

  it('a top that was cut down to less than what is below it stays the top', () => {
    const order = new EncodingOrder(2);
    for (let nowMs = 0; nowMs < 60_000; nowMs += TICK_MS) {
      order.packet(0, (500 * TICK_MS) / 8, nowMs);
      order.packet(1, ((nowMs < 10_000 ? 2000 : 100) * TICK_MS) / 8, nowMs);
      expect(order.tick(nowMs)).toBe(false);
    }
  });

  it('what the client is going to send counts as sent', () => {
    const order = new EncodingOrder(2);
    order.targeted(0, 2_000_000);
    order.targeted(1, 300_000);
    let changedMs = -1;
    for (let nowMs = 0; nowMs < 10_000 && changedMs < 0; nowMs += TICK_MS) {
      for (const encoding of [0, 1]) order.packet(encoding, 1000, nowMs);
      if (order.tick(nowMs)) changedMs = nowMs;
    }
    expect(changedMs).toBe(ORDER_HOLD_MS);
    expect(order.lowestFirst).toEqual([1, 0]);
  });
});

describe('in the middle of a session', () => {
  const settled = (): EncodingOrder => {
    const order = new EncodingOrder(3);
    for (const [encoding, height] of [180, 360, 720].entries())
      order.sized(encoding, { width: height * 2, height }, 0);
    return order;
  };
  const through = (order: EncodingOrder, fromMs: number, untilMs: number, sending = [0, 1, 2]): number => {
    for (let nowMs = fromMs; nowMs < untilMs; nowMs += TICK_MS) {
      for (const encoding of sending) order.packet(encoding, 1000, nowMs);
      if (order.tick(nowMs)) return nowMs;
    }
    return -1;
  };

  it('a picture that shrinks, its encodings one after the other, changes nothing', () => {
    const order = settled();
    expect(through(order, 0, 5000)).toBe(-1);
    order.sized(2, { width: 320, height: 180 }, 5000);
    expect(through(order, 5000, 7500)).toBe(-1);
    order.sized(1, { width: 160, height: 90 }, 7500);
    order.sized(0, { width: 80, height: 45 }, 7500);
    expect(through(order, 7500, 30_000)).toBe(-1);
    expect(order.lowestFirst).toEqual([0, 1, 2]);
  });

  it('another order that lasts is taken', () => {
    const order = settled();
    order.sized(0, { width: 1280, height: 720 }, 5000);
    order.sized(2, { width: 320, height: 180 }, 5000);
    expect(through(order, 5000, 30_000)).toBe(5000 + ORDER_HOLD_MS);
    expect(order.lowestFirst).toEqual([2, 1, 0]);
    expect(through(order, 9000, 60_000)).toBe(-1);
  });

  it('what one told that is off does not speak against those that send', () => {
    const order = settled();
    order.stopped(2);
    order.sized(1, { width: 1920, height: 1080 }, 5000);
    expect(through(order, 5000, 60_000, [0, 1])).toBe(-1);
    order.sized(2, { width: 3840, height: 2160 }, 60_000);
    expect(through(order, 60_000, 90_000)).toBe(-1);
    expect(order.lowestFirst).toEqual([0, 1, 2]);
  });

  it('a client that tells another order with every packet changes it at most once per hold', () => {
    const order = settled();
    let changes = 0;
    for (let nowMs = 0; nowMs < 30_000; nowMs += TICK_MS) {
      const turned = Math.floor(nowMs / 3500) % 2 === 1;
      for (const encoding of [0, 1, 2]) {
        const height = 180 * (turned ? 3 - encoding : encoding + 1);
        if (order.sized(encoding, { width: height, height }, nowMs)) changes += 1;
        order.packet(encoding, 1000, nowMs);
      }
      if (order.tick(nowMs)) changes += 1;
    }
    expect(changes).toBeLessThanOrEqual(30_000 / ORDER_HOLD_MS);
  });
});
