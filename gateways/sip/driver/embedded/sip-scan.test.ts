import { describe, expect, it, test } from 'vitest';
import { readFacts, stampVia } from './sip-scan.ts';

const INVITE = [
  'INVITE sip:demo@127.0.0.1 SIP/2.0',
  'Via: SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bK1;rport',
  'From: "Ann" <sip:ann@10.0.0.1>;tag=a',
  'To: <sip:demo@127.0.0.1>',
  'Call-ID: 1@10.0.0.1',
  'CSeq: 1 INVITE',
  'Content-Length: 0',
  '',
  '',
].join('\r\n');
const replaced = (from: string | RegExp, to: string): string => INVITE.replace(from, to);

describe('readFacts', () => {
  test.for([
    ['a request', INVITE, { method: 'INVITE', branch: 'z9hG4bK1', sentBy: '10.0.0.1:5062', cseq: 1 }],
    ['compact names (§7.3.3)', replaced('Via:', 'v:').replace('Call-ID:', 'i:'), { callId: '1@10.0.0.1' }],
    ['any case', replaced('Call-ID:', 'cALL-iD :'), { callId: '1@10.0.0.1' }],
    ['a folded header (§7.3.1)', replaced(';branch', '\r\n ;branch'), { branch: 'z9hG4bK1' }],
    ['an IPv6 sent-by', replaced('10.0.0.1:5062', '[2001:db8::9]:5062'), { sentBy: '[2001:db8::9]:5062' }],
    [
      'white space around slashes and colons',
      replaced('SIP/2.0/UDP 10.0.0.1:5062', 'SIP / 2.0 / UDP 10.0.0.1 : 5062'),
      { sentBy: '10.0.0.1:5062' },
    ],
    [
      'two vias in one header',
      replaced(';rport', ', SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK0'),
      { branch: 'z9hG4bK1' },
    ],
    [
      'a response',
      replaced('INVITE sip:demo@127.0.0.1 SIP/2.0', 'SIP/2.0 200 OK'),
      { method: undefined, status: 200, cseqMethod: 'INVITE' },
    ],
  ] as const)('reads %s', ([, text, facts]) => {
    expect(readFacts(text)).toMatchObject(facts);
  });

  test.for([
    ['nothing', ''],
    ['a start line alone', 'INVITE sip:a@b SIP/2.0\r\n\r\n'],
    ['another protocol', replaced('INVITE sip:demo@127.0.0.1 SIP/2.0', 'GET / HTTP/1.1')],
    ['no Via', replaced(/Via:.*\r\n/, '')],
    ['a Via without branch', replaced(';branch=z9hG4bK1', '')],
    ['no Call-ID', replaced(/Call-ID:.*\r\n/, '')],
    ['an empty Call-ID', replaced('1@10.0.0.1\r\nCSeq', '\r\nCSeq')],
    ['a CSeq of another method (§8.1.1.5)', replaced('1 INVITE', '1 BYE')],
    ['a CSeq that is no number', replaced('1 INVITE', 'x INVITE')],
    ['a header without colon', replaced('Content-Length: 0', 'Content-Length 0')],
    [
      '300 headers',
      replaced('Content-Length: 0', Array.from({ length: 300 }, (_, i) => `X-${i}: y`).join('\r\n')),
    ],
    ['headers that do not end', INVITE.slice(0, -4)],
    ['a status out of range', replaced('INVITE sip:demo@127.0.0.1 SIP/2.0', 'SIP/2.0 999 No')],
  ] as const)('refuses %s', ([, text]) => {
    expect(readFacts(text)).toBeUndefined();
  });
});

describe('stampVia', () => {
  const stamp = (text: string): string => {
    const facts = readFacts(text);
    if (facts === undefined) throw new Error('no facts');
    return stampVia(text, facts, '192.0.2.7', 40_000);
  };

  it('says where the request came from (RFC 3581 §4)', () => {
    expect(stamp(INVITE)).toContain('branch=z9hG4bK1;received=192.0.2.7;rport=40000\r\n');
  });

  it('does not believe what the request says of itself', () => {
    const stamped = stamp(replaced(';rport', ';rport=1;received=203.0.113.9'));
    expect(stamped).toContain(';received=192.0.2.7;rport=40000\r\n');
    expect(stamped).not.toContain('203.0.113.9');
  });

  it('stamps the top Via only', () => {
    expect(stamp(replaced(';rport', ';rport, SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK0'))).toContain(
      ';received=192.0.2.7;rport=40000, SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK0\r\n',
    );
  });
});
