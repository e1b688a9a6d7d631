import { isIPv4 } from 'node:net';
import { expect, test } from 'vitest';
import { announcedAddress } from './announced-address.ts';

test('what is configured comes first, then what is listened on', () => {
  expect(announcedAddress('0.0.0.0', '203.0.113.7')).toBe('203.0.113.7');
  expect(announcedAddress('192.0.2.1', undefined)).toBe('192.0.2.1');
});

test('a phone is never told an address that is none', () => {
  const address = announcedAddress('0.0.0.0', undefined);
  expect(isIPv4(address)).toBe(true);
  expect(address).not.toBe('0.0.0.0');
});
