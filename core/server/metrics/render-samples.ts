import type { MetricSample } from '@switchyard/shared/runtime';
import { Counter, Gauge, Registry } from 'prom-client';

const PREFIX = 'switchyard_';

/**
 * A registry that holds `samples` and nothing else: the figures live in plain counters, and prom-client sees them only
 * when somebody asks. Of samples with one name and the same labels the last one counts.
 */
export function registryOf(samples: Iterable<MetricSample>): Registry {
  const registry = new Registry();
  for (const [name, group] of byName(samples)) {
    const [first] = group;
    if (first === undefined) continue;
    const { type, help } = first;
    const labelNames = [...new Set(group.flatMap(({ labels }) => Object.keys(labels ?? {})))];
    const configuration = { name: PREFIX + name, help, labelNames, registers: [registry] };
    if (type === 'gauge') {
      const gauge = new Gauge(configuration);
      for (const { labels, value } of group) gauge.set(labels ?? {}, value);
      continue;
    }
    const counter = new Counter(configuration);
    for (const { labels, value } of group) counter.inc(labels ?? {}, Math.max(0, value));
  }
  return registry;
}

function byName(samples: Iterable<MetricSample>): Map<string, MetricSample[]> {
  const groups = new Map<string, MetricSample[]>();
  for (const sample of samples) {
    const group = groups.get(sample.name);
    if (group === undefined) groups.set(sample.name, [sample]);
    else group.push(sample);
  }
  return groups;
}
