import { readFileSync } from 'node:fs';
import { type MediaDescription, parse } from 'sdp-transform';
import { describe, expect, test } from 'vitest';
import type { NegotiatedMedia, NegotiatedSession } from '../peer-contract.ts';
import type { MediaUse } from './codec-choice.ts';
import { writeAnswer } from './sdp-answer.ts';
import { negotiate } from './sdp-negotiation.ts';
import { type OfferedMedia, parseOffer } from './sdp-offer.ts';

const vector = (name: string): string =>
  readFileSync(new URL(`../../../../test/vectors/sdp/${name}.sdp`, import.meta.url), 'utf8');

interface Answered {
  readonly session: NegotiatedSession;
  readonly sdp: string;
  readonly media: readonly MediaDescription[];
  readonly group: string | undefined;
}

let ssrc = 1000;

function answer(
  offerText: string,
  use: MediaUse | ((media: OfferedMedia) => MediaUse | undefined),
  previous?: NegotiatedSession,
): Answered {
  const parsed = parseOffer(offerText);
  if (!parsed.ok) throw new Error(parsed.error.detail);
  const result = negotiate(parsed.offer, {
    previous,
    use: typeof use === 'string' ? () => use : use,
    msid: ({ mid }) => ({ stream: 'stream', track: mid }),
    cname: 'cname',
    newSsrc: () => ++ssrc,
    allOrNothing: false,
    publishesLater: false,
  });
  if (!result.ok) throw new Error(result.error.detail);
  const sdp = writeAnswer(parsed.offer, {
    session: result.session,
    answers: result.answers,
    credentials: { ufrag: '20482048', password: 'serverserverserverserver' },
    fingerprint: { algorithm: 'sha-256', value: 'AB:CD' },
    candidates: [
      { address: '127.0.0.1', port: 18200, priority: 2_130_706_431, transport: 'udp' },
      { address: '192.0.2.1', port: 18200, priority: 2_130_706_430, transport: 'udp' },
    ],
    originId: '4711',
    version: 1,
  });
  const written = parse(sdp);
  return { session: result.session, sdp, media: written.media, group: written.groups?.[0]?.mids.toString() };
}

const own = (media: NegotiatedMedia | undefined): string =>
  media?.codecs
    .map(({ codec, payloadType, rtxPayloadType }) => `${codec} ${payloadType}/${rtxPayloadType}`)
    .join(', ') ?? '';

