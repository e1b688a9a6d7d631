import { expect, it, test } from 'vitest';
import { parseMediaAddress } from './media-address.ts';
import { tcpCandidates, udpCandidates } from './server-candidates.ts';

test.each([
  ['192.0.2.1', { bind: '192.0.2.1', announced: '192.0.2.1' }],
  ['203.0.113.5=10.0.0.5', { bind: '10.0.0.5', announced: '203.0.113.5' }],
  ['2001:db8::1=fd00::1', { bind: 'fd00::1', announced: '2001:db8::1' }],
  ['example.com', undefined],
  ['192.0.2.1=', undefined],
  ['1.2.3.4=1.2.3.4=1.2.3.4', undefined],
])('the media address %s is read', (entry, expected) => {
  expect(parseMediaAddress(entry)).toEqual(expected);
});

const addresses = [
  { bind: '127.0.0.1', announced: '127.0.0.1' },
  { bind: '10.0.0.5', announced: '203.0.113.5' },
  { bind: 'fd00::1', announced: '2001:db8::1' },
];

it('prefers addresses in their order, with distinct priorities, UDP above TCP', () => {
  const all = [...udpCandidates(addresses, 8080), ...tcpCandidates(addresses, '::', 8080)];
  const priorities = all.map(({ priority }) => priority);
  expect(priorities).toEqual([...new Set(priorities)].sort((a, b) => b - a));
  expect(priorities.every((priority) => priority > 0 && priority < 2 ** 31)).toBe(true);
});

test.each([
  ['127.0.0.1', ['127.0.0.1']],
  ['localhost', ['127.0.0.1']],
  ['10.0.0.5', ['203.0.113.5']],
  ['0.0.0.0', ['127.0.0.1', '203.0.113.5']],
  ['::', ['127.0.0.1', '203.0.113.5', '2001:db8::1']],
  ['192.0.2.9', []],
])('a listener on %s is reached by TCP at %j', (host, expected) => {
  expect(tcpCandidates(addresses, host, 80).map(({ address }) => address)).toEqual(expected);
});
