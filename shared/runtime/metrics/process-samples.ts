import { EventLoopDelay } from './event-loop-delay.ts';
import type { MetricSample } from './metric-sample.ts';

const QUANTILES = [50, 99] as const;
const MICROSECONDS = 1e6;

/** What every process tells of itself: CPU, memory and how late its event loop is. */
export class ProcessSamples {
  readonly #process: string;
  readonly #delay = new EventLoopDelay();

  /** @param process Its label, `core` or the name of a gateway. */
  constructor(process: string) {
    this.#process = process;
  }

  /** Delays are those since the last call. */
  read(): MetricSample[] {
    const labels = { process: this.#process };
    const { user, system } = process.cpuUsage();
    const samples: MetricSample[] = [
      {
        name: 'process_cpu_seconds_total',
        help: 'CPU time of a process, seconds.',
        type: 'counter',
        labels,
        value: (user + system) / MICROSECONDS,
      },
      {
        name: 'process_resident_memory_bytes',
        help: 'Memory of a process, bytes.',
        type: 'gauge',
        labels,
        value: process.memoryUsage.rss(),
      },
      ...QUANTILES.map(
        (percentile): MetricSample => ({
          name: 'event_loop_delay_seconds',
          help: 'How late the event loop of a process was since the last report, seconds.',
          type: 'gauge',
          labels: { ...labels, quantile: `${percentile / 100}` },
          value: this.#delay.percentileMs(percentile) / 1000,
        }),
      ),
    ];
    this.#delay.reset();
    return samples;
  }

  close(): void {
    this.#delay.close();
  }
}
