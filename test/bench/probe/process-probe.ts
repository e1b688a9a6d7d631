import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '../../harness/wait.ts';

/** Measured since the last reading. Bytes after a full garbage collection. */
export interface ProcessReading {
  readonly writes: number;
  /** How late a timer of 1 ms was; its own grain of 1 ms is part of it. */
  readonly loopMs: { readonly p50: number; readonly p999: number; readonly max: number };
  readonly heapUsed: number;
  readonly external: number;
  readonly arrayBuffers: number;
  readonly rss: number;
}

/** Reads event loop and heap of server processes that were started with {@link environment}. */
export class ProcessProbe {
  readonly #directory = mkdtempSync(join(tmpdir(), 'switchyard-probe-'));
  readonly #writes = new Map<number, number>();

  /** What a process needs in its environment to be read. */
  get environment(): Readonly<Record<string, string>> {
    return {
      BENCH_PROBE_DIRECTORY: this.#directory,
      NODE_OPTIONS: `--import=${new URL('preload.mjs', import.meta.url).href}`,
    };
  }

  async read(pid: number): Promise<ProcessReading> {
    const before = this.#writes.get(pid) ?? 0;
    process.kill(pid, 'SIGUSR2');
    let reading: ProcessReading | undefined;
    await waitFor(`process ${pid} tells its figures`, () => {
      reading = readJson(join(this.#directory, `${pid}.json`));
      return reading !== undefined && reading.writes > before;
    });
    if (reading === undefined) throw new Error('unreachable');
    this.#writes.set(pid, reading.writes);
    return reading;
  }

  close(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function readJson(file: string): ProcessReading | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessReading;
  } catch {
    return undefined;
  }
}
