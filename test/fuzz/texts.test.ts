import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, loadConfig } from '@switchyard/shared/runtime';
import { afterAll, describe, expect, it } from 'vitest';
import { parseIceFragment } from '../../gateways/webrtc/server/sdp/ice-fragment.ts';
import { writeAnswer } from '../../gateways/webrtc/server/sdp/sdp-answer.ts';
import { negotiate } from '../../gateways/webrtc/server/sdp/sdp-negotiation.ts';
import { parseOffer } from '../../gateways/webrtc/server/sdp/sdp-offer.ts';
import { configOf, parseLayerWish } from '../../gateways/webrtc/server/session/layer-wish.ts';
import { parseSessionRequest } from '../../gateways/webrtc/server/session/session-request-schema.ts';
import { fuzz, texts } from './fuzz.ts';

const vectors = new URL('../vectors/sdp/', import.meta.url);
const OFFERS = readdirSync(vectors).map((name) => readFileSync(new URL(name, vectors)));

describe('fuzz: WHEP', () => {
  it('wishes for layers are limits or refused with what is wrong', () => {
    let taken = 0;
    fuzz(
      texts(
        '{"mediaId":"0","encodingId":"l","maxSpatialLayerId":1}',
        '{"spatialLayerId":2,"temporalLayerId":1,"maxTemporalLayerId":0}',
        '{"rid":"h","maxWidth":640,"bitrate":1e9}',
        '{}',
      ),
      (input) => {
        const wish = parseLayerWish(input.toString('utf8'));
        if ('error' in wish) return;
        const config = configOf(wish.value, [{ rid: 'l' }, { rid: 'h' }]);
        if ('error' in config) expect(config.error.code).toBe('unknown-layer');
        else {
          taken += 1;
          const { maxSpatial, maxTemporal } = config.value;
          for (const layer of [maxSpatial, maxTemporal]) expect([0, 1, 2, 3, 4, 5, 6, 7]).toContain(layer);
        }
      },
    );
    expect(taken).toBeGreaterThan(50);
  });
});

describe('fuzz: SDP', () => {
  it('offers are answered or refused with what is wrong', () => {
    let answered = 0;
    fuzz(
      OFFERS,
      (input) => {
        const offer = parseOffer(input.toString('utf8'));
        if (!offer.ok) {
          expect(offer.error.code).toBe('invalid-sdp');
          return;
        }
        const result = negotiate(offer.offer, {
          previous: undefined,
          use: ({ direction }) => (direction === 'recvonly' ? 'send' : 'receive'),
          msid: ({ mid }) => ({ stream: 's', track: mid }),
          cname: 'fuzz',
          newSsrc: () => 1234,
          allOrNothing: false,
          publishesLater: true,
        });
        if (!result.ok) return;
        answered += 1;
        const answer = writeAnswer(offer.offer, {
          session: result.session,
          answers: result.answers,
          credentials: { ufrag: 'ufragufrag', password: 'p'.repeat(24) },
          fingerprint: { algorithm: 'sha-256', value: 'AA' },
          candidates: [{ transport: 'udp', address: '127.0.0.1', port: 9, priority: 1 }],
          originId: '1',
          version: 1,
        });
        expect(answer.startsWith('v=0')).toBe(true);
        expect(answer.split('\r\nm=').length).toBe(offer.offer.media.length + 1);
      },
      1500,
    );
    expect(answered).toBeGreaterThan(100);
  });

  it('long lines and many of them are no work', () => {
    const [first = Buffer.alloc(0)] = OFFERS;
    for (const line of [
      `a=rtpmap:${'9'.repeat(200_000)}`,
      `a=candidate:${' '.repeat(200_000)}`,
      'a=rtpmap:96 VP8/90000\r\n'.repeat(10_000),
      `a=extmap:1 ${'urn:'.repeat(50_000)}`,
      'a=ssrc:1 cname:x\r\n'.repeat(10_000),
      `a=simulcast:send ${';a'.repeat(900)}`,
      'm=video 9 UDP/TLS/RTP/SAVPF 96\r\n'.repeat(5000),
    ])
      fuzz(
        [Buffer.concat([first, Buffer.from(`${line}\r\n`)])],
        (input) => void parseOffer(input.toString()),
        3,
      );
  });

  it('fragments of trickle ICE', () => {
    fuzz(
      texts(
        'a=ice-ufrag:abcd1234\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n',
      ),
      (input) => void parseIceFragment(input.toString('latin1')),
    );
  });
});

describe('fuzz: JSON of SDK sessions', () => {
  it('messages are requests or are refused with the key that is wrong', () => {
    const requests = [
      {
        request: 1,
        type: 'join',
        protocol: 1,
        room: 'demo',
        peer: 'alice',
        metadata: '{}',
        publish: { peer: true, tracks: true },
      },
      {
        request: 2,
        type: 'offer',
        sdp: 'v=0\r\n',
        senders: [{ mid: '0', name: 'video_main' }],
        receivers: [{ mid: '1', use: 'mixer' }],
      },
      { request: 3, type: 'receiver-attach', mid: '1', source: { peer: 'bob', track: 'video_main' } },
      { request: 4, type: 'channel-publish', label: 'chat', data: 'hello' },
      { request: 5, type: 'leave' },
    ];
    fuzz(
      texts(
        ...requests.map((each) => JSON.stringify(each)),
        `${'['.repeat(5000)}`,
        `{"a":${'{"a":'.repeat(3000)}`,
      ),
      (input) => {
        const result = parseSessionRequest(input.toString('utf8'));
        if (!result.ok) expect(typeof result.error.code).toBe('string');
      },
    );
  });
});

describe('fuzz: configuration', () => {
  const directory = mkdtempSync(join(tmpdir(), 'switchyard-fuzz-'));
  const file = join(directory, 'switchyard.yaml');
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('a file is a configuration or a sentence that says what is wrong', () => {
    const seeds = texts(
      'log:\n  level: debug\ncore:\n  httpHost: 127.0.0.1\n  httpPort: 9090\nwebrtc:\n  port: 8080\n  mediaAddresses: [127.0.0.1, "::1"]\nrtmp: { port: 1935, transcode: auto }\n',
      'sip:\n  host: 127.0.0.1\n  rtpPortMin: 20000\n  rtpPortMax: 29999\n',
      'apps:\n  - id: shop\n    secret: 0123456789abcdef0123456789abcdef\nwebrtc:\n  host: 0.0.0.0\n',
      'a: &a [1, *a]\nb: !!binary aGVsbG8=\n---\nc: |\n  text\n',
      'a: &a [x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c]\n',
    );
    fuzz(
      seeds,
      (input) => {
        writeFileSync(file, input);
        try {
          loadConfig({}, directory);
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          expect(error.message.length).toBeGreaterThan(10);
        }
      },
      700,
    );
  });
});
