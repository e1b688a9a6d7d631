import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import { FRAME_TYPES, LINK_PROTOCOL } from '@switchyard/shared/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FfmpegPublisher, hasFfmpeg } from '../harness/ffmpeg.ts';
import { hasSipp, SCENARIOS, Sipp } from '../harness/phone.ts';
import { RawWebSocket } from '../harness/raw-websocket.ts';
import { waitFor } from '../harness/wait.ts';
import { waitForEnd } from '../harness/wait-for-end.ts';
import { type ProcessName, Yard } from '../harness/yard.ts';

const PROCESSES: readonly ProcessName[] = ['core', 'webrtc', 'rtmp', 'sip'];

const frame = (type: number, body: Buffer): Buffer => {
  const bytes = Buffer.alloc(5);
  bytes.writeUInt32BE(body.length + 1);
  bytes[4] = type;
  return Buffer.concat([bytes, body]);
};
const json = (type: number, value: unknown, endpoint?: number): Buffer => {
  const prefix = Buffer.alloc(endpoint === undefined ? 0 : 4);
  if (endpoint !== undefined) prefix.writeUInt32BE(endpoint);
  return frame(type, Buffer.concat([prefix, Buffer.from(JSON.stringify(value))]));
};
const hello = (protocol = LINK_PROTOCOL): Buffer =>
  json(FRAME_TYPES.hello, { protocol, kind: 'webrtc', name: 'stranger' });

