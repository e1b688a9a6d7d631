import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { MeshFigures, MeshNodeOptions, MeshReply, MeshRequest } from './mesh-messages.ts';

const ENTRY = fileURLToPath(new URL('./mesh-process.ts', import.meta.url));

/** A node of the bench's mesh in a process of its own, so that its CPU can be told from that of the others. */
export class MeshBenchNode {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (reply: MeshReply) => void>();
  #next = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (reply: MeshReply) => {
      this.#waiting.get(reply.id)?.(reply);
      this.#waiting.delete(reply.id);
    });
  }

  static async start(options: MeshNodeOptions): Promise<MeshBenchNode> {
    const child = fork(ENTRY, [JSON.stringify(options)], { execArgv: ['--import', 'tsx'], stdio: 'inherit' });
    const node = new MeshBenchNode(child);
    await new Promise<void>((resolve, reject) => {
      node.#waiting.set(0, () => resolve());
      child.once('exit', (code) => reject(new Error(`node ${options.node} ended: ${code}`)));
    });
    return node;
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  async setRate(packetsPerSecond: number): Promise<void> {
    await this.#ask({ type: 'rate', packetsPerSecond });
  }

  async reset(): Promise<void> {
    await this.#ask({ type: 'reset' });
  }

  async figures(): Promise<MeshFigures> {
    const { figures } = await this.#ask({ type: 'figures' });
    if (figures === undefined) throw new Error('no figures');
    return figures;
  }

  async stop(): Promise<void> {
    await this.#ask({ type: 'stop' });
  }

  #ask(request: MeshRequest): Promise<MeshReply> {
    this.#next += 1;
    const id = this.#next;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#child.send({ id, request });
    });
  }
}
