import type { MeshFabric } from '@switchyard/core/fabric';
import type { MetricSample } from '@switchyard/shared/runtime';

type Labels = NonNullable<MetricSample['labels']>;

/** The links to other nodes and what crosses them. Labels are names of nodes and words of ours: no stream, no room. */
export function fabricSamples(fabric: MeshFabric): MetricSample[] {
  const samples: MetricSample[] = [];
  const add = (
    name: string,
    type: MetricSample['type'],
    help: string,
    value: number,
    labels?: Labels,
  ): void => {
    const sample = { name: `fabric_${name}`, type, help, value };
    samples.push(labels === undefined ? sample : { ...sample, labels });
  };
  const { mesh, counters } = fabric;
  add(
    'control_connected',
    'gauge',
    'Whether NATS can be reached: while not, streams go on and rooms do not change.',
    Number(fabric.isControlConnected),
  );
  add('nodes', 'gauge', 'Nodes of the cluster, this one included.', mesh.topology.size);
  add('streams', 'gauge', 'Streams of this node and streams that cross it.', mesh.streams.size);
  add('oversized_total', 'counter', 'Packets that do not fit a datagram.', counters.oversized);
  add('unopened_total', 'counter', 'Packets that no key of their stream opened.', counters.unopened);
  add('strangers_total', 'counter', 'Datagrams of addresses that no node has.', fabric.strangers);
  for (const link of mesh.links) {
    const { node, traffic, refused } = link;
    // Nobody measures it and nothing crosses it: in a large cluster most pairs of nodes.
    if (!link.probes && !Number.isFinite(link.heardMs)) continue;
    const isUp = Number.isFinite(link.costMs);
    add('link_up', 'gauge', 'Whether probes of a link are answered.', Number(isUp), { node });
    if (isUp) {
      add('link_rtt_seconds', 'gauge', 'Round trip of a link, smoothed.', link.rttMs / 1000, { node });
      add('link_loss_ratio', 'gauge', 'Share of probes that found no answer lately.', link.loss, { node });
    }
    for (const [direction, streams, what] of [
      [
        'in',
        link.incoming,
        [traffic.mediaIn, traffic.mediaBytesIn, traffic.controlIn, traffic.controlBytesIn],
      ],
      [
        'out',
        link.outgoing,
        [traffic.mediaOut, traffic.mediaBytesOut, traffic.controlOut, traffic.controlBytesOut],
      ],
    ] as const) {
      const [media, mediaBytes, control, controlBytes] = what;
      add('link_streams', 'gauge', 'Streams that cross a link.', streams, { node, direction });
      for (const [type, packets, bytes] of [
        ['media', media, mediaBytes],
        ['control', control, controlBytes],
      ] as const) {
        const labels = { node, direction, type };
        add('link_packets_total', 'counter', 'Datagrams of a link.', packets, labels);
        add('link_bytes_total', 'counter', 'Bytes of a link, without IP and UDP headers.', bytes, labels);
      }
    }
    add('link_resent_total', 'counter', 'Packets that the other end asked for again.', traffic.resent, {
      node,
    });
    add('link_repaired_total', 'counter', 'Packets that were lost and came again.', link.repaired, { node });
    add('link_missing_total', 'counter', 'Packets that were lost and never came.', link.lost, { node });
    for (const [reason, value] of Object.entries(refused))
      add('link_refused_total', 'counter', 'Datagrams that were refused: forged is a wrong key.', value, {
        node,
        reason,
      });
  }
  return samples;
}
