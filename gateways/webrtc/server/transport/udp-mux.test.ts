import { createSocket, type Socket } from 'node:dgram';
import { openUdpBursts, waitUntil } from '@switchyard/shared/runtime';
import { afterEach, describe, expect, it } from 'vitest';
import type { SealedPackets } from '../egress/packet-batch.ts';
import type { Path } from './ice-lite.ts';
import { UdpMux } from './udp-mux.ts';

const DEADLINE_MS = 5000;
const ROOM = 16;
const found = await openUdpBursts();
const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A client, and what it got. */
async function newClient(address: string): Promise<{ socket: Socket; got: string[] }> {
  const socket = createSocket(address === '::1' ? 'udp6' : 'udp4');
  const got: string[] = [];
  socket.on('message', (bytes) => got.push(bytes.toString()));
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  closing.push(() => socket.close());
  return { socket, got };
}

/** Packets of at most 16 bytes in `memory`. */
function packetsOf(memory: Buffer, texts: readonly string[]): SealedPackets {
  texts.forEach((text, i) => {
    memory.write(text, i * ROOM);
  });
  const lengthOf = (i: number): number => texts[i]?.length ?? 0;
  return {
    count: texts.length,
    offsetOf: (i) => i * ROOM,
    lengthOf,
    viewOf: (i) => memory.subarray(i * ROOM, i * ROOM + lengthOf(i)),
  };
}

describe.each([
  ['with bursts', 'calls' in found ? found : undefined],
  ['without bursts', undefined],
])('UdpMux %s', (_, bursts) => {
  async function newMux(...addresses: string[]) {
    const memory = Buffer.allocUnsafeSlow(1 << 16);
    const seen: { readonly text: string; readonly path: Path }[] = [];
    const mux = new UdpMux(memory, bursts, (datagram, path) => {
      seen.push({ text: datagram.toString('latin1'), path });
    });
    await mux.bind(addresses, 0);
    closing.push(() => void mux.close());
    /** @returns The path of a client that was heard once. */
    const hear = async (client: Socket, address: string): Promise<Path> => {
      const before = seen.length;
      client.send('hello', mux.port, address);
      await waitUntil(() => seen.length > before, DEADLINE_MS);
      const path = seen.at(-1)?.path;
      if (path === undefined) throw new Error('nothing came');
      return path;
    };
    return { mux, memory, seen, hear };
  }

  it('sends packets of one batch to clients of IPv4, IPv6 and TCP', async () => {
    const { mux, memory, hear } = await newMux('127.0.0.1', '::1');
    const [four, six] = await Promise.all([newClient('127.0.0.1'), newClient('::1')]);
    const byTcp: string[] = [];
    const stream = {
      isValidated: true,
      send: (bytes: Uint8Array, length: number) =>
        byTcp.push(Buffer.from(bytes).toString('utf8', 0, length)) > 0,
    };
    const tcp: Path = { key: 'tcp', address: '127.0.0.1', port: 9, socket: -1, stream };
    const paths = [await hear(four.socket, '127.0.0.1'), await hear(six.socket, '::1'), tcp];
    const texts = ['one', 'two', 'six', 'tcp', 'long one', 'x', 'last'];
    const to = [0, 0, 1, 2, 0, 0, 1].flatMap((index) => paths[index] ?? []);
    mux.sendPackets(packetsOf(memory, texts), to);
    await waitUntil(() => four.got.length + six.got.length >= 6, DEADLINE_MS);
    expect(four.got).toEqual(['one', 'two', 'long one', 'x']);
    expect(six.got).toEqual(['six', 'last']);
    expect(byTcp).toEqual(['tcp']);
  });

  it('tells of the same client by the same path, as long as it is kept', async () => {
    const { mux, seen, hear } = await newMux('127.0.0.1');
    const [client, other] = await Promise.all([newClient('127.0.0.1'), newClient('127.0.0.1')]);
    const path = await hear(client.socket, '127.0.0.1');
    mux.keep(path);
    // Of media, and of what comes behind it in one burst.
    for (let i = 0; i < 50; i += 1)
      (i % 2 === 0 ? client : other).socket.send(`\x80${i}`, mux.port, '127.0.0.1');
    await waitUntil(() => seen.length >= 51, DEADLINE_MS);
    const mine = seen.slice(1).filter(({ path: { port } }) => port === path.port);
    expect(mine.length).toBe(25);
    expect(mine.every((each) => each.path === path)).toBe(true);
    const foreign = seen.filter((each) => each.path.port !== path.port);
    expect(foreign.length).toBe(25);
    expect(new Set(foreign.map((each) => each.path.key)).size).toBe(1);
    mux.forget([path.key]);
    expect(await hear(client.socket, '127.0.0.1')).not.toBe(path);
  });

  it('keeps what is not media: later datagrams leave it alone', async () => {
    const kept: Buffer[] = [];
    const memory = Buffer.allocUnsafeSlow(64);
    const keeper = new UdpMux(memory, bursts, (datagram) => kept.push(datagram));
    await keeper.bind(['127.0.0.1'], 0);
    closing.push(() => void keeper.close());
    const client = await newClient('127.0.0.1');
    const sent = Array.from({ length: 100 }, (_each, i) => `\x16dtls ${i}`);
    for (const text of sent) client.socket.send(text, keeper.port, '127.0.0.1');
    await waitUntil(() => kept.length >= sent.length, DEADLINE_MS);
    expect(kept.map((each) => each.toString())).toEqual(sent);
  });
});
