import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { writePli } from '@switchyard/shared/media';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  publisherMedia,
  RtcCall,
  type RtcCallOptions,
  rtpPacket,
  vp8Payload,
} from '../../testing/rtc-call.ts';
import { ClientPath } from '../../testing/rtc-client.ts';
import { sharePort } from '../http/port-sharing.ts';
import { type Certificate, createCertificate } from './certificate.ts';
import { messageRecord } from './dtls-record.ts';
import { writeBindingRequest } from './stun-message.ts';
import { WebrtcTransport } from './webrtc-transport.ts';

const LOOPBACK = { bind: '127.0.0.1', announced: '127.0.0.1' };
let server: WebrtcTransport;
let victim: Certificate;
let attacker: Certificate;
const calls: RtcCall[] = [];

beforeAll(async () => {
  server = await WebrtcTransport.create({ port: 0, addresses: [LOOPBACK], bursts: true });
  [victim, attacker] = await Promise.all([createCertificate(), createCertificate()]);
  return () => server.close();
});
afterEach(() => {
  for (const call of calls.splice(0)) call.close();
  vi.restoreAllMocks();
});

async function open(options: RtcCallOptions = {}): Promise<RtcCall> {
  const call = await RtcCall.open(server, options);
  calls.push(call);
  return call;
}
async function connected(options: RtcCallOptions = {}): Promise<RtcCall> {
  const call = await open(options);
  await call.client.connect();
  await expect.poll(() => call.events).toContain('connected');
  return call;
}
/** One packet of the publisher arrives after everything that was sent before it. */
async function settled(call: RtcCall, seq: number): Promise<void> {
  call.client.sendRtp(rtpPacket({ ssrc: 2000, seq, payloadType: 111 }));
  await expect.poll(() => call.packets.some((packet) => packet.mid === 'a' && packet.seq === seq)).toBe(true);
}

describe.each(['server', 'client'] as const)('a peer whose server is DTLS %s', (role) => {
  it('connects over loopback UDP and receives media', async () => {
    const call = await connected({ role });
    call.client.sendRtp(rtpPacket({ ssrc: 1000, seq: 7 }));
    await expect.poll(() => call.packets).toMatchObject([{ mid: 'v', seq: 7, spatial: 0, keyframe: true }]);
    expect(call.facts).toMatchObject([{ mid: 'v', codec: 'vp8', layers: 1 }]);
  });

  it('refuses a client with another certificate, and one that only shows the right one', async () => {
    const stranger = await open({ role, certificate: attacker, fingerprint: victim.fingerprint });
    const forger = await open({
      role,
      certificate: { ...victim, keyPem: attacker.keyPem, privateKey: attacker.privateKey },
      fingerprint: victim.fingerprint,
    });
    for (const call of [stranger, forger]) {
      // As client it may take the server's silence for success: what counts is that the server does not.
      void call.client.connect().catch(() => {});
      await expect.poll(() => call.events).toEqual(['closed dtls-failed']);
      expect(call.peer.connected).toBe(false);
    }
  });

  it('is not moved by plaintext alerts, ClientHellos and replays once connected', async () => {
    const call = await connected({ role });
    const { client } = call;
    for (const datagram of [...client.sent]) client.path.send(datagram);
    client.path.send(Buffer.from([21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40]));
    client.path.send(Buffer.from([21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 1, 0]));
    client.path.send(messageRecord(1, 0, randomBytes(80)));
    await settled(call, 1);
    expect(call.events).toEqual(['connected']);
  });

  it('ends when the client says so', async () => {
    const call = await connected({ role });
    call.client.dtls.close();
    await expect.poll(() => call.events).toEqual(['connected', 'closed closed-by-peer']);
  });
});

