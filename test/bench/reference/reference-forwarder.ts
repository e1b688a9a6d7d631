import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../../harness/free-ports.ts';
import { sleep } from '../sleep.ts';

const SOURCE = fileURLToPath(new URL('fan-out.cc', import.meta.url));
const FLAGS = ['-O2', '-march=native', '-Wno-deprecated-declarations'];
const WARM_UP_MS = 300;

export interface ReferenceLoad {
  readonly viewers: number;
  readonly packetsPerSecond: number;
  readonly burst: number;
  readonly payloadBytes: number;
}

export interface ReferenceFigures {
  readonly usPerPacket: number;
  readonly sent: number;
  readonly received: number;
}

/** The C++ program that forwards SRTP without segmentation offload, built here and run with the same load. */
export class ReferenceForwarder {
  readonly #directory: string;
  readonly #binary: string;

  private constructor(directory: string) {
    this.#directory = directory;
    this.#binary = join(directory, 'fan-out');
  }

  /** @returns A sentence for people when it cannot be built. */
  static build(): ReferenceForwarder | string {
    const forwarder = new ReferenceForwarder(mkdtempSync(join(tmpdir(), 'switchyard-reference-')));
    const built = spawnSync('g++', [...FLAGS, '-o', forwarder.#binary, SOURCE, '-lcrypto'], {
      encoding: 'utf8',
    });
    if (built.status === 0) return forwarder;
    forwarder.close();
    const [firstLine = 'no g++'] = (built.stderr ?? '').split('\n');
    return `C reference skipped: it needs g++ and the headers of OpenSSL (${built.error?.message ?? firstLine}).`;
  }

  async run(load: ReferenceLoad, windowMs: number): Promise<ReferenceFigures> {
    const port = await freePorts(load.viewers + 1);
    const start = (...words: readonly (string | number)[]): Part => new Part(this.#binary, words);
    const sink = start('sink', port + 1, load.viewers);
    const forward = start('forward', port, load.viewers, port + 1);
    const generate = start('generate', port, load.packetsPerSecond, load.burst, load.payloadBytes);
    try {
      await sleep(WARM_UP_MS);
      const [before, sunkBefore] = [await forward.read(), await sink.read()];
      await sleep(windowMs);
      const [after, sunk] = [await forward.read(), await sink.read()];
      const sent = after.packets - before.packets;
      return {
        usPerPacket: (after.cpuUs - before.cpuUs) / sent,
        sent,
        received: sunk.packets - sunkBefore.packets,
      };
    } finally {
      await Promise.all([generate, forward, sink].map((part) => part.stop()));
    }
  }

  close(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** One process of the reference, which answers each line with its CPU time and its packets. */
class Part {
  readonly #child: ChildProcess;
  readonly #lines: Interface | undefined;

  constructor(binary: string, words: readonly (string | number)[]) {
    this.#child = spawn(binary, words.map(String), { stdio: ['pipe', 'pipe', 'inherit'] });
    if (this.#child.stdout !== null) this.#lines = createInterface(this.#child.stdout);
  }

  async read(): Promise<{ cpuUs: number; packets: number }> {
    if (this.#lines === undefined) throw new Error('no output');
    const answer = once(this.#lines, 'line');
    this.#child.stdin?.write('\n');
    const [line] = (await answer) as [string];
    const [cpuUs = 0, packets = 0] = line.split(' ').map(Number);
    return { cpuUs, packets };
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await ended;
  }
}
