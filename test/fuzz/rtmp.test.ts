import type { EndpointControl } from '@switchyard/shared/protocol';
import { endpointId } from '@switchyard/shared/protocol';
import { describe, expect, it } from 'vitest';
import { readFlvAudio, readFlvVideo } from '../../gateways/rtmp/flv.ts';
import { Publisher } from '../../gateways/rtmp/publisher.ts';
import { RtmpSession } from '../../gateways/rtmp/rtmp-session.ts';
import { readStreamKey } from '../../gateways/rtmp/stream-key.ts';
import { fuzz, texts } from './fuzz.ts';
import {
  AUDIO,
  AUDIO_CONFIG,
  ENHANCED,
  FLOW,
  HANDSHAKE,
  hex,
  KEYFRAME,
  PICTURE,
  VIDEO_CONFIG,
} from './rtmp-seeds.ts';
import { SeededRandom } from './seeded-random.ts';

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