describe('ICE', () => {
  it('answers no check with a wrong password, fingerprint, user name or length', async () => {
    const call = await open();
    const { client } = call;
    const names = `${client.credentials.ufrag}:${client.ufrag}`;
    const right = (): Buffer => writeBindingRequest(randomBytes(12), names, client.credentials.password);
    const wrong = [
      writeBindingRequest(randomBytes(12), names, 'wrongwrongwrongwrongwrong'),
      writeBindingRequest(randomBytes(12), 'nobody00:x', client.credentials.password),
      right().subarray(0, 40),
      Buffer.concat([right(), Buffer.alloc(4)]),
    ];
    for (const at of [1, 3, 8, 25, 60]) {
      const changed = right();
      changed[at] = (changed[at] ?? 0) ^ 1;
      wrong.push(changed);
    }
    for (const request of wrong) client.path.send(request);
    client.path.send(right());
    await expect.poll(() => client.responses).toBe(1);
  });

  it('takes nothing from an address that it has not validated', async () => {
    const call = await connected();
    const elsewhere = await ClientPath.open(call.client.options);
    elsewhere.send(call.client.sealRtp(rtpPacket({ ssrc: 1000, seq: 1 })));
    for (const datagram of call.client.sent) elsewhere.send(datagram);
    await settled(call, 1);
    elsewhere.close();
    expect(call.packets.filter(({ mid }) => mid === 'v')).toEqual([]);
  });

  it('does not follow a check that is replayed from elsewhere, and follows USE-CANDIDATE', async () => {
    const call = await connected();
    const { client } = call;
    const seen = client.check();
    await expect.poll(() => client.responses).toBeGreaterThan(0);
    const [thief, other] = await Promise.all([
      ClientPath.open(client.options),
      ClientPath.open(client.options),
    ]);
    const stolen: Buffer[] = [];
    const moved: Buffer[] = [];
    thief.onDatagram = (datagram) => stolen.push(datagram);
    other.onDatagram = (datagram) => moved.push(datagram);
    thief.send(seen);
    // A check without USE-CANDIDATE validates, but moves nothing.
    client.check(false, other);
    await expect.poll(() => moved.length).toBe(1);
    call.client.sendRtp(rtpPacket({ ssrc: 1000, seq: 1 }));
    await expect.poll(() => call.packets.length).toBe(1);
    call.peer.requestKeyframe('v', 0);
    await expect.poll(() => client.rtcp.length).toBeGreaterThan(0);
    expect([stolen.length, moved.length]).toEqual([0, 1]);
    client.check(true, other);
    await expect.poll(() => moved.length).toBe(2);
    const before = client.rtcp.length;
    client.sendRtp(rtpPacket({ ssrc: 1000, seq: 2, transportSeq: 1 }));
    await expect.poll(() => moved.some((datagram) => (datagram[0] ?? 0) >= 128)).toBe(true);
    expect(client.rtcp.length).toBe(before);
    thief.close();
    other.close();
  });

  it('refuses a client that says it is controlled', async () => {
    const call = await open();
    const { client } = call;
    const answers: Buffer[] = [];
    client.path.onDatagram = (datagram) => answers.push(datagram);
    const request = writeBindingRequest(
      randomBytes(12),
      `${client.credentials.ufrag}:${client.ufrag}`,
      client.credentials.password,
      false,
      'controlled',
    );
    client.path.send(request);
    await expect.poll(() => answers.map((answer) => answer.readUInt16BE(0))).toEqual([0x0111]);
  });

  it('keeps media flowing over restarts from either side', async () => {
    const call = await connected();
    const { client, peer } = call;
    client.sendRtp(rtpPacket({ ssrc: 1000, seq: 1 }));
    const old = client.credentials;
    client.credentials = peer.restartIce();
    expect(client.credentials.ufrag).not.toBe(old.ufrag);
    client.sendRtp(rtpPacket({ ssrc: 1000, seq: 2 }));
    const path = await ClientPath.open(client.options);
    const before = client.path;
    client.usePath(path);
    await client.connect();
    client.check();
    const responses = client.responses;
    await expect.poll(() => client.responses).toBeGreaterThan(responses);
    client.sendRtp(rtpPacket({ ssrc: 1000, seq: 3 }));
    await expect.poll(() => call.packets.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    before.close();
  });

  it('forgets credentials after some restarts', async () => {
    const call = await connected();
    for (let i = 0; i < 3; i += 1) call.peer.restartIce();
    const { responses } = call.client;
    call.client.check();
    await settled(call, 1);
    expect(call.client.responses).toBe(responses);
  });

  it('notices that a client is gone, and that one never gets through its handshake', async () => {
    let nowMs = server.nowMs();
    vi.spyOn(server, 'nowMs').mockImplementation(() => nowMs);
    const alive = await connected();
    const idle = await open();
    let answers = 0;
    idle.client.path.onDatagram = () => {
      answers += 1;
    };
    idle.client.check();
    await expect.poll(() => answers).toBe(1);
    for (let i = 0; i < 5; i += 1) {
      nowMs += 5000;
      const { responses } = alive.client;
      alive.client.check();
      await expect.poll(() => alive.client.responses).toBe(responses + 1);
    }
    expect(alive.events).toEqual(['connected']);
    expect(idle.events).toEqual([]);
    nowMs += 5100;
    await expect.poll(() => idle.events).toEqual(['closed timeout']);
    nowMs += 5000;
    await expect.poll(() => alive.events).toEqual(['connected', 'closed timeout']);
  });

  it('forgets a peer that is closed', async () => {
    const before = server.peerCount;
    const call = await connected();
    expect(server.peerCount).toBe(before + 1);
    call.peer.close();
    expect(server.peerCount).toBe(before);
    const { responses } = call.client;
    await expect.poll(() => call.client.ended).toBe('closed: alert');
    call.client.check();
    call.client.sendRtp(rtpPacket({ ssrc: 1000, seq: 1 }));
    await settled(await connected(), 1);
    expect(call.client.responses).toBe(responses);
    expect(call.packets).toEqual([]);
  });

  it('works over IPv6, and announces the address that a NAT shows', async () => {
    const v6 = await WebrtcTransport.create({
      port: 0,
      addresses: [
        { bind: '::1', announced: '2001:db8::1' },
        { bind: '127.0.0.1', announced: '203.0.113.5' },
      ],
      bursts: true,
    });
    expect(v6.candidates.map(({ address }) => address)).toEqual(['2001:db8::1', '203.0.113.5']);
    for (const address of ['::1', '127.0.0.1']) {
      const call = await RtcCall.open(v6, { address });
      await call.client.connect();
      call.close();
    }
    await v6.close();
  });
});

describe('SRTP through a whole peer', () => {
  it('recovers when thousands of packets are lost across a wrap', async () => {
    const call = await connected();
    const { client } = call;
    let seq = 62_000;
    const send = (count: number): void => {
      for (let i = 0; i < count; i += 1) client.sendRtp(rtpPacket({ ssrc: 1000, seq: seq++ & 0xffff }));
    };
    send(3);
    for (let i = 0; i < 7000; i += 1) client.sealRtp(rtpPacket({ ssrc: 1000, seq: seq++ & 0xffff }));
    send(3);
    await expect
      .poll(() => call.packets.map(({ seq }) => seq))
      .toEqual([62_000, 62_001, 62_002, 3467, 3468, 3469]);
  });

  it('takes a packet once, and none that was changed', async () => {
    const call = await connected();
    const sealed = call.client.sealRtp(rtpPacket({ ssrc: 1000, seq: 5 }));
    const changed = Buffer.from(sealed);
    changed[sealed.length - 12] = (changed[sealed.length - 12] ?? 0) ^ 1;
    for (const datagram of [changed, sealed, sealed, changed]) call.client.path.send(datagram);
    await settled(call, 1);
    expect(call.packets.filter(({ mid }) => mid === 'v')).toHaveLength(1);
  });

  it("takes nothing under another peer's SSRC, nor another peer's packets", async () => {
    const [mine, theirs] = await Promise.all([connected(), connected()]);
    // The same SSRC in two calls is two streams; one that nobody negotiated is none.
    theirs.client.sendRtp(rtpPacket({ ssrc: 1000, seq: 5 }));
    theirs.client.sendRtp(rtpPacket({ ssrc: 4711, seq: 6, payloadType: 100 }));
    theirs.client.path.send(mine.client.sealRtp(rtpPacket({ ssrc: 1000, seq: 9 })));
    await settled(theirs, 1);
    await settled(mine, 1);
    expect(theirs.packets.filter(({ mid }) => mid === 'v').map(({ seq }) => seq)).toEqual([5]);
    expect(mine.packets.filter(({ mid }) => mid === 'v')).toEqual([]);
  });

  it('takes RTCP once, and no PLI on what it does not send', async () => {
    const call = await connected();
    const sealed = call.client.sealRtcp(writePli(1, 12_345));
    call.client.path.send(sealed);
    call.client.path.send(sealed);
    await settled(call, 1);
    expect(call.events).toEqual(['connected']);
  });
});

describe('simulcast', () => {
  it('maps rids to layers, and the repair of a layer that comes before its media', async () => {
    const call = await connected({ media: publisherMedia(['l', 'm', 'h']) });
    const osn = Buffer.alloc(2);
    osn.writeUInt16BE(499);
    const repair = Buffer.concat([osn, Buffer.from([0x10, 0, 0, 0, 0x9d, 1, 0x2a])]);
    call.client.sendRtp(
      rtpPacket({ ssrc: 31, seq: 1, payloadType: 97, mid: 'v', repairedRid: 'h', payload: repair }),
    );
    call.client.sendRtp(rtpPacket({ ssrc: 30, seq: 500, mid: 'v', rid: 'h' }));
    call.client.sendRtp(rtpPacket({ ssrc: 10, seq: 100, mid: 'v', rid: 'l' }));
    call.client.sendRtp(rtpPacket({ ssrc: 20, seq: 200, mid: 'v', rid: 'm' }));
    call.client.sendRtp(rtpPacket({ ssrc: 31, seq: 2, payloadType: 97, payload: repair }));
    call.client.sendRtp(rtpPacket({ ssrc: 99, seq: 1, mid: 'v', rid: 'x' }));
    await expect
      .poll(() => call.packets.map(({ seq, spatial }) => [seq, spatial]))
      .toEqual([
        [500, 2],
        [100, 0],
        [200, 1],
        [499, 2],
      ]);
    expect(call.facts[0]).toMatchObject({ mid: 'v', codec: 'vp8', layers: 3 });
  });

  it('numbers layers by the sizes of their pictures, and a layer that becomes another stream jumps', async () => {
    const call = await connected({ media: publisherMedia(['0', '1']) });
    const high = vp8Payload(true, 1280, 720);
    call.client.sendRtp(rtpPacket({ ssrc: 10, seq: 100, mid: 'v', rid: '0', payload: high }));
    call.client.sendRtp(
      rtpPacket({ ssrc: 20, seq: 500, mid: 'v', rid: '1', payload: vp8Payload(true, 640, 360) }),
    );
    call.client.sendRtp(rtpPacket({ ssrc: 10, seq: 101, payload: vp8Payload(false) }));
    call.client.sendRtp(rtpPacket({ ssrc: 20, seq: 501, payload: vp8Payload(false) }));
    await expect
      .poll(() => call.packets.map(({ seq, spatial }) => [seq, spatial]))
      .toEqual([
        [100, 0],
        [100 + 16_384, 0],
        [101, 1],
        [101 + 16_384, 0],
      ]);
    expect(call.facts.map(({ sizes }) => sizes)).toEqual([
      '0 1280x720, 1 undefinedxundefined',
      '1 640x360, 0 1280x720',
    ]);
    call.peer.requestKeyframe('v', 1);
    // PLI (206) of the stream with rid 0.
    await expect
      .poll(() =>
        call.client.rtcp.some((each) => each[1] === 206 && Buffer.from(each).readUInt32BE(8) === 10),
      )
      .toBe(true);
  });
});

describe('data channels', () => {
  const kinds = [
    { name: 'reliable and ordered', options: {} },
    { name: 'reliable and unordered', options: { ordered: false } },
    { name: 'unreliable and ordered', options: { maxRetransmits: 0 } },
    { name: 'unreliable and unordered', options: { ordered: false, maxRetransmits: 0 } },
  ];
  it.each(kinds)('carry text both ways: $name', async ({ options }) => {
    const call = await connected({ dataChannel: true });
    const channel = await call.client.openChannel('chat', options);
    await expect.poll(() => channel.readyState).toBe('open');
    channel.send('hello');
    channel.send('x'.repeat(60_000));
    await expect.poll(() => call.events.length).toBe(3);
    expect(call.events[1]).toBe('data chat hello');
    expect(call.events[2]).toHaveLength('data chat '.length + 60_000);
    expect(call.peer.sendData('chat', 'and you')).toBe(true);
    expect(call.peer.sendData('other', 'nobody')).toBe(false);
    await expect.poll(() => call.client.messages).toEqual(['and you']);
  });

  it('are bounded in number and message size, and the call goes on', async () => {
    const call = await connected({ dataChannel: true });
    const first = await call.client.openChannel('chat');
    await expect.poll(() => first.readyState).toBe('open');
    first.send('y'.repeat(70_000));
    for (let i = 0; i < 40; i += 1) await call.client.openChannel(`more-${i}`);
    first.send('still here');
    await expect.poll(() => call.events).toContain('data chat still here');
    expect(call.events.filter((event) => event.startsWith('data'))).toHaveLength(1);
    await settled(call, 1);
  });
});

describe('ICE-TCP on the HTTP port', () => {
  let http: Server;
  let port = 0;
  beforeAll(async () => {
    http = createServer((request, response) => {
      const body: Buffer[] = [];
      request.on('data', (chunk: Buffer) => body.push(chunk));
      request.on('end', () => response.end(`${request.method} ${Buffer.concat(body).toString()}`));
    });
    sharePort(http, (socket, head) => server.acceptTcp(socket, head));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const address = http.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
    server.announceTcp('127.0.0.1', port);
    return () => {
      http.closeAllConnections();
      http.close();
    };
  });

  it('is announced below UDP', () => {
    const [udp, tcp] = server.candidates;
    expect(tcp).toMatchObject({ transport: 'tcp', port, address: '127.0.0.1' });
    expect(tcp?.priority).toBeLessThan(udp?.priority ?? 0);
  });

  it('connects and carries media and data', async () => {
    const call = await connected({ transport: 'tcp', port, dataChannel: true });
    for (let seq = 0; seq < 200; seq += 1) call.client.sendRtp(rtpPacket({ ssrc: 1000, seq }));
    await expect.poll(() => call.packets.length).toBe(200);
    const channel = await call.client.openChannel('chat');
    await expect.poll(() => channel.readyState).toBe('open');
    call.peer.close();
  });

  it('leaves HTTP as it is', async () => {
    const url = `http://127.0.0.1:${port}/`;
    const answers = await Promise.all([
      fetch(url).then((response) => response.text()),
      fetch(url, { method: 'POST', body: 'x'.repeat(100_000) }).then((response) => response.text()),
    ]);
    expect(answers).toEqual(['GET ', `POST ${'x'.repeat(100_000)}`]);
    // By bytes that come one by one, and two requests on one connection.
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    for (const letter of 'GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n') {
      socket.write(letter);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(() => text.split('200 OK').length).toBe(3);
    socket.destroy();
  });

  it('closes connections that begin with anything else than a check of ours', async () => {
    const garbage = [
      Buffer.from([0, 4, 1, 2, 3, 4]),
      Buffer.concat([Buffer.from([0, 100]), randomBytes(100)]),
      Buffer.from([7, 255, 0, 1, 2]).fill(255, 0, 2),
    ];
    for (const bytes of garbage) {
      const path = connect(port, '127.0.0.1');
      path.on('error', () => {});
      path.write(bytes);
      await new Promise<void>((resolve) => path.once('close', () => resolve()).resume());
    }
    await connected({ transport: 'tcp', port });
  });
});
