import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/** Whether nobody has `port` on 127.0.0.1, by TCP and by UDP. */
async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const socket = createSocket('udp4');
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject).bind(port, '127.0.0.1', resolve);
    });
    return true;
  } catch {
    return false;
  } finally {
    server.close();
    try {
      socket.close();
    } catch {
      // It was never bound.
    }
  }
}

let next = 21_000 + Math.floor(Math.random() * 8000);

/** `count` ports in a row that are free now. */
export async function freePorts(count: number): Promise<number> {
  for (let tries = 0; tries < 100; tries += 1) {
    const first = next;
    next += count;
    let allFree = true;
    for (let port = first; port < first + Math.min(count, 8) && allFree; port += 1)
      allFree = await isFree(port);
    if (allFree) return first;
  }
  throw new Error('no free ports');
}
