import { describe, expect, test } from 'vitest';
import { keyframeSize } from './keyframe-size.ts';
import { type Codec, emptyMediaPacket, type MediaPacket } from './media-packet.ts';
import { readPayload } from './read-payload.ts';

function packetOf(codec: Codec, hex: string): MediaPacket {
  const packet = emptyMediaPacket(codec);
  packet.payload = Uint8Array.from(hex.match(/../g) ?? [], (each) => Number.parseInt(each, 16));
  readPayload(packet);
  return packet;
}
const sizeOf = (codec: Codec, hex: string): string | undefined => {
  const size = keyframeSize(packetOf(codec, hex));
  return size && `${size.width}x${size.height}`;
};

describe('keyframes of Chromium 156', () => {
  test.for([
    {
      codec: 'vp8',
      name: '480x270',
      hex: '90e0fa8aaf20103c009d012ae0010e01396900241c240c2c2c44cc24419c011fe2d0',
    },
    {
      codec: 'vp8',
      name: '960x540',
      hex: '90e0fa8aaf2090a9009d012ac0031c020a4709030b0b113309106a0377e3e422e6a6',
    },
    {
      codec: 'vp9',
      name: '480x270',
      hex: 'bbb3e1101001e0010e83498342001df010d138e0907065d000068050659f95fafee6',
    },
    {
      codec: 'vp9',
      name: '960x540',
      hex: 'bb913d101003c0021c83498342003bf021b178e0907066200009e050656f57f93fec',
    },
    { codec: 'h264', name: '480x270', hex: '7800136742c01e8c8d70f047f537010d010784423700000468ce3c80' },
    { codec: 'h264', name: '960x540', hex: '7800136742c0208c8d707808bf737010d01078442370000468ce3c80' },
    { codec: 'h264', name: '320x180', hex: '6742c0158c8d70a0cbcf37010d0107844237' },
  ] as const)('$codec $name', ({ codec, name, hex }) => {
    expect(sizeOf(codec, hex)).toBe(name);
  });
});

describe('packets that tell no size', () => {
  test.for([
    { codec: 'vp8', name: 'not a keyframe', hex: '90e0fa9ab300117400e4b10fe8ab37af104f' },
    { codec: 'vp8', name: 'a wrong start code', hex: '90e0fa8aaf20103c009d012be0010e013969' },
    { codec: 'vp8', name: 'no height', hex: '90e0fa8aaf20103c009d012ae0010000' },
    { codec: 'vp8', name: 'cut off', hex: '90e0fa8aaf20103c009d012ae001' },
    { codec: 'vp9', name: 'cut off', hex: 'bbb3e1101001e0010e83498342001df0' },
    { codec: 'vp9', name: 'a wrong sync code', hex: 'bbb3e1101001e0010e83498343001df010d138e0' },
    { codec: 'h264', name: 'a first slice', hex: '7c85b80004000004388c5000100ed1c00040' },
    { codec: 'h264', name: 'an SPS that is cut off', hex: '7800066742c01e8c8d000468ce3c80' },
    { codec: 'av1', name: 'its descriptor does', hex: '680f08002107008180404111df868034013400104b' },
  ] as const)('$codec: $name', ({ codec, hex }) => {
    expect(sizeOf(codec, hex)).toBeUndefined();
  });
});
