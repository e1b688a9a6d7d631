import type { EndpointControl } from '@switchyard/shared/protocol';
import { endpointId } from '@switchyard/shared/protocol';
import amf from 'node-media-server/src/protocol/amf.js';
import { describe, expect, it } from 'vitest';
import { readFlvAudio, readFlvVideo } from '../../gateways/rtmp/flv.ts';
import { Publisher } from '../../gateways/rtmp/publisher.ts';
import { RtmpSession } from '../../gateways/rtmp/rtmp-session.ts';
import { readStreamKey } from '../../gateways/rtmp/stream-key.ts';
import { fuzz, texts } from './fuzz.ts';
import { SeededRandom } from './seeded-random.ts';

const HANDSHAKE = Buffer.concat([Buffer.from([3]), Buffer.alloc(3072)]);

/** A message in chunks of 128 bytes. */
function message(type: number, payload: Buffer, cid = 3, streamId = 0): Buffer {
  const header = Buffer.alloc(12);
  header[0] = cid;
  header.writeUIntBE(40, 1, 3);
  header.writeUIntBE(payload.length, 4, 3);
  header[7] = type;
  header.writeUInt32LE(streamId, 8);
  const chunks = [header, payload.subarray(0, 128)];
  for (let at = 128; at < payload.length; at += 128)
    chunks.push(Buffer.from([0xc0 | cid]), payload.subarray(at, at + 128));
  return Buffer.concat(chunks);
}
const command = (fields: object): Buffer => message(20, Buffer.from(amf.encodeAmf0Cmd(fields)));
const hex = (value: string): Buffer => Buffer.from(value.replaceAll(' ', ''), 'hex');

const VIDEO_CONFIG = hex('1700000000 0142c01fffe1000a6742c01fda014016e80601000468ce3c80');
const KEYFRAME = hex('1701000000 00000005 6588840010 00000002 0600');
const PICTURE = hex('2701000005 00000004 41aabbcc');
const AUDIO_CONFIG = hex('af00 1190');
const AUDIO = hex('af01 21004f56');
const ENHANCED = hex('90 61766331 0142c01fffe1000a6742c01fda014016e80601000468ce3c80');
const FLOW = [
  message(1, hex('00000080')),
  command({ cmd: 'connect', transId: 1, cmdObj: { app: 'live', tcUrl: 'rtmp://h/live' } }),
  command({ cmd: 'releaseStream', transId: 2, cmdObj: null, streamName: 'demo' }),
  command({ cmd: 'createStream', transId: 3, cmdObj: null }),
  command({ cmd: 'publish', transId: 4, cmdObj: null, streamName: 'demo/obs?token=x', type: 'live' }),
  message(9, VIDEO_CONFIG, 6, 1),
  message(9, KEYFRAME, 6, 1),
  message(8, AUDIO_CONFIG, 4, 1),
  message(8, AUDIO, 4, 1),
  message(4, hex('000600000001')),
  message(5, hex('0007a120')),
  message(
    18,
    hex(
      '02000d40736574446174614672616d65 02000a6f6e4d65746144617461 080000000100057769647468004094000000000000000009',
    ),
    5,
    1,
  ),
  command({ cmd: 'FCUnpublish', transId: 5, cmdObj: null, streamName: 'demo' }),
  command({ cmd: 'deleteStream', transId: 6, cmdObj: null, streamId: 1 }),
];

describe('fuzz: RTMP', () => {
  it('chunk streams and commands, in pieces, with bounded answers', () => {
    const pieces = new SeededRandom(3);
    fuzz(
      [Buffer.concat(FLOW), ...FLOW],
      (input) => {
        let sent = 0;
        let ended = false;
        const session = new RtmpSession({
          onPublish: () => session.accept(),
          onMedia: () => {},
          onUnpublish: () => {},
          send: (bytes) => {
            sent += bytes.length;
          },
          end: () => {
            ended = true;
          },
        });
        session.receive(HANDSHAKE);
        const bytes = pieces.chance(0.5) ? input : Buffer.concat([...FLOW.slice(0, 5), input]);
        for (let at = 0; at < bytes.length && !ended; ) {
          const end = at + 1 + pieces.below(bytes.length);
          if (session.receive(bytes.subarray(at, end)) !== undefined) break;
          at = end;
        }
        expect(sent).toBeLessThan(3072 + 1024 + bytes.length * 64);
      },
      1500,
    );
  });

  it('FLV tags', () => {
    const seeds = [
      VIDEO_CONFIG,
      KEYFRAME,
      PICTURE,
      AUDIO_CONFIG,
      AUDIO,
      ENHANCED,
      hex('a161766331aabb'),
      hex('9001'),
    ];
    fuzz(seeds, (input) => {
      readFlvVideo(input);
      readFlvAudio(input);
    });
  });

  it('a publisher takes tags of any content in any order', () => {
    const random = new SeededRandom(5);
    const controls: EndpointControl[] = [];
    const seeds = [VIDEO_CONFIG, KEYFRAME, PICTURE, ENHANCED, AUDIO];
    let publisher: Publisher | undefined;
    let refused = false;
    fuzz(seeds, (input) => {
      if (publisher === undefined || refused) {
        publisher?.close();
        refused = false;
        publisher = new Publisher({
          endpoint: {
            id: endpointId(1),
            control: (control) => controls.push(control),
            request: async () => undefined,
            media: () => {},
            close: () => {},
          },
          policy: 'passthrough',
          nowMs: () => 1_800_000_000_000 + random.below(100_000),
          onRefused: () => {
            refused = true;
          },
          log: () => {},
        });
      }
      if (random.chance(0.2)) publisher.handle('video', random.below(2 ** 31), VIDEO_CONFIG);
      if (random.chance(0.2)) publisher.handle('video', random.below(2 ** 31), KEYFRAME);
      publisher.handle('video', random.below(2 ** 31), input);
      publisher.handle('audio', random.below(2 ** 31), input);
      publisher.requestKeyframe();
    });
    publisher?.close();
    expect(controls.length).toBeGreaterThan(0);
  });

  it('stream keys', () => {
    fuzz(texts('demo/obs?token=abc.def.ghi', 'demo', 'demo/%41?token=%2', 'a/b/c/d'), (input) => {
      readStreamKey(input.toString('utf8'), input.toString('latin1'));
      readStreamKey('live', input.toString('utf8'));
    });
  });
});
