import type { MetricSample } from '@switchyard/shared/runtime';
import type { GatewayFigures } from '../gateway-server.ts';

/** The links to gateways, and what gateways report of themselves. */
export function gatewaySamples(gateways: readonly GatewayFigures[]): MetricSample[] {
  return gateways.flatMap(
    ({ kind, name, endpoints, droppedFrames, queuedBytes, traffic, errors, samples }) => {
      const labels = { gateway: name, kind };
      const counter = (
        metric: string,
        help: string,
        direction: 'in' | 'out',
        value: number,
      ): MetricSample => ({
        name: metric,
        help,
        type: 'counter',
        labels: { ...labels, direction },
        value,
      });
      const packets = 'Media packets from publishers (in) and to viewers (out, each copy counts).';
      const bytes = 'Payload bytes from publishers (in) and to viewers (out, each copy counts).';
      const own: MetricSample[] = [
        counter('packets_total', packets, 'in', traffic.packetsIn),
        counter('packets_total', packets, 'out', traffic.packetsOut),
        counter('bytes_total', bytes, 'in', traffic.bytesIn),
        counter('bytes_total', bytes, 'out', traffic.bytesOut),
        {
          name: 'gateway_endpoints',
          help: 'Clients of a gateway.',
          type: 'gauge',
          labels,
          value: endpoints,
        },
        {
          name: 'link_dropped_down_total',
          help: 'Packets that a gateway was too slow to take; each may be for many viewers.',
          type: 'counter',
          labels,
          value: droppedFrames,
        },
        {
          name: 'link_queue_bytes',
          help: 'Bytes that wait on the link to a gateway.',
          type: 'gauge',
          labels,
          value: queuedBytes,
        },
      ];
      const reported = [
        ...errors.samples('errors_total', 'What clients were refused, or ended with, by code.'),
        ...samples,
      ];
      return [
        ...own,
        ...reported.map((sample) => ({ ...sample, labels: { ...sample.labels, gateway: name } })),
      ];
    },
  );
}
