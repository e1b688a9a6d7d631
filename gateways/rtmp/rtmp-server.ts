import { createServer, type Server } from 'node:net';
import type { Config, CorePort, Logger } from '@switchyard/shared/runtime';
import { RtmpConnection, type RtmpConnectionHome } from './rtmp-connection.ts';
import type { StreamKey } from './stream-key.ts';

/** Most connections of the process. */
export const CONNECTIONS_MAX: number = 2000;

const idOf = ({ room, peer }: StreamKey): string => `${room}/${peer}`;

/** The RTMP port: connections and who publishes under which name. */
export class RtmpServer implements RtmpConnectionHome {
  readonly core: CorePort;
  readonly policy: Config['rtmp']['transcode'];
  readonly logger: Logger;
  readonly #server: Server;
  readonly #connections = new Set<RtmpConnection>();
  readonly #byKey = new Map<string, RtmpConnection>();

  constructor(core: CorePort, policy: Config['rtmp']['transcode'], logger: Logger) {
    this.core = core;
    this.policy = policy;
    this.logger = logger;
    this.#server = createServer((socket) => this.#connections.add(new RtmpConnection(socket, this)));
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  async listen(host: string, port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, resolve);
    });
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of [...this.#connections]) connection.close('The server is shutting down.');
    await closed;
  }

  holderOf(key: StreamKey): RtmpConnection | undefined {
    return this.#byKey.get(idOf(key));
  }

  claim(key: StreamKey, connection: RtmpConnection): void {
    this.#byKey.set(idOf(key), connection);
  }

  gone(connection: RtmpConnection): void {
    this.#connections.delete(connection);
    const { key } = connection;
    if (key !== undefined && this.#byKey.get(idOf(key)) === connection) this.#byKey.delete(idOf(key));
  }
}
