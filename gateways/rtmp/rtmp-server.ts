import { createServer, type Server } from 'node:net';
import {
  type AccessControl,
  type Config,
  type CorePort,
  type Logger,
  waitUntil,
} from '@switchyard/shared/runtime';
import { RtmpConnection, type RtmpConnectionHome, type StreamName } from './rtmp-connection.ts';

/** Most connections of the process. */
export const CONNECTIONS_MAX: number = 2000;

const idOf = ({ app, room, peer }: StreamName): string => `${app}/${room}/${peer}`;

/** The RTMP port: connections and who publishes under which name. */
export class RtmpServer implements RtmpConnectionHome {
  readonly core: CorePort;
  readonly access: AccessControl;
  readonly policy: Config['rtmp']['transcode'];
  readonly logger: Logger;
  isDraining = false;
  faults = 0;
  readonly #server: Server;
  readonly #connections = new Set<RtmpConnection>();
  readonly #byKey = new Map<string, RtmpConnection>();

  constructor(core: CorePort, access: AccessControl, policy: Config['rtmp']['transcode'], logger: Logger) {
    this.core = core;
    this.access = access;
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

  /** Nobody new; whoever publishes may go on for `timeoutMs`. */
  async drain(timeoutMs: number): Promise<void> {
    this.isDraining = true;
    await waitUntil(() => this.#connections.size === 0, timeoutMs);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of [...this.#connections]) connection.close('The server is shutting down.');
    await closed;
  }

  holderOf(name: StreamName): RtmpConnection | undefined {
    return this.#byKey.get(idOf(name));
  }

  claim(name: StreamName, connection: RtmpConnection): void {
    this.#byKey.set(idOf(name), connection);
  }

  gone(connection: RtmpConnection): void {
    this.#connections.delete(connection);
    const { name } = connection;
    if (name !== undefined && this.#byKey.get(idOf(name)) === connection) this.#byKey.delete(idOf(name));
  }
}
