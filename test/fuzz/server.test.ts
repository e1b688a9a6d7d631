import { readdirSync, readFileSync } from 'node:fs';
import {
  emptyRtpHeader,
  readRtpHeader,
  writeNack,
  writePli,
  writeRemb,
  writeRtpHeader,
  writeSenderReport,
} from '@switchyard/shared/media';
import { FRAME_TYPES } from '@switchyard/shared/protocol';
import { SrtpSendStream } from '@switchyard/shared/srtp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createCertificate } from '../../gateways/webrtc/server/transport/certificate.ts';
import { writeBindingRequest } from '../../gateways/webrtc/server/transport/stun-message.ts';
import { LoadClient } from '../bench/load/load-client.ts';
import { PAYLOAD_TYPES } from '../bench/load/load-sdp.ts';
import { LoadTransport } from '../bench/load/load-transport.ts';
import { waitFor } from '../harness/wait.ts';
import { type ProcessName, Yard } from '../harness/yard.ts';
import { attackDatagrams, attackStream, swarm } from './attacks.ts';
import { texts } from './fuzz.ts';
import { CONTROLS, frame, HELLO, mediaFrame } from './link-seeds.ts';
import { mutate } from './mutate.ts';
import { FLOW, HANDSHAKE } from './rtmp-seeds.ts';
import { SeededRandom } from './seeded-random.ts';
import { MESSAGES } from './sip-seeds.ts';

const PROCESSES: readonly ProcessName[] = ['core', 'webrtc', 'rtmp', 'sip'];
/** What a process may hold more after all attacks than before them, bytes. */
const GROWTH_MAX_BYTES = 250 << 20;
const seed = Number(process.env['FUZZ_SEED'] ?? 1);
const vectors = new URL('../vectors/sdp/', import.meta.url);
const [firstOffer = Buffer.alloc(0), ...otherOffers] = readdirSync(vectors).map((name) =>
  readFileSync(new URL(name, vectors)),
);
const offers = [firstOffer, ...otherOffers] as const;

const rssOf = (pid: number): number => {
  const kB = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  return Number(kB) * 1024;
};

const post = (path: string, body: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(
      `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/sdp\r\nContent-Length: ${body.length}\r\n\r\n`,
    ),
    body,
  ]);

