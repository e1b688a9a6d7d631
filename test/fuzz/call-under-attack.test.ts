import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { writeNack, writePli } from '@switchyard/shared/media';
import { describe, expect, it } from 'vitest';
import { writeBindingRequest } from '../../gateways/webrtc/server/transport/stun-message.ts';
import { WebrtcTransport } from '../../gateways/webrtc/server/transport/webrtc-transport.ts';
import { RtcCall, rtpPacket, vp8Payload } from '../../gateways/webrtc/testing/rtc-call.ts';
import type { RtcClient } from '../../gateways/webrtc/testing/rtc-client.ts';
import { mutate } from './mutate.ts';
import { SeededRandom } from './seeded-random.ts';

const SEED = Number(process.env['FUZZ_SEED'] ?? 1);
const DATAGRAMS = 20_000;
/** As many as a socket's buffer holds for sure. */
const BURST = 40;
const WARM_UP = 4000;
/** Of processor time: what else the machine does is no freeze. */
const FREEZE_MS = 200;
const FREEZE_WALL_MS = 2000;
const RESEND_MS = 25;
/** An association that passes on no message in this time is taken for dead. */
const ALIVE_MS = 250;
const GROWTH_MAX_BYTES = 24 * 1024 * 1024;

const heapBytes = (): number => {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
};

/** Processor time of this process, milliseconds. */
const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** CRC32c (RFC 9260 appendix A): without it SCTP drops what was changed before it reads it. */
function withChecksum(packet: Buffer): Buffer {
  if (packet.length < 12) return packet;
  packet.writeUInt32LE(0, 8);
  let crc = 0xffff_ffff;
  for (const byte of packet) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f6_3b78 : 0);
  }
  packet.writeUInt32LE((crc ^ 0xffff_ffff) >>> 0, 8);
  return packet;
}

type Seeds = [Buffer, ...Buffer[]];
const KINDS = ['stun', 'dtls', 'rtp', 'rtcp', 'sctp'] as const;

/** Sealed, or as it is when its header cannot be read. */
function sealedRtp(client: RtcClient, packet: Buffer): Buffer {
  if (packet.length < 12) return packet;
  // The version stays right, so that what is behind decryption is reached.
  packet[0] = 0x80 | ((packet[0] ?? 0) & 0x3f);
  try {
    return client.sealRtp(packet);
  } catch {
    return packet;
  }
}

interface Attacker {
  readonly call: RtcCall;
  readonly channel: Awaited<ReturnType<RtcClient['openChannel']>>;
  readonly sctp: Seeds;
}

async function connected(server: WebrtcTransport): Promise<RtcCall> {
  const call = await RtcCall.open(server, { dataChannel: true });
  await call.client.connect();
  await expect.poll(() => call.events).toContain('connected');
  return call;
}

/** A peer with keys of its own, and what its SCTP said. */
async function attacker(server: WebrtcTransport): Promise<Attacker> {
  const call = await connected(server);
  const said: Buffer[] = [];
  const { dtls } = call.client;
  const send = dtls.send.bind(dtls);
  dtls.send = (data) => {
    said.push(Buffer.from(data));
    return send(data);
  };
  const channel = await call.client.openChannel('chat');
  await expect.poll(() => channel.readyState).toBe('open');
  channel.send('hello');
  await expect.poll(() => call.events.some((event) => event.startsWith('data'))).toBe(true);
  dtls.send = send;
  const [first = Buffer.alloc(12), ...rest] = said;
  return { call, channel, sctp: [first, ...rest] };
}

