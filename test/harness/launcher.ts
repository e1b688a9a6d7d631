import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from './wait.ts';
import { ROOT } from './yard.ts';
import { freeYardPorts, type YardPorts, yardEnvironment } from './yard-ports.ts';

const SCRIPT = 'shared/launcher/bin/start.mjs';
/** Building what changed comes first. */
const START_DEADLINE_MS = 90_000;

export interface LauncherOptions {
  /** `npm start` in the repository, or the script of it in a directory of its own. */
  readonly npm?: boolean;
  /** Text of `switchyard.yaml` there. */
  readonly config?: string;
  readonly ports?: YardPorts;
  readonly environment?: Readonly<Record<string, string>>;
}

/** `npm start` as a person uses it. */
export class Launcher {
  readonly ports: YardPorts;
  readonly #directory: string;
  readonly #child: ChildProcess;
  #output = '';
  #exitCode: number | null | undefined;

  private constructor(ports: YardPorts, { npm = false, config, environment = {} }: LauncherOptions) {
    this.ports = ports;
    this.#directory = mkdtempSync(join(tmpdir(), 'switchyard-launcher-'));
    if (config !== undefined) writeFileSync(join(this.#directory, 'switchyard.yaml'), config);
    const [command, args] = npm ? ['npm', ['start']] : [process.execPath, [join(ROOT, SCRIPT)]];
    // A process group of its own, as a terminal gives it.
    this.#child = spawn(command, args, {
      cwd: npm ? ROOT : this.#directory,
      env: { ...process.env, ...yardEnvironment(ports, join(this.#directory, 'core.sock')), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        this.#output += chunk.toString();
      });
    this.#child.once('exit', (code) => {
      this.#exitCode = code;
    });
  }

  /** Starts it, and waits for nothing. */
  static async run(options: LauncherOptions = {}): Promise<Launcher> {
    return new Launcher(options.ports ?? (await freeYardPorts()), options);
  }

  /** Starts it, and waits for the banner. */
  static async start(options: LauncherOptions = {}): Promise<Launcher> {
    const launcher = await Launcher.run(options);
    await waitFor(
      'the banner',
      () => launcher.output.includes('Switchyard is up.') || launcher.exitCode !== undefined,
      START_DEADLINE_MS,
      () => launcher.output,
    );
    return launcher;
  }

  get output(): string {
    return this.#output;
  }

  /** undefined while it runs, null when a signal ended it. */
  get exitCode(): number | null | undefined {
    return this.#exitCode;
  }

  /** Process ids of it and everything below it. */
  get processes(): number[] {
    return withDescendants(this.#child.pid ?? -1);
  }

  /** The process that runs a built entry such as `rtmp/dist/main.js`. */
  pidOf(entry: string): number {
    return this.processes.find((pid) => commandLine(pid).includes(entry)) ?? -1;
  }

  /** JSON of the core's API, undefined while it does not answer. */
  async get(path: string): Promise<unknown> {
    try {
      return await (await fetch(`http://127.0.0.1:${this.ports.core}${path}`)).json();
    } catch {
      return undefined;
    }
  }

  /** Kinds of the gateways that are attached. */
  async gateways(): Promise<string[]> {
    const health = (await this.get('/health')) as { gateways?: { kind: string }[] } | undefined;
    return (health?.gateways ?? []).map(({ kind }) => kind).sort();
  }

  /** What Ctrl-C in a terminal does: the signal goes to the whole process group. */
  interrupt(): void {
    process.kill(-(this.#child.pid ?? 0), 'SIGINT');
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async exited(deadlineMs = 20_000): Promise<number | null> {
    const code = await waitFor(
      'the launcher ends',
      () => (this.#exitCode === undefined ? undefined : { code: this.#exitCode }),
      deadlineMs,
      () => this.#output,
    );
    return code.code;
  }

  /** Whatever is left is killed. */
  cleanUp(pids: readonly number[] = this.processes): void {
    for (const pid of pids) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

export const isAlive = (pid: number): boolean => {
  try {
    // A zombie has ended.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

const commandLine = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
};

function withDescendants(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    try {
      parents.set(pid, Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]));
    } catch {
      // It ended just now.
    }
  }
  const found = parents.has(root) ? [root] : [];
  for (const pid of found) for (const [child, parent] of parents) if (parent === pid) found.push(child);
  return found;
}
