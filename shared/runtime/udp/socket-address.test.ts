import { describe, expect, it } from 'vitest';
import { ipv4Key, ipv4Source } from './datagram-intake.ts';
import { ipBytes } from './ip-bytes.ts';
import { socketAddress } from './socket-address.ts';

describe('ipBytes', () => {
  it.each([
    ['192.0.2.1', 'c0000201'],
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['2001:db8::', '20010db8000000000000000000000000'],
    ['2001:db8::8:800:200c:417a', '20010db80000000000080800200c417a'],
    ['2001:DB8:0:0:8:800:200C:417A', '20010db80000000000080800200c417a'],
    ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201'],
  ])('reads %s', (address, hex) => expect(ipBytes(address).toString('hex')).toBe(hex));
});

describe('socketAddress', () => {
  it.each([
    ['127.0.0.1', 8080, '02001f907f0000010000000000000000'],
    ['2001:db8::1', 65_535, '0a00ffff0000000020010db800000000000000000000000100000000'],
    ['fe80::1%eth0', 1, undefined],
    ['example.org', 1, undefined],
  ])('writes %s port %i', (address, port, hex) =>
    expect(socketAddress(address, port)?.toString('hex')).toBe(hex),
  );
});

describe('ipv4Key', () => {
  it.each([
    ['0.0.0.0', 0],
    ['127.0.0.1', 8080],
    ['255.255.255.255', 65_535],
  ])('is of %s port %i alone', (address, port) =>
    expect(ipv4Source(ipv4Key(address, port))).toEqual({ address, port }),
  );
});
