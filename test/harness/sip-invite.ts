import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

export interface SipAnswer {
  readonly status: number;
  readonly reason: string;
}

const ANSWER_TIMEOUT_MS = 5000;

/** Calls `sip:{room}@…` over UDP and hangs up. @returns The final answer to the INVITE. */
export async function invite(
  server: number,
  { room, parameters = '', headers = [] }: { room: string; parameters?: string; headers?: readonly string[] },
): Promise<SipAnswer> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address() as AddressInfo;
  const id = randomBytes(6).toString('hex');
  const message = (method: string, cseq: number, to: string, extra: readonly string[], body = ''): string =>
    [
      `${method} sip:${room}@127.0.0.1:${server}${parameters} SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK${id}${method === 'BYE' ? 'b' : 'i'}`,
      `From: <sip:caller@127.0.0.1>;tag=${id}`,
      to,
      `Call-ID: ${id}`,
      `CSeq: ${cseq} ${method}`,
      `Contact: <sip:caller@127.0.0.1:${port}>`,
      'Max-Forwards: 70',
      ...extra,
      `Content-Length: ${body.length}`,
      '',
      body,
    ].join('\r\n');
  const send = (text: string): void => socket.send(text, server, '127.0.0.1');
  const sdp = `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio ${port} RTP/AVP 0\r\n`;
  try {
    return await new Promise<SipAnswer>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no answer to INVITE')), ANSWER_TIMEOUT_MS);
      socket.on('message', (bytes) => {
        const text = bytes.toString();
        const match = /^SIP\/2\.0 (\d{3}) (.*)\r\n/.exec(text);
        const status = Number(match?.[1]);
        if (match === null || status < 200 || !/CSeq: 1 INVITE/i.test(text)) return;
        clearTimeout(timer);
        const to = /^To:.*$/im.exec(text)?.[0] ?? '';
        send(message('ACK', 1, to, []));
        if (status < 300) send(message('BYE', 2, to, []));
        resolve({ status, reason: match[2] ?? '' });
      });
      send(
        message(
          'INVITE',
          1,
          `To: <sip:${room}@127.0.0.1>`,
          [...headers, 'Content-Type: application/sdp'],
          sdp,
        ),
      );
    });
  } finally {
    socket.close();
  }
}
