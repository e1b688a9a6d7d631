import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * How late a timer of 1 ms was since the last reading, and what a process holds after a full collection: bytes, and how
 * many handles and timers of each kind are alive.
 */
export interface ProcessReading {
  readonly loopMs: { readonly p50: number; readonly p999: number; readonly max: number };
  readonly heapUsed: number;
  readonly external: number;
  readonly arrayBuffers: number;
  readonly rss: number;
  readonly handles: Readonly<Record<string, number>>;
}

/** Looks into server processes that were started with {@link ProcessProbe.environment}. */
export class ProcessProbe {
  readonly #directory = mkdtempSync(join(tmpdir(), 'switchyard-probe-'));

  /** For the processes to be looked into. */
  get environment(): Record<string, string> {
    const preload = new URL('./process-probe.mjs', import.meta.url).href;
    return { NODE_OPTIONS: `--import=${preload}`, BENCH_PROBE_DIRECTORY: this.#directory };
  }

  async read(pid: number): Promise<ProcessReading> {
    const chunks: Buffer[] = [];
    const socket = connect(join(this.#directory, `${pid}.sock`));
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    return JSON.parse(Buffer.concat(chunks).toString()) as ProcessReading;
  }

  close(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
