import { expect, test } from 'vitest';
import { type FlvAudio, type FlvVideo, readFlvAudio, readFlvVideo } from './flv.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');

test.for<[string, string, Partial<FlvVideo> & { data?: Buffer }]>([
  ['an AVC configuration', '17 00 000000 aabb', { kind: 'config', data: bytes('aabb') }],
  [
    'a keyframe',
    '17 01 000021 aabb',
    { kind: 'picture', keyframe: true, compositionMs: 33, data: bytes('aabb') },
  ],
  ['a delta frame', '27 01 000000 aa', { kind: 'picture', keyframe: false, compositionMs: 0 }],
  ['a negative composition time', '27 01 ffffdf aa', { kind: 'picture', compositionMs: -33 }],
  ['the end of a sequence', '17 02 000000', { kind: 'other' }],
  ['H.263 by its name', '22 00 00', { kind: 'unsupported', codec: 'Sorenson H.263' }],
  ['H.265 of old encoders', '1c 01 000000', { kind: 'unsupported', codec: 'H.265' }],
  ['enhanced avc1, sequence start', '90 61766331 aa', { kind: 'config', data: bytes('aa') }],
  [
    'enhanced avc1, coded frames',
    '91 61766331 ffffff aa',
    { kind: 'picture', keyframe: true, compositionMs: -1 },
  ],
  [
    'enhanced avc1 without composition time',
    'a3 61766331 aa',
    { kind: 'picture', keyframe: false, compositionMs: 0 },
  ],
  ['enhanced avc1, metadata', '94 61766331 aa', { kind: 'other' }],
  ['enhanced hvc1 by its name', '90 68766331 aa', { kind: 'unsupported', codec: 'H.265' }],
  ['an unknown FourCC, printable', '90 00076331 aa', { kind: 'unsupported', codec: '??c1' }],
  ['nothing', '', { kind: 'other' }],
  ['a header that is cut short', '17 01 00', { kind: 'other' }],
  ['an enhanced header that is cut short', '91 6176', { kind: 'other' }],
  ['an enhanced composition time that is cut short', '91 61766331 ffff', { kind: 'other' }],
])('video: %s', ([, hex, tag]) => {
  expect(readFlvVideo(bytes(hex))).toMatchObject(tag);
});

test.for<[string, string, Partial<FlvAudio> & { data?: Buffer }]>([
  ['an AAC configuration', 'af 00 1190', { kind: 'config', data: bytes('1190') }],
  ['an AAC frame', 'af 01 2110', { kind: 'frame', data: bytes('2110') }],
  ['MP3 by its name', '2f ff', { kind: 'unsupported', codec: 'MP3' }],
  ['Speex by its name', 'b2 ff', { kind: 'unsupported', codec: 'Speex' }],
  ['an empty frame', 'af 01', { kind: 'other' }],
  ['one byte', 'af', { kind: 'other' }],
  ['nothing', '', { kind: 'other' }],
])('audio: %s', ([, hex, tag]) => {
  expect(readFlvAudio(bytes(hex))).toMatchObject(tag);
});
