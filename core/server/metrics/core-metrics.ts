import type { Engine } from '@switchyard/core/engine';
import type { MeshFabric } from '@switchyard/core/fabric';
import { ProcessSamples } from '@switchyard/shared/runtime';
import { Histogram, Registry } from 'prom-client';
import type { Admission } from '../admission.ts';
import type { GatewayFigures } from '../gateway-server.ts';
import { engineSamples } from './engine-samples.ts';
import { fabricSamples } from './fabric-samples.ts';
import { gatewaySamples } from './gateway-samples.ts';
import { registryOf } from './render-samples.ts';

/** Upper bounds of the estimate histogram, bits per second. */
const ESTIMATE_BUCKETS_BPS: readonly number[] = [1e5, 2.5e5, 5e5, 1e6, 1.5e6, 2.5e6, 4e6, 6e6, 1e7, 2e7];

export interface CoreMetricsSources {
  readonly engine: Engine;
  readonly admission: Admission;
  figures(): readonly GatewayFigures[];
  /** undefined for a node alone. */
  readonly mesh: MeshFabric | undefined;
}

/** Everything that `/metrics` says, of the core and of all gateways. */
export class CoreMetrics {
  readonly #sources: CoreMetricsSources;
  readonly #process = new ProcessSamples('core');
  readonly #registry = new Registry();
  readonly #estimates = new Histogram({
    name: 'switchyard_egress_estimate_bps',
    help: 'What viewers can take, bits per second, as their gateways estimate it each time they do.',
    buckets: [...ESTIMATE_BUCKETS_BPS],
    registers: [this.#registry],
  });

  constructor(sources: CoreMetricsSources) {
    this.#sources = sources;
  }

  /** A gateway has estimated a viewer's link. */
  estimated(bitrateBps: number): void {
    this.#estimates.observe(bitrateBps);
  }

  /** In Prometheus' text format. */
  render(): Promise<string> {
    const { engine, admission, figures, mesh } = this.#sources;
    const samples = registryOf([
      ...engineSamples(engine),
      ...gatewaySamples(figures()),
      ...(mesh === undefined ? [] : fabricSamples(mesh)),
      ...this.#process.read(),
      {
        name: 'joins_refused_total',
        help: 'Joins that were refused because of the load.',
        type: 'counter',
        value: admission.refusals,
      },
    ]);
    return Registry.merge([samples, this.#registry]).metrics();
  }

  close(): void {
    this.#process.close();
  }
}