describe('the answer to a real offer', () => {
  test.for([
    { name: 'chrome-simulcast', kinds: 'audio video', role: 'server' },
    { name: 'firefox-simulcast', kinds: 'audio video', role: 'server' },
    { name: 'gstreamer-bundle-only', kinds: 'video audio', role: 'server' },
    { name: 'ffmpeg-whip-passive', kinds: 'audio video', role: 'client' },
    { name: 'aiortc-whip', kinds: 'video audio', role: 'server' },
    { name: 'libwebrtc-node-simulcast', kinds: 'video audio', role: 'server' },
    { name: 'werift-whip', kinds: 'video audio', role: 'server' },
    { name: 'libdatachannel-whip', kinds: 'audio video', role: 'server' },
  ])('$name, a publisher: every m-line is received on one bundle', ({ name, kinds, role }) => {
    const { session, media, group, sdp } = answer(vector(name), 'receive');
    expect(session.media.map(({ kind }) => kind).join(' ')).toBe(kinds);
    expect(session.media.every(({ direction, send }) => direction === 'receive' && send === undefined)).toBe(
      true,
    );
    expect(session.dtlsRole).toBe(role);
    expect(media.every(({ setup }) => setup === (role === 'server' ? 'passive' : 'active'))).toBe(true);
    expect(
      media.every(({ port, direction, rtcpMux }) => port === 9 && direction === 'recvonly' && rtcpMux),
    ).toBe(true);
    expect(group).toBe(session.media.map(({ mid }) => mid).join(' '));
    expect(sdp).toContain('a=ice-lite');
    expect(sdp.match(/a=candidate:/g)).toHaveLength(2);
    expect(media[0]?.endOfCandidates).toBeDefined();
    expect(sdp).not.toMatch(/undefined|NaN|null/);
  });

  test('Chrome simulcast: all rids are echoed, the dependency descriptor is not, codecs are in its order', () => {
    const { session, media, sdp } = answer(vector('chrome-simulcast'), 'receive');
    const video = session.media[1];
    expect(video?.rids).toEqual(['q', 'h', 'f']);
    expect(media[1]?.rids?.map(({ id, direction }) => `${id} ${direction}`)).toEqual([
      'q recv',
      'h recv',
      'f recv',
    ]);
    expect(media[1]?.simulcast).toEqual({ dir1: 'recv', list1: 'q;h;f' });
    expect(video?.extensions).toMatchObject({ mid: 4, rid: 10, 'repaired-rid': 11, 'transport-cc': 3 });
    expect(video?.extensions['dependency-descriptor']).toBeUndefined();
    expect(video?.extensions['video-orientation']).toBeUndefined();
    expect(video?.codecs.map(({ codec }) => codec)).toEqual(['vp8', 'h264', 'av1', 'vp9']);
    expect(video?.codecs.every(({ rtxPayloadType }) => rtxPayloadType !== undefined)).toBe(true);
    expect(session.media[0]?.codecs).toEqual([{ codec: 'opus', payloadType: 111, redPayloadType: 63 }]);
    expect(sdp).toContain('a=rtpmap:63 red/48000/2');
    expect(sdp).toContain('a=fmtp:63 111/111');
    expect(media[0]?.fmtp[0]?.config).toBe('minptime=10;useinbandfec=1');
    expect(media[1]?.rtcpFb?.filter(({ payload }) => payload === 96)).toEqual([
      { payload: 96, type: 'goog-remb' },
      { payload: 96, type: 'transport-cc' },
      { payload: 96, type: 'ccm', subtype: 'fir' },
      { payload: 96, type: 'nack' },
      { payload: 96, type: 'nack', subtype: 'pli' },
    ]);
  });

  test('Chrome recvonly: a slot takes all four codecs with RTX, has its own SSRCs, and is told its stream', () => {
    const { session, media, sdp } = answer(vector('chrome-recvonly'), 'send');
    const [video, audio] = session.media;
    expect(own(video)).toBe('vp8 96/97, vp9 98/99, h264 108/109, av1 45/46');
    expect(video?.send?.ssrc).not.toBe(video?.send?.rtxSsrc);
    expect(media[0]?.ssrcGroups).toEqual([
      { semantics: 'FID', ssrcs: `${video?.send?.ssrc} ${video?.send?.rtxSsrc}` },
    ]);
    expect(media[0]?.msid).toEqual([{ id: 'stream', appdata: 0 }]);
    expect(media[0]?.direction).toBe('sendonly');
    expect(own(audio)).toBe('opus 111/undefined');
    expect(sdp).toContain('a=rtpmap:108 H264/90000');
    expect(sdp).toContain('packetization-mode=1;profile-level-id=42e01f');
    // Every packet is acknowledged: the send time is then of no use.
    expect(video?.extensions).toMatchObject({ mid: 9, 'transport-cc': 4 });
    expect(video?.extensions['abs-send-time']).toBeUndefined();
    expect(audio?.extensions['transport-cc']).toBe(video?.extensions['transport-cc']);
    expect(sdp).toContain('a=rtcp-fb:96 transport-cc');
    expect(sdp).toContain('a=rtcp-fb:111 transport-cc');
  });

  test('Chrome SDK: rids listed highest first are ordered, paused ones stay paused, the data channel is taken', () => {
    const { session, media, group } = answer(vector('chrome-sdk'), ({ mid }) =>
      mid === '0' ? 'receive' : 'send',
    );
    expect(session.media[0]?.rids).toEqual(['lo', 'mid', 'hi']);
    expect(media[0]?.simulcast?.list1).toBe('hi;~mid;lo');
    expect(session.dataChannel).toBe(true);
    expect(media[3]).toMatchObject({
      type: 'application',
      port: 9,
      payloads: 'webrtc-datachannel',
      sctpPort: 5000,
    });
    expect(group).toBe('0 1 2 3');
  });

  test('an m-line that nobody named is answered inactive', () => {
    const { session } = answer(vector('chrome-sdk'), ({ mid }) => (mid === '1' ? 'send' : undefined));
    expect(session.media.map(({ direction }) => direction)).toEqual(['inactive', 'send', 'inactive']);
  });

  test('an inactive answer echoes rids and simulcast too', () => {
    const { media, session } = answer(vector('chrome-inactive'), ({ mid }) =>
      mid === '0' ? 'receive' : 'send',
    );
    expect(media[0]?.direction).toBe('inactive');
    expect(media[0]?.simulcast).toEqual({ dir1: 'recv', list1: '0;~1' });
    expect(session.media[0]?.rids).toEqual(['0', '1']);
  });

  test('a stopped m-line is rejected outside the bundle, a recycled one gets SSRCs of its own, others keep theirs', () => {
    const use = ({ type }: OfferedMedia): MediaUse => (type === 'video' ? 'receive' : 'send');
    const first = answer(vector('chrome-max-bundle'), use);
    const stopped = answer(vector('chrome-stopped'), use, first.session);
    expect(stopped.media[1]).toMatchObject({ port: 0, mid: 1 });
    expect(stopped.group).toBe('0');
    expect(stopped.session.media.map(({ mid }) => mid)).toEqual(['0']);
    const recycled = answer(vector('chrome-recycled'), use, stopped.session);
    expect(recycled.group).toBe('0 2');
    expect(recycled.session.media[1]?.send?.ssrc).not.toBe(first.session.media[1]?.send?.ssrc);
    const again = answer(vector('chrome-recycled'), use, recycled.session);
    expect(again.session.media[1]?.send).toEqual(recycled.session.media[1]?.send);
  });

  describe('a first codec that says nothing of its layers', () => {
    const offer = vector('chrome-av1');
    const h264 = [...offer.matchAll(/^a=rtpmap:(\d+) H264/gm)].map((match) => match[1] ?? '');
    const h264First = offer.replace(/^(m=video \S+ \S+) (.*)$/m, (_, head: string, types: string) =>
      [
        head,
        ...h264,
        ...types
          .trim()
          .split(' ')
          .filter((type) => !h264.includes(type)),
      ].join(' '),
    );
    const video = (text: string): NegotiatedMedia | undefined =>
      answer(text, 'receive').session.media.find(({ kind }) => kind === 'video');

    test.for([
      { codec: 'av1', text: offer },
      { codec: 'h264', text: h264First },
    ])('$codec gets the dependency descriptor, and VP8 leaves the m-line', ({ codec, text }) => {
      const media = video(text);
      expect(media?.codecs[0]?.codec).toBe(codec);
      expect(media?.codecs.some((each) => each.codec === 'vp8')).toBe(false);
      expect(media?.extensions['dependency-descriptor']).toBe(13);
    });

    test('without two-byte headers there is no descriptor, and VP8 stays', () => {
      const media = video(h264First.replaceAll(/^a=extmap-allow-mixed\r?\n/gm, ''));
      expect(media?.codecs.some((each) => each.codec === 'vp8')).toBe(true);
      expect(media?.extensions['dependency-descriptor']).toBeUndefined();
    });
  });

  test('Firefox simulcast: extensions limited to one direction come back turned round', () => {
    const { session, media } = answer(vector('firefox-simulcast'), 'receive');
    expect(session.media[1]?.rids).toEqual(['q', 'h', 'f']);
    expect(session.media[1]?.extensions).toEqual({ mid: 3, rid: 8, 'repaired-rid': 9, 'transport-cc': 7 });
    expect(media[1]?.ext?.find(({ value }) => value === 9)?.direction).toBe('recvonly');
    expect(session.media[0]?.extensions).toEqual({ 'audio-level': 1, mid: 3 });
    expect(media[0]?.fmtp[0]?.config).toBe('minptime=10;useinbandfec=1;stereo=1');
  });

  test('FFmpeg WHIP: SSRCs are read from the offer, any constrained baseline is taken', () => {
    const { session } = answer(vector('ffmpeg-whip-passive'), 'receive');
    expect(own(session.media[1])).toBe('h264 106/105');
    expect(session.media[1]?.ssrcs).toEqual([{ ssrc: 1784790579, rtxSsrc: 1784790580 }]);
    expect(session.media[0]?.ssrcs).toEqual([{ ssrc: 1784790578 }]);
  });

  test('GStreamer: high profile and capital OPUS are taken, the bundle-only m-line with port 0 too', () => {
    const { session, media } = answer(vector('gstreamer-bundle-only'), 'receive');
    expect(session.media.map((each) => own(each))).toEqual(['h264 96/97', 'opus 98/undefined']);
    expect(media[1]?.port).toBe(9);
    expect(media[1]?.fmtp[0]?.config).toBe('minptime=10;useinbandfec=1;stereo=1');
  });

  test('aiortc: an id with two meanings in one bundle gets one, a numeric ufrag stays a string', () => {
    const { session } = answer(vector('aiortc-whep'), 'send');
    expect(session.remoteUfrag).toBe('90210');
    expect(session.media.map(({ extensions }) => extensions)).toEqual([
      { mid: 1, 'audio-level': 2 },
      { mid: 1 },
    ]);
    expect(session.remoteFingerprints.map(({ algorithm }) => algorithm)).toEqual(['sha-256', 'sha-384']);
    expect(own(session.media[1])).toBe('vp8 97/98, h264 101/102');
  });

  test('aiortc publishes: the level of its voice is read, though its video m-line has another use of that id', () => {
    const { session } = answer(vector('aiortc-whip'), 'receive');
    expect(session.media.map(({ extensions }) => extensions)).toEqual([
      { mid: 1 },
      { mid: 1, 'audio-level': 2 },
    ]);
    expect(session.media[0]?.ssrcs).toHaveLength(1);
  });

  test('werift: the same extension has another id on each m-line', () => {
    const { session, media } = answer(vector('werift-whip'), 'receive');
    expect(session.media.map(({ extensions }) => extensions)).toEqual([
      { mid: 4, 'transport-cc': 6 },
      { mid: 1, 'transport-cc': 3 },
    ]);
    expect(own(session.media[0])).toBe('vp8 97/98');
    expect(media.map(({ ext }) => ext?.length)).toEqual([2, 2]);
  });

  test('libwebrtc in Node: two rids without a direction of their extensions', () => {
    const { session, media } = answer(vector('libwebrtc-node-simulcast'), 'receive');
    expect(session.media[0]?.rids).toEqual(['l', 'h']);
    expect(media[0]?.simulcast).toEqual({ dir1: 'recv', list1: 'l;h' });
    expect(session.media[0]?.extensions).toEqual({ mid: 9, rid: 10, 'repaired-rid': 11, 'transport-cc': 4 });
    expect(session.media[1]?.codecs).toEqual([{ codec: 'opus', payloadType: 111, redPayloadType: 63 }]);
  });

  test('GStreamer watches: RTX to repair with, no extension, so that nothing but its losses tells of its path', () => {
    const { session, sdp, group } = answer(vector('gstreamer-whep'), 'send');
    expect(session.media.map((each) => own(each))).toEqual(['vp8 96/98', 'opus 97/undefined']);
    expect(session.media.map(({ extensions }) => extensions)).toEqual([{}, {}]);
    expect(sdp).toContain('a=rtcp-fb:96 nack\r\n');
    expect(sdp).not.toContain('transport-cc');
    expect(group).toBe('video0 audio1');
  });

  test('Firefox watches: of four kinds of H264 the one that rooms carry, send time gives way to acknowledgements', () => {
    const { session } = answer(vector('firefox-whep'), 'send');
    expect(own(session.media[0])).toBe('vp8 120/124, vp9 121/125, h264 126/127, av1 99/100');
    // What Firefox offers to receive only comes back from the side that sends.
    expect(session.media[0]?.extensions).toEqual({ mid: 3, 'transport-cc': 7, 'playout-delay': 6 });
    expect(session.media[1]?.extensions).toEqual({ mid: 3, 'transport-cc': 7, 'audio-level': 1 });
  });

  test('libdatachannel (OBS): no extension, no RTX; its streams are known by the SSRCs of the offer', () => {
    const { session } = answer(vector('libdatachannel-whip'), 'receive');
    expect(session.media.map((each) => own(each))).toEqual(['opus 111/undefined', 'h264 96/undefined']);
    expect(session.media.map(({ ssrcs }) => ssrcs)).toEqual([[{ ssrc: 1111 }], [{ ssrc: 2222 }]]);
  });

  test('a later offer keeps the DTLS role of the first', () => {
    const first = answer(vector('ffmpeg-whip-passive'), 'receive');
    const later = answer(
      vector('ffmpeg-whip-passive').replaceAll('setup:passive', 'setup:actpass'),
      'receive',
      first.session,
    );
    expect(later.session.dtlsRole).toBe('client');
    expect(later.media[0]?.setup).toBe('active');
  });
});

