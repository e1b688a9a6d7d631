import type { Engine } from '@switchyard/core/engine';
import type { MetricSample } from '@switchyard/shared/runtime';

/** Adds up by a key, for samples with one label. */
class Tally {
  readonly #counts = new Map<string, number>();

  add(key: string, count = 1): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + count);
  }

  samples(name: string, help: string, label: string): MetricSample[] {
    return [...this.#counts].map(([key, value]) => ({
      name,
      help,
      type: 'gauge',
      labels: { [label]: key },
      value,
    }));
  }
}

/** Who is here and what they do, counted when it is asked for. */
export function engineSamples(engine: Engine): MetricSample[] {
  const clients = new Tally();
  const tracks = new Tally();
  const receivers = new Tally();
  let rooms = 0;
  let peers = 0;
  for (const room of engine.rooms) {
    rooms += 1;
    for (const peer of room.peers.values()) if (peer.shown) peers += 1;
    for (const endpoint of room.endpoints) {
      clients.add(endpoint.client);
      for (const { info } of endpoint.remoteTracks.values()) tracks.add(info.codec);
      for (const { status } of endpoint.localTracks.values()) receivers.add(status);
    }
  }
  return [
    { name: 'rooms', help: 'Rooms with somebody in them.', type: 'gauge', value: rooms },
    { name: 'peers', help: 'Peers that show themselves in a room.', type: 'gauge', value: peers },
    {
      name: 'endpoints',
      help: 'Clients, in a room or about to be.',
      type: 'gauge',
      value: engine.endpointCount,
    },
    ...Object.entries(engine.drops).map(
      ([reason, value]): MetricSample => ({
        name: 'drops_total',
        help: 'Packets that were not forwarded, by reason.',
        type: 'counter',
        labels: { reason },
        value,
      }),
    ),
    ...Object.entries(engine.switches).map(
      ([kind, value]): MetricSample => ({
        name: 'switches_total',
        help: 'Switches of what a receiver gets, by kind.',
        type: 'counter',
        labels: { kind },
        value,
      }),
    ),
    ...clients.samples('clients', 'Clients in rooms, by the way they came.', 'client'),
    ...tracks.samples('tracks', 'Published tracks, by codec.', 'codec'),
    ...receivers.samples('receivers', 'Receivers, by status.', 'status'),
  ];
}
