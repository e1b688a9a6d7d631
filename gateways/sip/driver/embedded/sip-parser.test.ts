import { Core } from 'sip.js';
import { describe, expect, it, test } from 'vitest';
import { parseNameAddr, parseSipMessage, parseUri, splitOutside } from './sip-parser.ts';
import { scanMessage } from './sip-scan.ts';

describe('parseUri', () => {
  test.for([
    ['sip:demo@127.0.0.1', { scheme: 'sip', user: 'demo', host: '127.0.0.1', port: undefined }],
    ['SIPS:demo@Example.org:5061', { scheme: 'sips', host: 'example.org', port: 5061 }],
    ['sip:127.0.0.1:5060', { user: '', host: '127.0.0.1', port: 5060 }],
    ['sip:demo:secret@host', { user: 'demo', host: 'host' }],
    ['sip:de%6do@host', { user: 'demo' }],
    ['sip:demo@[2001:db8::1]:5070;transport=tcp', { host: '[2001:db8::1]', port: 5070 }],
    ['sip:demo@host;lr?subject=x', { user: 'demo', host: 'host' }],
  ] as const)('%s', ([text, facts]) => {
    expect(parseUri(text)).toMatchObject(facts);
  });

  test.for([
    '',
    'demo',
    'sip:',
    'sip:demo@',
    'http://a',
    'sip:a@b:99999',
    'sip:%zz@b',
    'sip:a@b c',
    'sip:a@b;x y',
  ])('refuses "%s"', (text) => {
    expect(parseUri(text)).toBeUndefined();
  });
});

describe('parseNameAddr', () => {
  test.for([
    ['<sip:ann@a>;tag=1', '', 'ann', '1'],
    ['sip:ann@a;tag=1', '', 'ann', '1'],
    ['Ann <sip:ann@a>', 'Ann', 'ann', undefined],
    ['"Ann, \\"A\\"" <sip:ann@a;x=<y>;tag=2', undefined, undefined, undefined],
    ['"Ann, \\"A\\"" <sip:ann@a> ;tag=2', 'Ann, "A"', 'ann', '2'],
  ] as const)('%s', ([text, name, user, tag]) => {
    const address = parseNameAddr(text);
    expect(address?.displayName).toBe(name);
    expect(address?.uri.user).toBe(user);
    expect(address?.getParam('tag')).toBe(tag);
  });
});

test('commas inside quotes and brackets do not split', () => {
  expect(splitOutside('"a,b" <sip:x,y@h>,c', ',')).toEqual(['"a,b" <sip:x,y@h>', 'c']);
});

describe('parseSipMessage', () => {
  const message = (lines: readonly string[], body = ''): string => `${lines.join('\r\n')}\r\n\r\n${body}`;
  const parse = (text: string): ReturnType<typeof parseSipMessage> => {
    const scanned = scanMessage(text);
    return scanned === undefined ? undefined : parseSipMessage(text, scanned);
  };
  const INVITE = [
    'INVITE sip:demo@127.0.0.1 SIP/2.0',
    'Via: SIP/2.0/TCP 10.0.0.1:5062;branch=z9hG4bK1;rport',
    'Record-Route: <sip:p1;lr>, <sip:p2;lr>',
    'From: "Ann" <sip:ann@10.0.0.1>;tag=a',
    'To: <sip:demo@127.0.0.1>',
    'Contact: <sip:ann@10.0.0.1:5062>',
    'Call-ID: 1@10.0.0.1',
    'CSeq: 1 INVITE',
    'Content-Length: 4',
  ];

  it('fills what sip.js reads of a request', () => {
    const request = parse(message(INVITE, 'abcdtrailing'));
    expect(request).toBeInstanceOf(Core.IncomingRequestMessage);
    expect(request).toMatchObject({
      method: 'INVITE',
      callId: '1@10.0.0.1',
      cseq: 1,
      fromTag: 'a',
      body: 'abcd',
    });
    expect(request?.getHeaders('record-route')).toEqual(['<sip:p1;lr>', '<sip:p2;lr>']);
    expect(request?.parseHeader('contact')?.uri.port).toBe(5062);
    expect(request?.viaBranch).toBe('z9hG4bK1');
  });

  it('fills what sip.js reads of a response', () => {
    const response = parse(message(['SIP/2.0 486 Busy Here', ...INVITE.slice(1, -1), 'Content-Length: 0']));
    expect(response).toBeInstanceOf(Core.IncomingResponseMessage);
    expect(response).toMatchObject({ statusCode: 486, reasonPhrase: 'Busy Here', method: 'INVITE' });
  });

  test.for([
    ['a body shorter than it says', message(INVITE, 'abc')],
    ['a length that is no number', message([...INVITE.slice(0, -1), 'Content-Length: many'], 'abcd')],
    ['a URI of another scheme', message(['INVITE http://x SIP/2.0', ...INVITE.slice(1)], 'abcd')],
    [
      'a From that is none',
      message(
        INVITE.map((line) => line.replace(/^From: .*/, 'From: <<>')),
        'abcd',
      ),
    ],
    [
      'a CSeq above 2^31',
      message(
        INVITE.map((line) => line.replace('CSeq: 1', 'CSeq: 4294967295')),
        'abcd',
      ),
    ],
    [
      'no To',
      message(
        INVITE.filter((line) => !line.startsWith('To')),
        'abcd',
      ),
    ],
  ] as const)('refuses %s', ([, text]) => {
    expect(parse(text)).toBeUndefined();
  });
});
