import { describe, expect, it, test } from 'vitest';
import { answerOffer, type LocalMedia, makeOffer, readAnswer } from './sdp-negotiation.ts';

const LOCAL: LocalMedia = { address: '127.0.0.1', port: 20_000, sessionId: 7, version: 1 };
const offer = (media: readonly string[], session: readonly string[] = ['c=IN IP4 192.0.2.1']): string =>
  ['v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=-', ...session, 't=0 0', ...media, ''].join('\r\n');
const answer = (media: readonly string[], session?: readonly string[]): string => {
  const result = answerOffer(offer(media, session), LOCAL);
  return result.ok ? result.answer : `${result.status} ${result.reason}`;
};
const audioOf = (media: readonly string[], session?: readonly string[]): object | undefined => {
  const result = answerOffer(offer(media, session), LOCAL);
  return result.ok ? result.audio : undefined;
};

describe('answerOffer', () => {
  test.for([
    [
      'PCMU by its static number',
      ['m=audio 4000 RTP/AVP 0'],
      { codec: 'PCMU', payloadType: 0, port: 4000, rtcpPort: 4001 },
    ],
    [
      'PCMA before PCMU, as the phone prefers',
      ['m=audio 4000 RTP/AVP 8 0'],
      { codec: 'PCMA', payloadType: 8 },
    ],
    [
      'Opus under any number',
      ['m=audio 4000 RTP/AVP 111 0', 'a=rtpmap:111 opus/48000/2'],
      { codec: 'opus', payloadType: 111 },
    ],
    [
      'a codec behind ones we lack',
      ['m=audio 4000 RTP/AVP 18 9 8', 'a=rtpmap:18 G729/8000'],
      { codec: 'PCMA' },
    ],
    [
      'telephone events of the codec’s clock',
      [
        'm=audio 4000 RTP/AVP 111 101 110',
        'a=rtpmap:111 opus/48000/2',
        'a=rtpmap:101 telephone-event/8000',
        'a=rtpmap:110 telephone-event/48000',
      ],
      { codec: 'opus', dtmfPayloadType: 110 },
    ],
    ['RTCP elsewhere (RFC 3605)', ['m=audio 4000 RTP/AVP 0', 'a=rtcp:4100'], { rtcpPort: 4100 }],
    [
      'RTCP on the same port (RFC 5761)',
      ['m=audio 4000 RTP/AVP 0', 'a=rtcp-mux'],
      { rtcpPort: 4000, rtcpMux: true },
    ],
    [
      'an address of its own',
      ['m=audio 4000 RTP/AVP 0', 'c=IN IP4 198.51.100.4'],
      { address: '198.51.100.4' },
    ],
  ] as const)('takes %s', ([, media, audio]) => {
    expect(audioOf(media)).toMatchObject(audio);
  });

  test.for([
    ['sendrecv', 'sendrecv'],
    ['sendonly', 'recvonly'],
    ['recvonly', 'sendonly'],
    ['inactive', 'inactive'],
  ] as const)('mirrors %s as %s (RFC 3264 §8.4)', ([offered, answered]) => {
    const media = ['m=audio 4000 RTP/AVP 0', `a=${offered}`];
    expect(answer(media)).toContain(`a=${answered}\r\n`);
    expect(audioOf(media)).toMatchObject({ direction: answered });
  });

  it('takes hold by 0.0.0.0 (RFC 2543) as inactive', () => {
    expect(audioOf(['m=audio 4000 RTP/AVP 0'], ['c=IN IP4 0.0.0.0'])).toMatchObject({
      direction: 'inactive',
    });
  });

  it('takes the direction of the session where the media says none', () => {
    expect(audioOf(['m=audio 4000 RTP/AVP 0'], ['c=IN IP4 192.0.2.1', 'a=sendonly'])).toMatchObject({
      direction: 'recvonly',
    });
  });

  it('refuses the other m-lines by port 0, in their order (RFC 3264 §6)', () => {
    const text = answer(['m=video 5000 RTP/AVP 96', 'm=audio 4000 RTP/AVP 0', 'm=image 6000 udptl t38']);
    expect(text.match(/^m=.*$/gm)).toEqual([
      'm=video 0 RTP/AVP 96',
      'm=audio 20000 RTP/AVP 0',
      'm=image 0 udptl t38',
    ]);
  });

  test.for([
    ['488 No codec', ['m=audio 4000 RTP/AVP 18', 'a=rtpmap:18 G729/8000']],
    ['488 No audio', ['m=video 5000 RTP/AVP 96']],
    ['488 No audio', ['m=audio 0 RTP/AVP 0']],
    ['488 RTP/SAVP', ['m=audio 4000 RTP/SAVP 0']],
  ] as const)('says %s', ([said, media]) => {
    expect(answer(media)).toContain(said);
  });

  it('says 400 to what is no description', () => {
    for (const text of ['', 'hello', 'm=audio 4000 RTP/AVP 0'])
      expect(answerOffer(text, LOCAL)).toMatchObject({ ok: false, status: 400 });
    expect(answer(['m=audio 4000 RTP/AVP 0'], [])).toContain('400');
  });
});

test('our offer is answered by a phone', () => {
  const text = makeOffer(LOCAL);
  expect(text).toContain('m=audio 20000 RTP/AVP 96 0 8 101\r\n');
  expect(readAnswer(offer(['m=audio 4000 RTP/AVP 8']))).toMatchObject({ codec: 'PCMA', port: 4000 });
  expect(readAnswer(offer(['m=audio 0 RTP/AVP 8']))).toBeUndefined();
});
