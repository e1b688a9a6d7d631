/** SIP as a phone sends it. */
import { texts } from './fuzz.ts';

export const SDP = [
  'v=0',
  'o=alice 1 1 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 40000 RTP/AVP 0 8 101',
  'a=rtpmap:0 PCMU/8000',
  'a=rtpmap:101 telephone-event/8000',
  'a=fmtp:101 0-16',
  'a=rtcp:40001',
  'a=sendrecv',
  '',
].join('\r\n');
const message = (start: string, method: string, body = ''): string =>
  [
    start,
    'Via: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bKabc;rport, SIP/2.0/TCP [::1]:5060;branch=z9hG4bKdef',
    'From: "Alice \\"A\\"" <sip:alice@127.0.0.1;transport=udp>;tag=1',
    't: <sip:demo@127.0.0.1>',
    'Call-ID: abc@127.0.0.1',
    `CSeq: 1 ${method}`,
    'Contact: <sip:alice@127.0.0.1:5061;ob>;expires=60',
    'Record-Route: <sip:proxy;lr>, <sip:other;lr>',
    'Subject: folded',
    '  on two lines',
    'Max-Forwards: 70',
    ...(body === '' ? [] : ['Content-Type: application/sdp']),
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
export const MESSAGES = texts(
  message('INVITE sip:demo@127.0.0.1:5060;transport=udp?subject=x SIP/2.0', 'INVITE', SDP),
  message('ACK sip:demo@127.0.0.1 SIP/2.0', 'ACK'),
  message('BYE sip:demo@[::1]:5060 SIP/2.0', 'BYE'),
  message('SIP/2.0 200 OK', 'INVITE', SDP),
  message('OPTIONS sip:127.0.0.1 SIP/2.0', 'OPTIONS'),
);
