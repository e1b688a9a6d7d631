import type { MetricSample } from '@switchyard/shared/runtime';

/** What the pacers and estimates of a process did since its start; plain numbers, added to where it happens. */
export class SendCounters {
  /** Packets given up because too much waited. */
  droppedPackets = 0;
  /** Repairs that were not sent because repairs took their share already. */
  refusedRepairs = 0;
  repairs = 0;
  probes = 0;
  probeBytes = 0;
  /** Times that an estimate fell by more than a third. */
  estimateFalls = 0;

  samples(): MetricSample[] {
    const counter = (name: string, help: string, value: number): MetricSample => ({
      name,
      help,
      type: 'counter',
      value,
    });
    return [
      counter(
        'webrtc_pacer_dropped_packets_total',
        'Video packets given up because too much waited.',
        this.droppedPackets,
      ),
      counter('webrtc_repairs_total', 'Packets sent again on request.', this.repairs),
      counter(
        'webrtc_repairs_refused_total',
        'Packets not sent again because repairs took their share already.',
        this.refusedRepairs,
      ),
      counter('webrtc_probes_total', 'Clusters of packets sent to find bandwidth.', this.probes),
      counter('webrtc_probe_bytes_total', 'Bytes sent for nothing but that.', this.probeBytes),
      counter(
        'webrtc_estimate_falls_total',
        "Falls of a viewer's bandwidth estimate by more than a third.",
        this.estimateFalls,
      ),
    ];
  }
}