/** A whole server while somebody throws garbage at each of its ports, and two others go on with their stream. */
describe('fuzz: a running server', () => {
  const random = new SeededRandom(seed);
  let yard: Yard;
  let others: LoadClient;
  let rssBefore: number[];
  let pids: number[];

  beforeAll(async () => {
    yard = await Yard.start(['webrtc', 'rtmp', 'sip']);
    others = await LoadClient.start();
    await others.publish({
      url: `${yard.http}/whip/others`,
      video: { payloadBytes: 600, burst: 2, packetsPerSecond: 100 },
      audio: { payloadBytes: 80 },
    });
    await others.subscribe({ url: `${yard.http}/whep/others`, count: 1, video: true, audio: true });
    await waitFor('the others are in a call', async () => (await others.figures()).received > 100);
    pids = PROCESSES.map((name) => yard.pid(name));
    rssBefore = pids.map(rssOf);
  }, 60_000);

  afterAll(async () => {
    await others?.stop();
    await yard?.stop();
  });

  afterEach(async () => {
    const logs = (): string => PROCESSES.map((name) => `${name}:\n${yard.log(name)}`).join('\n');
    await waitFor('/health says 200', async () => (await fetch(`${yard.api}/health`)).ok, 10_000, logs);
    expect(
      PROCESSES.map((name) => yard.isRunning(name)),
      logs(),
    ).toEqual([true, true, true, true]);
    expect(PROCESSES.map((name) => yard.pid(name))).toEqual(pids);
    expect(yard.errors()).toEqual([]);
    pids.forEach((pid, index) => {
      expect(rssOf(pid) - (rssBefore[index] ?? 0), PROCESSES[index]).toBeLessThan(GROWTH_MAX_BYTES);
    });
    await others.reset();
    await waitFor(
      'the others still see and hear each other',
      async () => (await others.figures()).received > 150,
      10_000,
      logs,
    );
    expect((await others.figures()).authenticationFailures).toBe(0);
  });

  it('HTTP of the gateway and of the core: requests that are almost right', async () => {
    const requests = [
      post('/whip/fuzz?peer=a', firstOffer),
      post('/whep/fuzz', firstOffer),
      ...texts(
        'PATCH /whip/fuzz/abc HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/trickle-ice-sdpfrag\r\nIf-Match: *\r\nContent-Length: 4\r\n\r\na=b\n',
        'POST /whep/fuzz/abc/layer HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n{"encodingId":"h"}',
        'GET /whep/fuzz/abc/sse HTTP/1.1\r\nHost: 127.0.0.1\r\nLast-Event-ID: 1\r\n\r\n',
        'DELETE /whep/fuzz/abc HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
        'GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n\x81\x85\x01\x02\x03\x04\x69\x67\x6f\x68\x6e',
        'GET /api/core/v1/rooms/others HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n',
        'POST /v1/tokens HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
        'GET /..%2f..%2fpackage.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
        'GET /v1/rooms HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
      ),
    ] as const;
    const corePort = Number(new URL(yard.api).port);
    await attackStream({ port: yard.httpPort, host: '127.0.0.1' }, 250, random, requests);
    await attackStream({ port: corePort, host: '127.0.0.1' }, 150, random, requests);
  });

  it('WHIP and WHEP: offers and ICE fragments that are almost right', async () => {
    const statuses = new Map<number, number>();
    await swarm(250, async () => {
      const path = random.chance(0.5) ? 'whip' : 'whep';
      const response = await fetch(`${yard.http}/${path}/fuzz${random.below(5)}`, {
        method: 'POST',
        headers: { 'content-type': 'application/sdp' },
        body: new Uint8Array(mutate(offers, random)),
      });
      await response.text();
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
      const resource = response.headers.get('location');
      if (resource === null) return;
      const patch = await fetch(new URL(resource, yard.http), {
        method: 'PATCH',
        headers: { 'content-type': 'application/trickle-ice-sdpfrag', 'if-match': '*' },
        body: new Uint8Array(
          mutate([Buffer.from('a=ice-ufrag:abcdefgh\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa\r\n')], random),
        ),
      });
      await patch.text();
      if (random.chance(0.8)) await fetch(new URL(resource, yard.http), { method: 'DELETE' });
    });
    // What is wrong is the client's fault, never the server's; some mutations leave an offer that is fine.
    expect([...statuses.keys()].filter((status) => status >= 500)).toEqual([]);
    expect(statuses.get(201) ?? 0).toBeGreaterThan(0);
    expect(statuses.get(400) ?? 0).toBeGreaterThan(0);
  });

  it('WebSocket: SDK messages that are almost right', async () => {
    const sdk = readFileSync(new URL('chrome-sdk.sdp', vectors), 'utf8');
    const message = (request: number, body: object): Buffer =>
      Buffer.from(JSON.stringify({ request, ...body }));
    const join = { type: 'join', protocol: 1, room: 'ws', peer: 'fuzz', metadata: '{}' };
    const messages = [
      message(1, join),
      message(2, {
        type: 'offer',
        sdp: sdk,
        senders: [{ mid: '0', name: 'audio_main' }],
        receivers: [{ mid: '1', use: 'mixer' }],
      }),
      message(3, { type: 'receiver-attach', mid: '1', source: { peer: 'x', track: 'video_main' } }),
      message(4, { type: 'channel-subscribe', label: 'chat' }),
      message(5, { type: 'channel-publish', label: 'chat', data: 'hello' }),
      message(6, { type: 'update-peer', metadata: 'm' }),
      message(7, { type: 'leave' }),
    ] as const;
    await swarm(60, async () => {
      const socket = new WebSocket(`${yard.http.replace('http', 'ws')}/ws`);
      socket.on('error', () => {});
      await new Promise<void>((resolve) => {
        socket.on('close', () => resolve());
        socket.on('open', () => {
          if (random.chance(0.7)) socket.send(messages[0].toString());
          for (let left = 1 + random.below(20); left > 0; left -= 1)
            socket.send(random.chance(0.3) ? random.pick(messages) : mutate(messages, random), {
              binary: random.chance(0.1),
            });
          setTimeout(() => socket.terminate(), 150);
        });
      });
    });
  });

  it('UDP media from strangers', async () => {
    const rtp = Buffer.alloc(200, 7);
    writeRtpHeader(rtp, 0, 96, true, 1, 2, 3, false);
    const dtls = Buffer.from('16fefd0000000000000000003101000025', 'hex');
    const seeds = [
      writeBindingRequest(Buffer.alloc(12, 1), 'abcdefabcdef:x', 'p'.repeat(24)),
      rtp,
      Buffer.from(writePli(1, 2)),
      Buffer.concat([dtls, Buffer.alloc(40, 1)]),
    ] as const;
    await attackDatagrams(() => yard.httpPort, 4000, random, seeds);
  });

  it('UDP media from a client with keys: RTP, RTCP and DTLS that are almost right', async () => {
    const certificate = await createCertificate();
    for (const direction of ['sendonly', 'recvonly'] as const) {
      const path = direction === 'sendonly' ? 'whip' : 'whep';
      const client = new LoadTransport({
        url: `${yard.http}/${path}/keys`,
        direction,
        video: true,
        audio: true,
        ssrcs: { video: 1111, audio: 2222 },
        certificate,
        onRtp: () => {},
        onRtcp: () => {},
      });
      await client.connect();
      const video = Buffer.alloc(300, 5);
      writeRtpHeader(video, 0, PAYLOAD_TYPES.vp8, true, 100, 90_000, 1111, true);
      // MID and transport-wide sequence number (ids 1 and 3 of the load client's offer).
      Buffer.from('bede00021031310001000000', 'hex').copy(video, 12);
      Buffer.from('90e080010500100000009d012a0005d002', 'hex').copy(video, 24);
      const audio = Buffer.alloc(80, 0xf8);
      writeRtpHeader(audio, 0, PAYLOAD_TYPES.opus, false, 7, 960, 2222, false);
      const rtcp = [
        Buffer.from(
          writeSenderReport({ ssrc: 1111, ntpMs: Date.now(), timestamp: 1, packets: 1, octets: 1 }),
        ),
        Buffer.from(writeNack(1, 1111, [1, 2, 3])),
        Buffer.from(writeRemb(1, 1_000_000, [1111])),
        Buffer.from(writePli(1, 1111)),
        Buffer.from('8fcd0005000000010000000200050001000000012001000000', 'hex'),
      ] as const;
      const header = emptyRtpHeader();
      for (let sent = 0; sent < 3000; sent += 1) {
        const plain = mutate([video, audio], random);
        const bytes = Buffer.concat([plain.subarray(0, 1300), Buffer.alloc(20)]);
        const length = bytes.length - 20;
        if (readRtpHeader(bytes, length, header))
          client.sendRtp(new SrtpSendStream(), bytes, header.payloadOffset, length, header.ssrc, header.seq);
        if (sent % 3 === 0) {
          const compound = mutate(rtcp, random).subarray(0, 1200);
          if (compound.length >= 8) client.sendRtcp(compound);
        }
        if (sent % 20 === 0)
          client.sendRaw(mutate([Buffer.from('17fefd00010000000000010010', 'hex'), rtcp[0]], random));
        if (sent % 40 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
      }
      const { peers = [] } = ((await yard.get('/v1/rooms/keys')) ?? {}) as {
        peers?: { tracks: unknown[] }[];
      };
      // What was right among it got through.
      if (direction === 'sendonly') expect(peers[0]?.tracks.length).toBeGreaterThan(0);
      await client.close();
    }
  });

  it('RTMP: handshakes, chunks and commands that are almost right', async () => {
    const to = { port: Number(new URL(yard.rtmp).port), host: '127.0.0.1' };
    const [first = Buffer.alloc(0), ...rest] = FLOW;
    await attackStream(to, 150, random, [Buffer.concat(FLOW), first, ...rest], HANDSHAKE);
    // A stream that was let in, and then goes wrong.
    await attackStream(
      to,
      100,
      random,
      [Buffer.concat(FLOW.slice(5)), ...FLOW.slice(5)],
      Buffer.concat([HANDSHAKE, ...FLOW.slice(0, 5)]),
    );
    await attackStream(to, 50, random, [HANDSHAKE.subarray(0, 1600)]);
  });

  it('SIP over UDP and TCP, and RTP of phones', async () => {
    const [first = Buffer.alloc(0), ...rest] = MESSAGES;
    const messages = [first, ...rest] as const;
    await attackDatagrams(() => yard.sipPort, 2500, random, messages);
    await attackStream({ port: yard.sipPort, host: '127.0.0.1' }, 150, random, messages);
    const rtp = Buffer.alloc(172, 0x7f);
    writeRtpHeader(rtp, 0, 0, false, 1, 160, 5, false);
    await attackDatagrams(() => yard.rtpPortMin + random.below(40), 2000, random, [rtp]);
  });

  it('the link socket: frames that are almost right', async () => {
    const open = frame(FRAME_TYPES.control, CONTROLS[0], 1);
    const joined = frame(FRAME_TYPES.control, CONTROLS[1], 1);
    const [first = Buffer.alloc(0), ...rest] = CONTROLS.map((control) =>
      frame(FRAME_TYPES.control, control, 1),
    );
    const seeds = [first, ...rest, mediaFrame(), HELLO] as const;
    await attackStream({ path: yard.socket }, 150, random, seeds);
    await attackStream({ path: yard.socket }, 200, random, seeds, Buffer.concat([HELLO, open, joined]));
  });
});
