import { expect, test } from 'vitest';
import { orderRids, ridsOf } from './rid-order.ts';

test.for([
  { list: 'q;h;f', order: 'q h f' },
  { list: 'f;h;q', order: 'q h f' },
  { list: 'f;h', order: 'h f' },
  { list: 'h;m;l', order: 'l m h' },
  { list: 'h;l', order: 'l h' },
  { list: 'hi;~mid;lo', order: 'lo mid hi' },
  { list: 'High;Low', order: 'Low High' },
  { list: '2;1;0', order: '0 1 2' },
  { list: 'r2;r10;r0', order: 'r0 r2 r10' },
  { list: 'x;a;b', order: 'x a b' },
  { list: 'r1;s0', order: 'r1 s0' },
  { list: '1,2;3', order: '1 2 3' },
  { list: 'a', order: 'a' },
  { list: '', order: '' },
])('$list is, from the lowest: $order', ({ list, order }) => {
  expect(orderRids(ridsOf(list), new Map()).join(' ')).toBe(order);
});

test('limits of size speak before names', () => {
  const parameters = new Map([
    ['0', 'max-width=1280;max-height=720'],
    ['1', 'max-width=640'],
    ['2', 'pt=96;max-width=320'],
  ]);
  expect(orderRids(['0', '1', '2'], parameters)).toEqual(['2', '1', '0']);
});
