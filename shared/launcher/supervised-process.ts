import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** First restart after a crash, longest pause between restarts, and how long a process must live to be trusted again. */
const RESTART_MIN_MS = 200;
const RESTART_MAX_MS = 5000;
const STABLE_AFTER_MS = 20_000;
/** Time that an orderly end may take before SIGKILL, beyond that of a drain. */
const STOP_TIMEOUT_MS = 10_000;

export interface SupervisedProcessOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly onLine: (line: string) => void;
  /** It said that it is ready: at the first start and after each restart. */
  readonly onReady: () => void;
  /** It ended before it was ever ready: starting it again will not help. */
  readonly onStartFailed: () => void;
}

/** A process that is brought back when it dies, later and later when it dies again and again. */
export class SupervisedProcess {
  readonly #options: SupervisedProcessOptions;
  #child: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #pauseMs = RESTART_MIN_MS;
  #startedMs = 0;
  #wasReady = false;
  #isReady = false;
  #stopping = false;

  constructor(options: SupervisedProcessOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    const { command, args, cwd, onLine, name } = this.#options;
    this.#startedMs = performance.now();
    // The IPC channel closes with us, by SIGKILL too: the child ends itself then. Ctrl-C reaches us alone.
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe', 'ipc'], detached: true });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      if (stream !== null) createInterface({ input: stream }).on('line', (line) => this.#onLine(line));
    child.once('error', (error) => onLine(`${name} does not start: ${error.message}`));
    child.once('exit', (code, signal) => this.#onExit(code, signal));
  }

  /**
   * Asks it to end, and kills what does not.
   * @param signal SIGINT: at once. SIGTERM: clients have `drainMs` to go elsewhere.
   */
  async stop(signal: 'SIGINT' | 'SIGTERM' = 'SIGINT', drainMs: number = 0): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS + drainMs);
    await exited;
    clearTimeout(timer);
  }

  kill(): void {
    this.#stopping = true;
    this.#child?.kill('SIGKILL');
  }

  /** Ends the running one; a new one takes its place at once. */
  restart(): void {
    this.#pauseMs = RESTART_MIN_MS;
    this.#child?.kill('SIGINT');
  }

  #onLine(line: string): void {
    this.#options.onLine(line);
    if (this.#isReady || !line.includes('"msg":"ready"')) return;
    this.#isReady = true;
    this.#wasReady = true;
    this.#options.onReady();
  }

  #onExit(code: number | null, signal: NodeJS.Signals | null): void {
    this.#isReady = false;
    if (this.#stopping) {
      if (code !== 0) this.#options.onLine(`ended (${signal ?? `exit code ${code}`})`);
      return;
    }
    if (!this.#wasReady) {
      this.#options.onStartFailed();
      return;
    }
    if (performance.now() - this.#startedMs > STABLE_AFTER_MS) this.#pauseMs = RESTART_MIN_MS;
    this.#options.onLine(`ended (${signal ?? `exit code ${code}`}), starting again in ${this.#pauseMs} ms`);
    this.#timer = setTimeout(() => this.start(), this.#pauseMs);
    this.#pauseMs = Math.min(RESTART_MAX_MS, this.#pauseMs * 2);
  }
}
