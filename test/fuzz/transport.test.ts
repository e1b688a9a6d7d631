import { describe, expect, it } from 'vitest';
import { createCertificate } from '../../gateways/webrtc/server/transport/certificate.ts';
import { DtlsSession } from '../../gateways/webrtc/server/transport/dtls-session.ts';
import { IceLite } from '../../gateways/webrtc/server/transport/ice-lite.ts';
import {
  readStunRequest,
  writeBindingRequest,
  writeBindingSuccess,
} from '../../gateways/webrtc/server/transport/stun-message.ts';
import { fuzz } from './fuzz.ts';

describe('fuzz: ICE', () => {
  const password = 'p'.repeat(24);
  const request = writeBindingRequest(Buffer.alloc(12, 1), 'serverufrag:client', password);

  it('a changed check validates nothing', () => {
    const seeds = [request, writeBindingSuccess(Buffer.alloc(12, 2), '127.0.0.1', 9, password)];
    let validated = 0;
    fuzz(seeds, (input) => {
      const ice = new IceLite({ ufrag: 'serverufrag', password });
      const isRight = input.equals(request);
      readStunRequest(input);
      const outcome = ice.handle(input, { key: 'a', address: '127.0.0.1', port: 9, socket: 0 });
      if (outcome?.validated !== true) return;
      validated += 1;
      expect(isRight).toBe(true);
    });
    expect(validated).toBeGreaterThan(0);
  });
});

describe('fuzz: DTLS', () => {
  it('datagrams of a handshake, changed on the way, end a session at most', async () => {
    const certificate = await createCertificate();
    const recorded: Buffer[] = [];
    let ended = 0;
    const session = (role: 'client' | 'server', send: (datagram: Buffer) => void): DtlsSession =>
      new DtlsSession({
        certificate,
        role,
        fingerprints: [certificate.fingerprint],
        send,
        listener: {
          onConnected: () => {},
          onData: () => {},
          onEnded: () => {
            ended += 1;
          },
        },
      });
    // A handshake that succeeds gives the datagrams.
    let server: DtlsSession | undefined;
    const client = session('client', (datagram) => {
      recorded.push(Buffer.from(datagram));
      setImmediate(() => server?.input(Buffer.from(datagram)));
    });
    server = session('server', (datagram) => {
      recorded.push(Buffer.from(datagram));
      setImmediate(() => client.input(Buffer.from(datagram)));
    });
    client.start();
    await expect.poll(() => client.isConnected && server?.isConnected, { timeout: 10_000 }).toBe(true);
    const connected = server;
    const waiting: DtlsSession[] = [];
    fuzz(
      recorded,
      (input) => {
        connected.input(Buffer.from(input));
        client.input(Buffer.from(input));
        const fresh = waiting.at(-1);
        if (fresh !== undefined && waiting.length % 8 !== 0) fresh.input(Buffer.from(input));
        else waiting.push(session(waiting.length % 2 === 0 ? 'server' : 'client', () => {}));
      },
      1500,
    );
    // Nothing was authentic: what was connected still is.
    expect(client.isConnected).toBe(true);
    expect(connected.isConnected).toBe(true);
    // werift goes on in promises: a rejection that nobody handles fails the run.
    await new Promise((resolve) => setImmediate(resolve));
    for (const each of [client, connected, ...waiting]) each.close();
    expect(ended).toBeLessThanOrEqual(waiting.length);
  });
});