describe.skipIf(!hasFfmpeg() || !hasSipp())(
  'bad input is answered with what is wrong, and ends nothing',
  () => {
    let yard: Yard;
    let pids: readonly number[];

    beforeAll(async () => {
      yard = await Yard.start(['webrtc', 'rtmp', 'sip'], { SWITCHYARD_RTMP_TRANSCODE: 'reject' });
      pids = PROCESSES.map((name) => yard.pid(name));
    });

    afterEach(async () => {
      for (const name of PROCESSES) expect(yard.isRunning(name), yard.log(name)).toBe(true);
      expect(PROCESSES.map((name) => yard.pid(name))).toEqual(pids);
      expect((await fetch(`${yard.api}/health`)).status).toBe(200);
    });

    afterAll(async () => {
      expect(yard?.errors()).toEqual([]);
      const codes = await yard?.stop();
      expect([...(codes?.values() ?? [])]).toEqual([0, 0, 0, 0]);
    });

    it.each([
      [
        'reordered pictures, where the policy is to reject them',
        'reordered',
        2,
        'Browsers cannot play video with B-frames',
      ],
      ['a room with a blank', 'a%20b', 0, 'The stream key must be ROOM or ROOM/PEER'],
      ['too deep a key', 'a/b/c', 0, 'The stream key must be ROOM or ROOM/PEER'],
    ])('ffmpeg shows a sentence for %s', async (_, key, bFrames, sentence) => {
      const publisher = new FfmpegPublisher(`${yard.rtmp}/${key}`, { bFrames, toneHz: 440, size: '320x180' });
      try {
        await waitForEnd('ffmpeg', publisher);
        expect(publisher.output).toContain(sentence);
        expect(publisher.exitCode).not.toBe(0);
      } finally {
        publisher.stop();
      }
    });

    it.each([
      ['an impossible room gets 404', SCENARIOS.refused('a%20b', '0', 404)],
      ['no common codec gets 488', SCENARIOS.refused('demo', '18', 488, ['a=rtpmap:18 G729/8000'])],
      [
        'a description that is none gets 400',
        SCENARIOS.refused('demo', '0', 400).replace('v=0', 'v is zero'),
      ],
    ])('a phone: %s', async (_, scenario) => {
      const sipp = new Sipp({ server: yard.sipPort, scenario });
      try {
        await waitForEnd('sipp', sipp);
        expect(sipp.exitCode, `${sipp.output}\n${yard.log('sip')}`).toBe(0);
      } finally {
        sipp.stop();
      }
    });

    it.each([
      ['no description', '/whip/demo', 'application/sdp', 'hello', 400, 'invalid-sdp'],
      [
        'half a description',
        '/whep/demo',
        'application/sdp',
        'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\n',
        400,
        'invalid-sdp',
      ],
      ['another type of body', '/whip/demo', 'application/json', '{}', 415, 'invalid-request'],
      [
        'a body without end',
        '/whip/demo',
        'application/sdp',
        `v=0\r\n${'a=x\r\n'.repeat(200_000)}`,
        413,
        'invalid-request',
      ],
      ['an impossible room', '/whip/a%20b', 'application/sdp', 'v=0\r\n', 400, 'invalid-name'],
    ])('WHIP and WHEP: %s', async (_, path, type, body, status, code) => {
      const response = await fetch(`${yard.http}${path}`, {
        method: 'POST',
        headers: { 'content-type': type },
        body,
      });
      expect(response.status).toBe(status);
      expect(response.headers.get('content-type')).toContain('application/problem+json');
      expect(await response.json()).toMatchObject({ status, code, title: expect.any(String) });
    });

    it('the API: a room that is not there, an address that is none', async () => {
      const room = await fetch(`${yard.api}/v1/rooms/nowhere`);
      expect([room.status, ((await room.json()) as { code: string }).code]).toEqual([404, 'unknown-room']);
      expect((await fetch(`${yard.api}/v1/nothing`)).status).toBe(404);
    });

    describe('WebSocket messages', () => {
      it.each([
        ['no JSON', 'hello', {}, 'invalid-request', undefined],
        ['no object', '[1]', {}, 'invalid-request', undefined],
        ['an unknown type', '{"type":"fly","request":7}', { request: 7 }, 'invalid-request', 'type'],
        [
          'a key of another type',
          '{"type":"join","request":8,"protocol":1,"room":5,"peer":"a"}',
          { request: 8 },
          'invalid-request',
          'room',
        ],
        [
          'a bad name',
          '{"type":"join","request":9,"protocol":1,"room":"a b","peer":"a"}',
          { request: 9 },
          'invalid-name',
          'room',
        ],
        [
          'another protocol',
          '{"type":"join","request":10,"protocol":99,"room":"a","peer":"a"}',
          { request: 10 },
          'invalid-request',
          'protocol 99',
        ],
        [
          'an offer before the join',
          '{"type":"offer","request":11,"sdp":"v=0","senders":[],"receivers":[]}',
          { request: 11 },
          'not-in-room',
          undefined,
        ],
      ])('%s', async (_, text, answer, code, detail) => {
        const client = await RawWebSocket.open(yard.httpPort, '/ws');
        client.text(text);
        await waitFor('an answer', () => client.messages.length > 0);
        expect(client.messages[0]).toMatchObject({ ...answer, error: { code, message: expect.any(String) } });
        if (detail !== undefined) expect(JSON.stringify(client.messages[0])).toContain(detail);
        client.close();
      });

      it('a malformed description is refused, and the session goes on', async () => {
        const client = await RawWebSocket.open(yard.httpPort, '/ws');
        client.json({ type: 'join', request: 1, protocol: 1, room: 'ws', peer: 'a' });
        client.json({ type: 'offer', request: 2, sdp: 'v=0 and then', senders: [], receivers: [] });
        client.json({ type: 'channel-subscribe', request: 3, label: 'chat' });
        const answerTo = (request: number): object | undefined =>
          client.messages.find((each): each is object => Object(each).request === request);
        await waitFor('the answers', () => answerTo(3));
        expect(answerTo(1)).toMatchObject({ result: 'joined' });
        expect(answerTo(2)).toMatchObject({ error: { code: 'invalid-sdp' } });
        expect(answerTo(3)).not.toHaveProperty('error');
        client.close();
      });

      it.each([
        ['a message of two megabytes', 0x81, Buffer.alloc(2 << 20, 'x'), 1009],
        ['text that is no UTF-8', 0x81, Buffer.from([0xc3, 0x28]), 1007],
        ['a reserved opcode', 0x83, Buffer.alloc(1), 1002],
      ])('%s closes the connection with its code', async (_, first, payload, code) => {
        const client = await RawWebSocket.open(yard.httpPort, '/ws');
        client.frame(first, payload);
        await waitFor('the end', () => client.closed);
        expect(client.closeCode).toBe(code);
      });
    });

    describe('frames of the link', () => {
      interface Stranger {
        readonly socket: Socket;
        readonly frames: { readonly type: number; readonly text: string }[];
        closed: boolean;
      }
      const attach = async (): Promise<Stranger> => {
        const socket = connect(yard.socket);
        const stranger: Stranger = { socket, frames: [], closed: false };
        let unread = Buffer.alloc(0);
        socket.on('error', () => {});
        socket.on('close', () => {
          stranger.closed = true;
        });
        socket.on('data', (chunk: Buffer) => {
          unread = Buffer.concat([unread, chunk]);
          while (unread.length >= 5 && unread.length >= 4 + unread.readUInt32BE()) {
            const end = 4 + unread.readUInt32BE();
            stranger.frames.push({ type: unread[4] ?? 0, text: unread.subarray(5, end).toString('latin1') });
            unread = unread.subarray(end);
          }
        });
        await new Promise<void>((resolve) => socket.once('connect', resolve));
        return stranger;
      };

      it.each([
        ['an impossible length', Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3]), 'impossible length'],
        ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: core\r\n\r\n'), 'impossible length'],
        ['a hello that is none', json(FRAME_TYPES.hello, { kind: 'toaster' }), 'hello is malformed'],
        ['another version', hello(999), 'link protocol 999'],
        ['a control before the hello', json(FRAME_TYPES.control, { type: 'close' }, 1), 'before the hello'],
        ['an unknown type of frame', Buffer.concat([hello(), frame(99, Buffer.alloc(4))]), 'frame type 99'],
      ])('%s: the core says why, and hangs up', async (_, bytes, why) => {
        const stranger = await attach();
        stranger.socket.write(bytes);
        await waitFor('the end', () => stranger.closed);
        expect(stranger.frames.find(({ type }) => type === FRAME_TYPES.refused)?.text).toContain(why);
      });

      it.each([
        ['no JSON', frame(FRAME_TYPES.control, Buffer.from([0, 0, 0, 1, 0x7b])), 'invalid-request'],
        ['an unknown control', json(FRAME_TYPES.control, { type: 'fly', request: 5 }, 1), 'type'],
        [
          'a key of another type',
          json(FRAME_TYPES.control, { type: 'update-peer', request: 5, metadata: 5 }, 1),
          'metadata',
        ],
        [
          'a control of an endpoint that is not there',
          json(FRAME_TYPES.control, { type: 'leave', request: 5 }, 77),
          'unknown-endpoint',
        ],
      ])('%s is answered, and the link stays', async (_, bytes, word) => {
        const stranger = await attach();
        stranger.socket.write(Buffer.concat([hello(), bytes]));
        await waitFor('an event', () => stranger.frames.some(({ type }) => type === FRAME_TYPES.event));
        expect(stranger.frames.find(({ type }) => type === FRAME_TYPES.event)?.text).toContain(word);
        expect(stranger.closed).toBe(false);
        stranger.socket.destroy();
      });

      it('media that is malformed, or of nobody, is dropped', async () => {
        const stranger = await attach();
        const bytes = [hello()];
        for (let length = 0; length < 60; length += 1)
          bytes.push(frame(FRAME_TYPES.media, Buffer.alloc(length, length)));
        bytes.push(json(FRAME_TYPES.control, { type: 'leave', request: 5 }, 77));
        stranger.socket.write(Buffer.concat(bytes));
        await waitFor('the link is alive', () =>
          stranger.frames.some(({ type }) => type === FRAME_TYPES.event),
        );
        stranger.socket.destroy();
      });
    });

    it('noise on every port ends nothing', async () => {
      const noise = (length: number): Buffer => randomBytes(length);
      const udp = createSocket('udp4');
      for (let i = 0; i < 300; i += 1)
        for (const port of [yard.httpPort, yard.sipPort]) udp.send(noise(1 + (i % 1400)), port, '127.0.0.1');
      const sockets = [
        yard.httpPort,
        Number(new URL(yard.api).port),
        Number(new URL(yard.rtmp).port),
        yard.sipPort,
      ].map((port) => connect(port, '127.0.0.1').on('error', () => {}));
      for (const socket of sockets) for (let i = 0; i < 20; i += 1) socket.write(noise(4000));
      await waitFor('everything is up', async () => (await fetch(`${yard.api}/health`)).status === 200);
      for (const socket of sockets) socket.destroy();
      udp.close();
    });
  },
);