describe('a refused offer', () => {
  const good = vector('chrome-simulcast');
  test.for([
    { name: 'not SDP', sdp: 'hello', detail: 'v=0' },
    { name: 'no m-line', sdp: 'v=0\r\ns=-\r\n', detail: 'no m-line' },
    { name: 'no fingerprint', sdp: good.replace(/a=fingerprint.*\r\n/g, ''), detail: 'a=fingerprint' },
    {
      name: 'only sha-1',
      sdp: good.replace(
        /a=fingerprint:.*/g,
        'a=fingerprint:sha-1 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33',
      ),
      detail: 'a=fingerprint',
    },
    { name: 'no ufrag', sdp: good.replace(/a=ice-ufrag.*\r\n/g, ''), detail: 'a=ice-ufrag' },
    { name: 'short password', sdp: good.replace(/a=ice-pwd:.*/g, 'a=ice-pwd:abc'), detail: 'a=ice-pwd' },
    { name: 'ICE-lite client', sdp: good.replace('t=0 0', 't=0 0\r\na=ice-lite'), detail: 'ice-lite' },
    { name: 'no bundle', sdp: good.replace(/a=group.*\r\n/, ''), detail: 'BUNDLE' },
    { name: 'no rtcp-mux', sdp: good.replaceAll('a=rtcp-mux\r\n', ''), detail: 'rtcp-mux' },
    { name: 'mid twice', sdp: good.replace('a=mid:1', 'a=mid:0'), detail: 'twice' },
    { name: 'holdconn', sdp: good.replaceAll('a=setup:actpass', 'a=setup:holdconn'), detail: 'a=setup' },
    { name: 'plain RTP', sdp: good.replaceAll('UDP/TLS/RTP/SAVPF', 'RTP/AVP'), detail: 'RTP/AVP' },
    { name: 'too long', sdp: `v=0\r\n${'a=x\r\n'.repeat(120_000)}`, detail: 'longer than' },
  ])('$name is named', ({ sdp, detail }) => {
    const result = parseOffer(sdp);
    expect(result).toMatchObject({ ok: false, error: { code: 'invalid-sdp' } });
    if (!result.ok) expect(result.error.detail).toContain(detail);
  });

  test('no codec in common is named with what was offered', () => {
    const parsed = parseOffer(vector('gstreamer-bundle-only').replaceAll('H264/90000', 'H265/90000'));
    if (!parsed.ok) throw new Error(parsed.error.detail);
    const plan = {
      previous: undefined,
      use: () => 'receive' as const,
      msid: () => ({ stream: 's', track: 't' }),
      cname: 'c',
      newSsrc: () => 1,
      publishesLater: false,
    };
    expect(negotiate(parsed.offer, { ...plan, allOrNothing: true })).toMatchObject({
      ok: false,
      error: { code: 'unsupported-codec', detail: expect.stringContaining('H265') },
    });
    const partial = negotiate(parsed.offer, { ...plan, allOrNothing: false });
    expect(partial.ok && partial.session.media.map(({ mid }) => mid)).toEqual(['audio1']);
  });
});

test('every prefix and every line removed of a real offer gives an answer or a refusal, never an exception', () => {
  for (const name of ['chrome-sdk', 'firefox-simulcast', 'ffmpeg-whip-passive']) {
    const lines = vector(name).split('\r\n');
    for (let at = 0; at < lines.length; at += 1) {
      for (const text of [
        lines.slice(0, at).join('\r\n'),
        lines.toSpliced(at, 1).join('\r\n'),
        lines.with(at, 'a=rtpmap:x').join('\r\n'),
      ]) {
        const parsed = parseOffer(text);
        if (!parsed.ok) continue;
        negotiate(parsed.offer, {
          previous: undefined,
          use: () => 'receive',
          msid: () => ({ stream: 's', track: 't' }),
          cname: 'c',
          newSsrc: () => 1,
          allOrNothing: true,
          publishesLater: false,
        });
      }
    }
  }
});
