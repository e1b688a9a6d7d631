/** Ways to throw bytes at an open port. Each waits for nothing but its own sockets. */
import { createSocket } from 'node:dgram';
import { connect, type NetConnectOpts } from 'node:net';
import { mutate } from './mutate.ts';
import type { SeededRandom } from './seeded-random.ts';

/** What the server says, or does not, until then. */
const ANSWER_MS = 60;
const AT_ONCE = 16;
const DATAGRAMS_PER_TURN = 50;
const DATAGRAM_MAX_BYTES = 8000;

export type Seeds = readonly [Buffer, ...Buffer[]];

/** Runs `attack` `count` times, some at a time. */
export async function swarm(count: number, attack: () => Promise<void>): Promise<void> {
  let left = count;
  const one = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await attack();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

/** Connects `count` times; each sends `prefix` and then mutated `seeds`, in pieces, and goes. */
export async function attackStream(
  to: NetConnectOpts,
  count: number,
  random: SeededRandom,
  seeds: Seeds,
  prefix: Buffer = Buffer.alloc(0),
): Promise<void> {
  await swarm(count, () => {
    const parts = [prefix, ...Array.from({ length: 1 + random.below(4) }, () => mutate(seeds, random))];
    return new Promise<void>((resolve) => {
      const socket = connect(to, () => {
        for (const part of parts) socket.write(part);
        setTimeout(() => socket.destroy(), ANSWER_MS);
      });
      socket.on('error', () => {});
      socket.on('data', () => {});
      socket.on('close', () => resolve());
    });
  });
}

/** Sends `count` mutated `seeds` by UDP to a port, which each datagram may choose. */
export async function attackDatagrams(
  portOf: () => number,
  count: number,
  random: SeededRandom,
  seeds: Seeds,
): Promise<void> {
  const socket = createSocket('udp4');
  socket.on('error', () => {});
  for (let sent = 0; sent < count; sent += 1) {
    const datagram = mutate(seeds, random).subarray(0, DATAGRAM_MAX_BYTES);
    socket.send(datagram, portOf(), '127.0.0.1', () => {});
    if (sent % DATAGRAMS_PER_TURN === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await new Promise<void>((resolve) => socket.close(resolve));
}
