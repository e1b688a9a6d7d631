import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FRAME_TYPES, LINK_PROTOCOL } from '@switchyard/shared/protocol';
import {
  CoreLink,
  createLogger,
  FrameSplitter,
  linkNonce,
  linkProof,
  readJson,
} from '@switchyard/shared/runtime';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Admission } from './admission.ts';
import { GatewayServer } from './gateway-server.ts';

const SECRET = 'what both ends know';
const logger = createLogger('test', 'silent');

/** A port that nobody has now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const frame = (type: number, value: unknown): Buffer => {
  const text = Buffer.from(JSON.stringify(value));
  const bytes = Buffer.alloc(5 + text.length);
  bytes.writeUInt32BE(1 + text.length);
  bytes[4] = type;
  text.copy(bytes, 5);
  return bytes;
};

/** What comes in on a socket, frame by frame. */
function framesOf(socket: Socket): { type: number; value: unknown }[] {
  const frames: { type: number; value: unknown }[] = [];
  const splitter = new FrameSplitter((type, body) => frames.push({ type, value: readJson(body) }));
  socket.on('data', (chunk) => splitter.push(Buffer.from(chunk)));
  return frames;
}

const nonceOf = (frames: readonly { value: unknown }[]): string =>
  (frames[0] as { value: { nonce: string } }).value.nonce;

describe('the link over TCP', () => {
  let directory = '';
  let port = 0;
  let server: GatewayServer;
  const links: CoreLink[] = [];

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'switchyard-tcp-'));
    port = await freePort();
    server = new GatewayServer({
      socketPath: join(directory, 'core.sock'),
      tcp: { host: '127.0.0.1', port, secret: SECRET },
      node: 'n1',
      admission: new Admission({ maxEndpoints: 100, maxEventLoopDelayMs: 60_000 }),
      logger,
    });
    await server.listen({
      openEndpoint: () => {},
      closeEndpoint: () => {},
      handleControl: () => {},
      handleMedia: () => {},
    });
  });

  afterEach(async () => {
    for (const link of links.splice(0)) await link.close();
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const start = (to: number, secret = SECRET): CoreLink => {
    const link = new CoreLink({
      target: { host: '127.0.0.1', port: to, secret },
      kind: 'rtmp',
      logger,
      samples: () => [{ name: 'rtmp_connections', help: 'x', type: 'gauge', value: 3 }],
    });
    links.push(link);
    link.start();
    return link;
  };

  it('attaches who knows the secret, and brings its figures', async () => {
    const link = start(port);
    await vi.waitUntil(() => link.connected);
    await vi.waitUntil(() => (server.figures[0]?.samples.length ?? 0) > 0, { timeout: 5000 });
    expect(server.figures[0]).toMatchObject({ kind: 'rtmp' });
    expect(server.figures[0]?.samples).toContainEqual(
      expect.objectContaining({ name: 'rtmp_connections', value: 3 }),
    );
  });

  it('refuses a wrong secret', async () => {
    start(port, 'what only one end knows');
    const socket = connect(port, '127.0.0.1');
    const frames = framesOf(socket);
    await vi.waitUntil(() => frames.length > 0);
    const nonce = nonceOf(frames);
    const gateway = linkNonce();
    const proof = linkProof('what only one end knows', 'gateway', { core: nonce, gateway });
    socket.write(
      frame(FRAME_TYPES.hello, {
        protocol: LINK_PROTOCOL,
        kind: 'sip',
        name: 'thief',
        auth: { nonce: gateway, proof },
      }),
    );
    await once(socket, 'close');
    expect(frames.at(-1)).toMatchObject({ type: FRAME_TYPES.refused, value: { code: 'not-allowed' } });
    expect(links[0]?.connected).toBe(false);
    expect(server.gateways).toEqual([]);
  });

  it.each([
    ['no proof', {}],
    ['an empty proof', { auth: { nonce: linkNonce(), proof: 'x'.repeat(43) } }],
  ])('refuses %s', async (_, auth) => {
    const socket = connect(port, '127.0.0.1');
    const frames = framesOf(socket);
    socket.write(frame(FRAME_TYPES.hello, { protocol: LINK_PROTOCOL, kind: 'sip', name: 'thief', ...auth }));
    await once(socket, 'close');
    expect(frames.at(-1)).toMatchObject({ type: FRAME_TYPES.refused, value: { code: 'not-allowed' } });
  });

  it('refuses a proof that was seen on another connection, and the proof of the core itself', async () => {
    const first = connect(port, '127.0.0.1');
    const second = connect(port, '127.0.0.1');
    const [heard, said] = [framesOf(first), framesOf(second)];
    await vi.waitUntil(() => heard.length > 0 && said.length > 0);
    const old = nonceOf(heard);
    const gateway = linkNonce();
    const replayed = linkProof(SECRET, 'gateway', { core: old, gateway });
    second.write(
      frame(FRAME_TYPES.hello, {
        protocol: LINK_PROTOCOL,
        kind: 'sip',
        name: 'replay',
        auth: { nonce: gateway, proof: replayed },
      }),
    );
    await once(second, 'close');
    const reflected = linkProof(SECRET, 'core', { core: old, gateway });
    first.write(
      frame(FRAME_TYPES.hello, {
        protocol: LINK_PROTOCOL,
        kind: 'sip',
        name: 'mirror',
        auth: { nonce: gateway, proof: reflected },
      }),
    );
    await once(first, 'close');
    for (const frames of [heard, said])
      expect(frames.at(-1)).toMatchObject({ type: FRAME_TYPES.refused, value: { code: 'not-allowed' } });
  });

  it('cuts a stranger that sends much before it said who it is', async () => {
    const socket = connect(port, '127.0.0.1');
    const head = Buffer.alloc(5000);
    head.writeUInt32BE(100_000);
    socket.write(head);
    socket.resume();
    await once(socket, 'close');
    expect(server.gateways).toEqual([]);
  });

  it('does not attach to a core that cannot prove the secret', async () => {
    const impostor = createServer((socket) => {
      const splitter = new FrameSplitter((type) => {
        if (type === FRAME_TYPES.hello)
          socket.write(
            frame(FRAME_TYPES.welcome, {
              protocol: LINK_PROTOCOL,
              node: 'evil',
              session: 's',
              proof: 'x'.repeat(43),
            }),
          );
        else socket.destroy();
      });
      socket.on('data', (chunk) => splitter.push(Buffer.from(chunk)));
      socket.on('error', () => {});
      socket.write(frame(FRAME_TYPES.challenge, { nonce: linkNonce() }));
    });
    impostor.listen(0, '127.0.0.1');
    await once(impostor, 'listening');
    let tries = 0;
    impostor.on('connection', () => {
      tries += 1;
    });
    const link = start((impostor.address() as AddressInfo).port);
    let attached = false;
    link.onConnectedChange = () => {
      attached = true;
    };
    await vi.waitUntil(() => tries >= 2, { timeout: 5000 });
    expect(attached).toBe(false);
    impostor.close();
  });
});
