import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { waitUntil } from '../wait-until.ts';
import { DatagramIntake, ipv4Source } from './datagram-intake.ts';
import { DatagramQueue, datagramTarget } from './datagram-queue.ts';
import { openUdpBursts, type UdpBursts } from './open-udp-bursts.ts';
import { openUdpSocket } from './open-udp-socket.ts';

const DEADLINE_MS = 5000;
const found = await openUdpBursts();
const bursts: UdpBursts | undefined = 'calls' in found ? found : undefined;
const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});

async function open(address: string, port = 0, with_: UdpBursts | undefined = bursts) {
  const opened = await openUdpSocket(address, port, with_?.calls);
  sockets.push(opened.socket);
  return { ...opened, port: opened.socket.address().port };
}

/** What a socket gets, as text. */
async function newReceiver(address: string) {
  const { socket, port } = await open(address, 0, undefined);
  const texts: string[] = [];
  const from: RemoteInfo[] = [];
  socket.on('message', (bytes, source) => {
    texts.push(bytes.toString('latin1'));
    from.push(source);
  });
  return { target: datagramTarget(address, port), texts, from };
}

it('are there on Linux, and the kernel merges', () => {
  if (process.platform === 'linux') expect(found).toMatchObject({ merges: true });
  else expect(found).toHaveProperty('unavailable');
});

describe.each([
  ['with bursts', bursts],
  ['without bursts', undefined],
])('a UDP socket %s', (_, with_) => {
  it.each(['127.0.0.1', '::1'])('sends what was queued in a turn, and in order: %s', async (address) => {
    const mine = await open(address, 0, with_);
    const queue = new DatagramQueue(mine, with_);
    const [one, two] = await Promise.all([newReceiver(address), newReceiver(address)]);
    const sent = Array.from({ length: 700 }, (_each, i) => `${i}`.padEnd(i % 5 === 0 ? 900 : 1200, '.'));
    for (const text of sent) {
      const datagram = Buffer.from(text);
      queue.send(datagram, one.target);
      if (text.length === 900) queue.send(datagram, two.target);
      datagram.fill(0);
    }
    await waitUntil(() => one.texts.length + two.texts.length >= 840, DEADLINE_MS);
    expect(one.texts).toEqual(sent);
    expect(two.texts).toEqual(sent.filter(({ length }) => length === 900));
    expect(one.from.every(({ port }) => port === mine.port)).toBe(true);
  });

  it('says who has the port', async () => {
    const { port } = await open('127.0.0.1', 0, with_);
    await expect(openUdpSocket('127.0.0.1', port, with_?.calls)).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
    await expect(openUdpSocket('192.0.2.1', 0, with_?.calls)).rejects.toMatchObject({
      code: 'EADDRNOTAVAIL',
    });
  });

  it('has large buffers', async () => {
    const { socket } = await open('127.0.0.1', 0, with_);
    expect(socket.getRecvBufferSize()).toBeGreaterThan(200_000);
  });
});

describe.runIf(bursts !== undefined)('DatagramIntake', () => {
  it('takes in what waits behind the first datagram, and leaves out what is too long', async () => {
    if (bursts === undefined) return;
    const { socket, fd = -1, port } = await open('127.0.0.1');
    const intake = new DatagramIntake(bursts.calls);
    const got: string[] = [];
    const sources = new Set<number>();
    let byNode = 0;
    socket.on('message', (bytes) => {
      byNode += 1;
      got.push(bytes.toString('latin1'));
      intake.receive(
        fd,
        () => true,
        (datagram, source) => {
          got.push(datagram.toString('latin1'));
          sources.add(source);
        },
      );
    });
    const sender = createSocket('udp4');
    sockets.push(sender);
    const texts = Array.from({ length: 200 }, (_, i) => `${i}`.padEnd(1 + (i % 1400), '.'));
    sender.send('first', port, '127.0.0.1');
    await once(socket, 'message');
    for (const text of texts) sender.send(text, port, '127.0.0.1');
    sender.send(Buffer.alloc(3000), port, '127.0.0.1');
    sender.send('last', port, '127.0.0.1');
    await waitUntil(() => got.at(-1) === 'last', DEADLINE_MS);
    expect(got.filter(({ length }) => length < 3000)).toEqual(['first', ...texts, 'last']);
    expect(byNode).toBeLessThan(texts.length);
    expect([...sources].map(ipv4Source)).toEqual([{ address: '127.0.0.1', port: sender.address().port }]);
  });

  it('stops where a handler closes the socket', async () => {
    if (bursts === undefined) return;
    const { socket, fd = -1, port } = await open('127.0.0.1');
    const intake = new DatagramIntake(bursts.calls);
    let open_ = true;
    let handled = 0;
    socket.on('message', () =>
      intake.receive(
        fd,
        () => open_,
        () => {
          handled += 1;
          open_ = false;
        },
      ),
    );
    const sender = createSocket('udp4');
    sockets.push(sender);
    for (let i = 0; i < 20; i += 1) sender.send('x', port, '127.0.0.1');
    await waitUntil(() => handled > 0, DEADLINE_MS);
    expect(handled).toBe(1);
  });
});
