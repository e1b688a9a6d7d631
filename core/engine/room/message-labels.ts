import type { Endpoint } from '../endpoint/endpoint.ts';
import type { Fabric, RoomMessage } from '../io.ts';

interface Label {
  readonly publishers: Set<Endpoint>;
  readonly subscribers: Set<Endpoint>;
}

/**
 * Message channels of one room on this node. The fabric hears of a label's first publisher and first subscriber, and
 * when the last has gone; in between it is not asked again.
 */
export class MessageLabels {
  readonly #map: string;
  readonly #fabric: Fabric;
  readonly #labels = new Map<string, Label>();

  constructor(map: string, fabric: Fabric) {
    this.#map = map;
    this.#fabric = fabric;
  }

  /** Labels in use, with how many publish and subscribe here. */
  get counts(): { readonly label: string; readonly publishers: number; readonly subscribers: number }[] {
    return [...this.#labels].map(([label, { publishers, subscribers }]) => ({
      label,
      publishers: publishers.size,
      subscribers: subscribers.size,
    }));
  }

  subscribe(endpoint: Endpoint, label: string): void {
    const { subscribers } = this.#open(label);
    if (subscribers.size === 0) this.#fabric.subscribeLabel(this.#map, label);
    subscribers.add(endpoint);
  }

  /** @returns false when it was not subscribed. */
  unsubscribe(endpoint: Endpoint, label: string): boolean {
    const known = this.#labels.get(label);
    if (known?.subscribers.delete(endpoint) !== true) return false;
    if (known.subscribers.size === 0) this.#fabric.unsubscribeLabel(this.#map, label);
    this.#release(label, known);
    return true;
  }

  startPublish(endpoint: Endpoint, label: string): void {
    const { publishers } = this.#open(label);
    if (publishers.size === 0) this.#fabric.publishLabel(this.#map, label);
    publishers.add(endpoint);
  }

  /** @returns false when it did not publish. */
  stopPublish(endpoint: Endpoint, label: string): boolean {
    const known = this.#labels.get(label);
    if (known?.publishers.delete(endpoint) !== true) return false;
    if (known.publishers.size === 0) this.#fabric.unpublishLabel(this.#map, label);
    this.#release(label, known);
    return true;
  }

  deliver({ label, peer, session, data }: RoomMessage): void {
    for (const endpoint of this.#labels.get(label)?.subscribers ?? [])
      if (endpoint.session !== session) endpoint.tell({ type: 'channel-message', label, peer, data });
  }

  #open(label: string): Label {
    const known = this.#labels.get(label);
    if (known !== undefined) return known;
    const opened: Label = { publishers: new Set(), subscribers: new Set() };
    this.#labels.set(label, opened);
    return opened;
  }

  #release(label: string, { publishers, subscribers }: Label): void {
    if (publishers.size === 0 && subscribers.size === 0) this.#labels.delete(label);
  }
}
