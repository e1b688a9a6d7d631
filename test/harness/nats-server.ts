import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kvm } from '@nats-io/kv';
import { connect } from '@nats-io/transport-node';
import { freePorts } from './free-ports.ts';
import { waitFor } from './wait.ts';

const PATH = `${process.env['PATH']}:/usr/sbin:/sbin`;
export const hasNats = (): boolean =>
  spawnSync('nats-server', ['--version'], { env: { ...process.env, PATH } }).status === 0;

interface Member {
  readonly port: number;
  readonly args: readonly string[];
  child: ChildProcess | undefined;
}

/** One nats-server, or three as a cluster, with JetStream on disk: a restart finds its data. */
export class NatsServers {
  readonly #directory = mkdtempSync(join(tmpdir(), 'switchyard-nats-'));
  readonly #members: Member[] = [];

  static async start(count: 1 | 3 = 1): Promise<NatsServers> {
    const servers = new NatsServers();
    const first = await freePorts(2 * count);
    const routes = Array.from({ length: count }, (_, i) => `nats://127.0.0.1:${first + count + i}`).join(',');
    for (let i = 0; i < count; i += 1) {
      const args = ['-a', '127.0.0.1', '-p', `${first + i}`, '-js', '-sd', join(servers.#directory, `${i}`)];
      if (count > 1)
        args.push(
          ...['-n', `nats${i}`, '--cluster_name', 'yard', '--routes', routes],
          ...['--cluster', `nats://127.0.0.1:${first + count + i}`],
        );
      servers.#members.push({ port: first + i, args, child: undefined });
    }
    for (let i = 0; i < count; i += 1) servers.run(i);
    for (let i = 0; i < count; i += 1) await servers.waitReady(i);
    return servers;
  }

  get urls(): string[] {
    return this.#members.map(({ port }) => `nats://127.0.0.1:${port}`);
  }

  run(index: number): void {
    const member = this.#members[index];
    if (member === undefined) return;
    member.child = spawn('nats-server', member.args, { stdio: 'ignore', env: { ...process.env, PATH } });
  }

  async waitReady(index: number): Promise<void> {
    const port = this.#members[index]?.port ?? 0;
    await waitFor(`nats-server ${index} listens`, () => isAnswered(port), 15_000);
  }

  /** Which server leads the bucket of rooms; of a single one itself. */
  async leader(): Promise<number> {
    const connection = await connect({ servers: this.urls });
    try {
      const { streamInfo } = await (await new Kvm(connection).open('switchyard-rooms')).status();
      return Number(/^nats(\d)$/.exec(streamInfo.cluster?.leader ?? '')?.[1] ?? 0);
    } finally {
      await connection.close();
    }
  }

  signal(index: number, signal: NodeJS.Signals): void {
    this.#members[index]?.child?.kill(signal);
  }

  async kill(index: number): Promise<void> {
    const child = this.#members[index]?.child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  async stop(): Promise<void> {
    for (let i = 0; i < this.#members.length; i += 1) await this.kill(i);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

const isAnswered = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createConnection({ host: '127.0.0.1', port });
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
