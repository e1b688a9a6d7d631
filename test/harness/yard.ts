import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitFor } from './wait.ts';
import { freeYardPorts, type YardPorts, yardEnvironment } from './yard-ports.ts';

export const ROOT: string = fileURLToPath(new URL('../../', import.meta.url));

const ENTRIES = {
  core: 'core/dist/server/main.js',
  webrtc: 'gateways/webrtc/dist/server/main.js',
  rtmp: 'gateways/rtmp/dist/main.js',
  sip: 'gateways/sip/dist/main.js',
} as const;
export type ProcessName = keyof typeof ENTRIES;

const LOG_LINES_MAX = 2000;

interface Running {
  readonly child: ChildProcess;
  readonly lines: string[];
  ready: boolean;
  exited: boolean;
}

/** A whole server on ports of its own: the built processes, as an operator runs them. */
export class Yard {
  readonly http: string;
  readonly api: string;
  readonly rtmp: string;
  readonly sipPort: number;
  readonly rtpPortMin: number;
  readonly httpPort: number;
  /** Unix socket on which gateways attach. */
  readonly socket: string;
  readonly #directory = mkdtempSync(join(tmpdir(), 'switchyard-yard-'));
  readonly #environment: Record<string, string>;
  readonly #processes = new Map<ProcessName, Running>();

  private constructor(ports: YardPorts, extra: Readonly<Record<string, string>>) {
    this.http = `http://127.0.0.1:${ports.webrtc}`;
    this.httpPort = ports.webrtc;
    this.api = `http://127.0.0.1:${ports.core}`;
    this.rtmp = `rtmp://127.0.0.1:${ports.rtmp}/live`;
    this.sipPort = ports.sip;
    this.rtpPortMin = ports.rtp;
    this.socket = join(this.#directory, 'core.sock');
    this.#environment = { ...yardEnvironment(ports, this.socket), ...extra };
  }

  /** Starts the core and `gateways`, and waits until they are ready and attached. */
  static async start(
    gateways: readonly Exclude<ProcessName, 'core'>[],
    extra: Readonly<Record<string, string>> = {},
  ): Promise<Yard> {
    const yard = new Yard(await freeYardPorts(), extra);
    await yard.run('core');
    for (const gateway of gateways) await yard.run(gateway);
    await yard.waitAttached(gateways.length);
    return yard;
  }

  /** Starts (or restarts) one process and waits until it says that it is ready. */
  async run(name: ProcessName): Promise<void> {
    const child = spawn(process.execPath, ['--enable-source-maps', join(ROOT, ENTRIES[name])], {
      cwd: this.#directory,
      env: { ...process.env, ...this.#environment },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const running: Running = { child, lines: [], ready: false, exited: false };
    this.#processes.set(name, running);
    const onOutput = (chunk: Buffer): void => {
      for (const line of chunk.toString().split('\n')) if (line !== '') running.lines.push(line);
      if (running.lines.length > LOG_LINES_MAX) running.lines.splice(0, running.lines.length - LOG_LINES_MAX);
      running.ready ||= chunk.includes('"msg":"ready"');
    };
    child.stdout?.on('data', onOutput);
    child.stderr?.on('data', onOutput);
    child.once('exit', () => {
      running.exited = true;
    });
    await waitFor(
      `${name} is ready`,
      () => running.ready || running.exited,
      20_000,
      () => running.lines.join('\n'),
    );
    if (running.exited) throw new Error(`${name} ended at start:\n${running.lines.join('\n')}`);
  }

  async waitAttached(count: number): Promise<void> {
    await waitFor(`${count} gateways are attached`, async () => {
      const health = (await this.get('/health')) as { gateways?: unknown[] } | undefined;
      return health?.gateways?.length === count;
    });
  }

  /** JSON of the core's API, undefined while it does not answer. */
  async get(path: string): Promise<unknown> {
    try {
      return await (await fetch(`${this.api}${path}`)).json();
    } catch {
      return undefined;
    }
  }

  pid(name: ProcessName): number {
    return this.#processes.get(name)?.child.pid ?? -1;
  }

  /** The last lines that a process wrote. */
  log(name: ProcessName): string {
    return this.#processes.get(name)?.lines.slice(-60).join('\n') ?? '';
  }

  /** Lines of level error and above, of all processes. */
  errors(): string[] {
    return [...this.#processes.values()].flatMap(({ lines }) =>
      lines.filter((line) => /^\{"level":[56]0/.test(line)),
    );
  }

  isRunning(name: ProcessName): boolean {
    return this.#processes.get(name)?.exited === false;
  }

  /** Any signal: SIGSTOP makes a process that hangs. */
  signal(name: ProcessName, signal: NodeJS.Signals): void {
    this.#processes.get(name)?.child.kill(signal);
  }

  /** SIGKILL, and waits for the end. */
  async kill(name: ProcessName): Promise<void> {
    const running = this.#processes.get(name);
    running?.child.kill('SIGKILL');
    await waitFor(`${name} is gone`, () => running?.exited !== false);
  }

  /** SIGTERM to the gateways, then to the core. @returns Exit codes, or the signals that ended them. */
  async stop(): Promise<Map<ProcessName, number | NodeJS.Signals | null>> {
    const codes = new Map<ProcessName, number | NodeJS.Signals | null>();
    for (const name of ['webrtc', 'rtmp', 'sip', 'core'] as const) {
      const running = this.#processes.get(name);
      if (running === undefined) continue;
      if (!running.exited) {
        // One that was stopped would not notice.
        running.child.kill('SIGCONT');
        running.child.kill('SIGTERM');
      }
      await waitFor(
        `${name} ends`,
        () => running.exited,
        15_000,
        () => running.lines.join('\n'),
      ).catch(() => running.child.kill('SIGKILL'));
      codes.set(name, running.child.exitCode ?? running.child.signalCode);
    }
    rmSync(this.#directory, { recursive: true, force: true });
    return codes;
  }
}
