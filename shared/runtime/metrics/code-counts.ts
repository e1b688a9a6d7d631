import type { ErrorCode } from '@switchyard/shared/protocol';
import type { MetricSample } from './metric-sample.ts';

/** How often each error code was the answer. Not for the hot path. */
export class CodeCounts {
  readonly #counts = new Map<ErrorCode, number>();

  add(code: ErrorCode): void {
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1);
  }

  samples(name: string, help: string): MetricSample[] {
    return [...this.#counts].map(([code, value]) => ({
      name,
      help,
      type: 'counter',
      labels: { code },
      value,
    }));
  }
}
