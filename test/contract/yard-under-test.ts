import { CoreLink, createLogger } from '@switchyard/shared/runtime';
import { waitFor } from '../harness/wait.ts';
import { type ProcessName, Yard } from '../harness/yard.ts';
import { Probe } from './probe.ts';

const logger = createLogger('test', 'silent');

/** A real gateway process with a real core, for the gateway contract. */
export class YardUnderTest {
  readonly #gateway: Exclude<ProcessName, 'core'>;
  readonly #links: CoreLink[] = [];
  #yard: Yard | undefined;

  constructor(gateway: Exclude<ProcessName, 'core'>) {
    this.#gateway = gateway;
  }

  get yard(): Yard {
    if (this.#yard === undefined) throw new Error('the yard is not started');
    return this.#yard;
  }

  async start(): Promise<void> {
    this.#yard = await Yard.start([this.#gateway]);
  }

  async stop(): Promise<void> {
    for (const link of this.#links) await link.close();
    await this.#yard?.stop();
  }

  async probe(room: string, peer: string): Promise<Probe> {
    const link = new CoreLink({ target: { path: this.yard.socket }, kind: 'webrtc', logger });
    this.#links.push(link);
    link.start();
    await waitFor('the probe is attached', () => link.connected);
    return Probe.join(link, room, peer);
  }

  /** SIGKILL, and another core on the same socket. */
  async restartCore(): Promise<number> {
    await this.yard.kill('core');
    await this.yard.run('core');
    return performance.now();
  }
}
