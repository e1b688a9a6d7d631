import type {
  Channel,
  ChannelFeedback,
  Fabric,
  FabricListener,
  PresenceValue,
  RoomMessage,
} from '@switchyard/core/engine';

/** The fabric of one node: maps in memory, no other node to send media to. */
export class LocalFabric implements Fabric {
  readonly #maps = new Map<string, Map<string, PresenceValue>>();
  readonly #watched = new Set<string>();
  /** `map label` of messages that somebody hears. */
  readonly #labels = new Set<string>();
  #listener: FabricListener | undefined;

  /** The engine of this node. */
  attach(listener: FabricListener): void {
    this.#listener = listener;
  }

  /** Viewers of this node are served by the engine itself. */
  publish(): void {}

  subscribe(): void {}

  unsubscribe(): void {}

  feedback(channel: Channel, feedback: ChannelFeedback, nowMs: number): void {
    this.#listener?.channelFeedback(channel, feedback, nowMs);
  }

  set(map: string, key: string, value: PresenceValue, nowMs: number): void {
    const values = this.#maps.get(map) ?? new Map<string, PresenceValue>();
    values.set(key, value);
    this.#maps.set(map, values);
    if (this.#watched.has(map)) this.#listener?.mapSet(map, key, value, nowMs);
  }

  delete(map: string, key: string, nowMs: number): void {
    const values = this.#maps.get(map);
    if (values?.delete(key) !== true) return;
    if (values.size === 0) this.#maps.delete(map);
    if (this.#watched.has(map)) this.#listener?.mapDeleted(map, key, nowMs);
  }

  watch(map: string, nowMs: number): void {
    this.#watched.add(map);
    for (const [key, value] of this.#maps.get(map) ?? []) this.#listener?.mapSet(map, key, value, nowMs);
  }

  unwatch(map: string): void {
    this.#watched.delete(map);
  }

  /** Nobody else waits for what this node sends. */
  publishLabel(): void {}

  unpublishLabel(): void {}

  subscribeLabel(map: string, label: string): void {
    this.#labels.add(labelKey(map, label));
  }

  unsubscribeLabel(map: string, label: string): void {
    this.#labels.delete(labelKey(map, label));
  }

  send(map: string, message: RoomMessage, nowMs: number): void {
    if (this.#labels.has(labelKey(map, message.label))) this.#listener?.message(map, message, nowMs);
  }
}

/** Names hold no space. */
const labelKey = (map: string, label: string): string => `${map} ${label}`;
