import { rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Most connections over TCP, attached gateways among them; more are cut. Each costs a buffer of 256 KiB. */
const TCP_CONNECTIONS_MAX = 256;
const KEEP_ALIVE_MS = 5000;

/**
 * Listens on a Unix socket that only this user may use; a socket file that a killed core left behind is removed.
 * @throws when another core answers on it.
 */
export async function listenOnPath(path: string, onSocket: (socket: Socket) => void): Promise<Server> {
  if (await isAnswered(path))
    throw new Error(`Another core is running on ${path}: stop it, or set core.socket to another path.`);
  rmSync(path, { force: true });
  const server = createServer(onSocket);
  const before = process.umask(0o177);
  try {
    await listening(server, () => server.listen(path));
  } finally {
    process.umask(before);
  }
  return server;
}

/** Listens for gateways of other hosts. */
export async function listenOnTcp(
  host: string,
  port: number,
  onSocket: (socket: Socket) => void,
): Promise<Server> {
  const server = createServer(
    { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS },
    onSocket,
  );
  server.maxConnections = TCP_CONNECTIONS_MAX;
  await listening(server, () => server.listen(port, host));
  return server;
}

const listening = (server: Server, start: () => void): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', resolve);
    start();
  });

/** Whether somebody listens on `path`. */
const isAnswered = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
