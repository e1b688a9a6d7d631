import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createLogger } from '@switchyard/shared/runtime';
import { expect, it } from 'vitest';
import type { IncomingCall } from '../sip-driver.ts';
import { EmbeddedDriver } from './embedded-driver.ts';

/** What a driver on loopback answers to one INVITE, and the call that it made of it. */
async function invite(
  lines: readonly string[],
  body: string,
): Promise<{ answer: string; calls: IncomingCall[] }> {
  const driver = new EmbeddedDriver({
    host: '127.0.0.1',
    port: 0,
    announced: '127.0.0.1',
    logger: createLogger('test', 'silent'),
  });
  const calls: IncomingCall[] = [];
  await driver.start({
    onCall: (call) => {
      calls.push(call);
      call.reject(486, 'Busy Here');
    },
  });
  const phone = createSocket('udp4');
  phone.bind(0, '127.0.0.1');
  await once(phone, 'listening');
  const { port } = phone.address();
  const message = [
    `INVITE sip:demo@127.0.0.1:${driver.port} SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK1`,
    'From: <sip:ann@127.0.0.1>;tag=a',
    'To: <sip:demo@127.0.0.1>',
    'Call-ID: 1',
    'CSeq: 1 INVITE',
    `Contact: <sip:ann@127.0.0.1:${port}>`,
    ...lines,
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
  phone.send(message, driver.port, '127.0.0.1');
  try {
    for (;;) {
      const [bytes] = (await once(phone, 'message', { signal: AbortSignal.timeout(5000) })) as [Buffer];
      const answer = bytes.toString().split('\r\n')[0] ?? '';
      if (!answer.startsWith('SIP/2.0 1')) return { answer, calls };
    }
  } finally {
    phone.close();
    await driver.stop();
  }
}

it.each([
  ['a body without its type', [], 'v=0', 'SIP/2.0 400 Missing Content-Type'],
  ['an offer that is no SDP', ['Content-Type: text/plain'], 'hello', 'SIP/2.0 415 Unsupported Media Type'],
  ['an extension that is required', ['Require: 100rel'], '', 'SIP/2.0 420 Bad Extension'],
] as const)('refuses %s before there is a call', async (_, lines, body, expected) => {
  const { answer, calls } = await invite(lines, body);
  expect(answer).toBe(expected);
  expect(calls).toEqual([]);
});

it('makes a call of an INVITE with SDP, and of one without an offer', async () => {
  const sdp = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n';
  const withOffer = await invite(['Content-Type: application/sdp'], sdp);
  expect(withOffer.answer).toBe('SIP/2.0 486 Busy Here');
  expect(withOffer.calls[0]?.info).toMatchObject({ target: 'demo', from: 'ann', offer: sdp });
  const without = await invite([], '');
  expect(without.calls[0]?.info.offer).toBeUndefined();
});
