import { describe, expect, test } from 'vitest';
import { readVideoLayersAllocation } from './video-layers-allocation.ts';

const bytesOf = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], (each) => Number.parseInt(each, 16));

/** `960x540@900` of each stream, `-` for one that is not sent; the stream on which it came before the colon. */
const text = (hex: string): string | undefined => {
  const told = readVideoLayersAllocation(bytesOf(hex));
  const streams = told?.streams.map(({ active, width, height, bitrateBps }) =>
    active ? `${width}x${height}@${bitrateBps / 1000}` : '-',
  );
  return told && `${told.stream}: ${streams?.join(' ')}`;
};

describe('what Chromium 156 sent, 960×540 in L1T3, by what it was asked to send', () => {
  test.for([
    { name: 'VP8 lo;hi before the link is known', hex: '01806fa701960201df010d14', is: '0: 480x270@278' },
    {
      name: 'VP8 lo;hi, on hi',
      hex: '51a08c01d201de02e8029c04840701df010d1703bf021b17',
      is: '1: 480x270@350 960x540@900',
    },
    {
      name: 'the same on lo',
      hex: '11a08c01d201de02e8029c04840701df010d1703bf021b17',
      is: '0: 480x270@350 960x540@900',
    },
    { name: 'without sizes', hex: '51a08c01d201de02e8029c048407', is: '1: 0x0@350 0x0@900' },
    { name: 'lo switched off', hex: '500180e8029c04840703bf021b14', is: '1: - 960x540@900' },
    { name: 'hi switched off', hex: '0180b4018e02c20301df010d14', is: '0: 480x270@450' },
    {
      name: 'VP8 c;a;b, highest first, before the link is known',
      hex: 'a00010805a8701e10100ef00863c',
      is: '2: - - 240x135@225',
    },
    {
      name: 'VP8 c;a;b, on a',
      hex: '61a8e8029c0484078c01d201de024365a80103bf021b1401df010d1400ef008614',
      is: '1: 960x540@900 480x270@350 240x135@168',
    },
    {
      name: 'c switched off',
      hex: '600110a0b4018e02c2034365a80101df010d1400ef008614',
      is: '1: - 480x270@450 240x135@168',
    },
    {
      name: 'a switched off',
      hex: 'a01010a0e8029c0484074365a80103bf021b1400ef008614',
      is: '2: 960x540@900 - 240x135@168',
    },
    {
      name: 'H.264 x;a, one temporal layer of a',
      hex: '5100fa03de0203bf021b3c01df010d3c',
      is: '1: 960x540@506 480x270@350',
    },
    { name: 'one stream of H.264', hex: '01009602013f00b317', is: '0: 320x180@278' },
    {
      name: 'VP9 SVC of two layers, the first of three',
      hex: '03a0354663617eb40100ef00863c01df010d3c',
      is: '0: 480x270@180',
    },
    {
      name: 'VP9 SVC of three layers',
      hex: '07a83747658b01b5018102ea01b002b10300ef00861401df010d1403bf021b14',
      is: '0: 960x540@433',
    },
  ])('$name', ({ hex, is }) => {
    expect(text(hex)).toBe(is);
  });
});

test('nothing is sent', () => {
  expect(readVideoLayersAllocation(Uint8Array.of(0))).toEqual({ stream: 0, streams: [] });
});

test('four streams of four spatial and four temporal layers fill their bytes', () => {
  const targets = Array.from({ length: 64 }, (_, i) => i + 1);
  const told = readVideoLayersAllocation(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, ...targets));
  expect(told?.stream).toBe(3);
  expect(told?.streams.map(({ bitrateBps }) => bitrateBps)).toEqual([16_000, 32_000, 48_000, 64_000]);
});

describe('malformed', () => {
  test.for([
    { name: 'empty', hex: '' },
    { name: 'a zero byte and more', hex: '0000' },
    { name: 'a stream beyond the last', hex: '410001' },
    { name: 'no masks', hex: '10' },
    { name: 'masks of no layer', hex: '10000001' },
    { name: 'no temporal layers', hex: '2011' },
    { name: 'no targets', hex: '0100' },
    { name: 'a target too few', hex: '110001' },
    { name: 'a target without end', hex: '0100ffffffffff00' },
    { name: 'a target that is cut off', hex: '010080' },
    { name: 'half a size', hex: '010001003f00' },
    { name: 'more than sizes', hex: '01000100ff00ff1400' },
  ])('$name', ({ hex }) => {
    expect(readVideoLayersAllocation(bytesOf(hex))).toBeUndefined();
  });

  test('every prefix of a real one is refused, or told without sizes', () => {
    const whole = bytesOf('61a8e8029c0484078c01d201de024365a80103bf021b1401df010d1400ef008614');
    for (let length = 0; length < whole.length; length += 1) {
      const told = readVideoLayersAllocation(whole.subarray(0, length));
      expect(told === undefined || told.streams.every(({ width }) => width === 0)).toBe(true);
    }
  });
});