describe('fuzz: a call', () => {
  it('plays on while a peer sends 20,000 datagrams that are almost right', async () => {
    const server = await WebrtcTransport.create({
      port: 0,
      addresses: [{ bind: '127.0.0.1', announced: '127.0.0.1' }],
      bursts: true,
    });
    const victim = await connected(server);
    const random = new SeededRandom(SEED);
    let hostile = await attacker(server);
    let seq = 0;
    let freezeMs = 0;
    let freezeWallMs = 0;
    let lastMs = performance.now();
    let lastCpuMs = cpuMs();
    const kinds = { stun: 0, dtls: 0, rtp: 0, rtcp: 0, sctp: 0 };
    let messages = 0;
    let reopened = 0;

    const { credentials, ufrag } = victim.client;
    const stun: Seeds = [
      writeBindingRequest(Buffer.alloc(12, 1), `${credentials.ufrag}:${ufrag}`, credentials.password, true),
    ];
    const [hello = Buffer.alloc(13), ...flights] = victim.client.sent.map((each) => Buffer.from(each));
    const dtls: Seeds = [hello, ...flights];
    const rtp: Seeds = [
      Buffer.from(rtpPacket({ ssrc: 1000, seq: 9, transportSeq: 4, mid: 'v', payload: vp8Payload(true) })),
      Buffer.from(rtpPacket({ ssrc: 3000, seq: 9, mid: 'v', rid: 'q', repairedRid: 'q', payloadType: 97 })),
      Buffer.from(rtpPacket({ ssrc: 2000, seq: 9, payloadType: 111, mid: 'a' })),
    ];
    const rtcp: Seeds = [
      Buffer.from(writePli(1, 1000)),
      Buffer.from(writeNack(1, 1000, [1, 2, 9])),
      // A sender report, a receiver report with one block, and transport-cc feedback.
      Buffer.from(`80c80006${'00'.repeat(2)}03e8${'11'.repeat(20)}`, 'hex'),
      Buffer.from(`81c90007${'00'.repeat(2)}03e8${'22'.repeat(24)}`, 'hex'),
      Buffer.from(`8fcd0005${'00'.repeat(2)}03e8000003e80001000200000100200204080000`, 'hex'),
    ];

    // What needs no key comes by the victim's own path: from nowhere else would it be looked at.
    const attack = (): void => {
      const { client } = hostile.call;
      const kind = random.pick(KINDS);
      kinds[kind] += 1;
      if (kind === 'stun') victim.client.path.send(mutate(stun, random));
      else if (kind === 'dtls') victim.client.path.send(mutate(dtls, random));
      else if (kind === 'rtp') client.path.send(sealedRtp(client, mutate(rtp, random)));
      else if (kind === 'rtcp') {
        const packet = mutate(rtcp, random);
        client.path.send(packet.length < 8 ? packet : client.sealRtcp(packet));
      } else void client.dtls.send(withChecksum(mutate(hostile.sctp, random))).catch(() => {});
    };
    const played = async (): Promise<void> => {
      const before = victim.packets.length;
      let sentMs = Number.NEGATIVE_INFINITY;
      while (victim.packets.length === before) {
        const nowMs = performance.now();
        if (nowMs - lastMs > 5000) throw new Error(`frozen: ${victim.events.join()}`);
        if (nowMs - sentMs > RESEND_MS) {
          sentMs = nowMs;
          seq += 1;
          victim.client.sendRtp(rtpPacket({ ssrc: 1000, seq }));
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
      freezeMs = Math.max(freezeMs, cpuMs() - lastCpuMs);
      freezeWallMs = Math.max(freezeWallMs, performance.now() - lastMs);
      resume();
    };
    /** What the test itself did meanwhile is no freeze. */
    const resume = (): void => {
      lastMs = performance.now();
      lastCpuMs = cpuMs();
    };
    const forget = (): void => {
      for (const { client, packets, facts, events } of [victim, hostile.call]) {
        for (const list of [client.wire, client.sent, client.rtcp, client.rtp, packets, facts])
          list.length = 0;
        if (events.length > 100) events.splice(1, 50);
      }
    };
    /** Whether the server still hands on what the attacker says on its data channel. */
    const talks = async (): Promise<boolean> => {
      messages += 1;
      const message = `alive ${messages}`;
      try {
        hostile.channel.send(message);
      } catch {
        return false;
      }
      const untilMs = performance.now() + ALIVE_MS;
      const isHeard = (): boolean => hostile.call.events.some((event) => event.endsWith(message));
      while (!isHeard() && performance.now() < untilMs) await played();
      return isHeard();
    };
    const storm = async (count: number): Promise<void> => {
      for (let sent = 0; sent < count; sent += BURST) {
        for (let i = 0; i < BURST; i += 1) attack();
        await played();
        forget();
        // Every burst meets a data channel that is open: SCTP that was brought down is no target.
        if (!hostile.call.peer.connected || !(await talks())) {
          reopened += 1;
          hostile.call.close();
          hostile = await attacker(server);
          resume();
        }
      }
    };

    await storm(WARM_UP);
    const before = heapBytes();
    resume();
    await storm(DATAGRAMS);
    forget();
    const grown = heapBytes() - before;
    expect(Math.min(...Object.values(kinds))).toBeGreaterThan(DATAGRAMS / 6);
    expect(victim.peer.connected).toBe(true);
    expect(victim.events.filter((event) => event.startsWith('closed'))).toEqual([]);
    expect(freezeMs).toBeLessThan(FREEZE_MS);
    expect(freezeWallMs).toBeLessThan(FREEZE_WALL_MS);
    // The channel was open for nearly every burst, and now and then a burst brought it down.
    expect(reopened).toBeGreaterThan(0);
    expect(reopened).toBeLessThan(messages / 10);
    expect(grown).toBeLessThan(GROWTH_MAX_BYTES);
    victim.close();
    hostile.call.close();
    await server.close();
  });
});
