import type { OwnedValue } from './control-plane.ts';

/** Who hears of a map's changes. */
export interface OwnedMapsListener {
  mapSet(map: string, key: string, value: OwnedValue): void;
  mapDeleted(map: string, key: string): void;
}

/**
 * Watched maps as the cluster has them. A value is seen only while the process that wrote it is alive, so that the
 * people of a dead node vanish without anybody writing anything. Pure.
 */
export class OwnedMaps {
  readonly #maps = new Map<string, Map<string, OwnedValue>>();
  /** Keys that changed since a snapshot was begun, by map. */
  readonly #changed = new Map<string, Set<string>>();
  readonly #isAlive: (node: string, session: string) => boolean;
  readonly #listener: OwnedMapsListener;

  constructor(isAlive: (node: string, session: string) => boolean, listener: OwnedMapsListener) {
    this.#isAlive = isAlive;
    this.#listener = listener;
  }

  get watched(): Iterable<string> {
    return this.#maps.keys();
  }

  isWatched(map: string): boolean {
    return this.#maps.has(map);
  }

  get(map: string, key: string): OwnedValue | undefined {
    return this.#maps.get(map)?.get(key);
  }

  watch(map: string): void {
    if (!this.#maps.has(map)) this.#maps.set(map, new Map());
  }

  unwatch(map: string): void {
    this.#maps.delete(map);
    this.#changed.delete(map);
  }

  set(map: string, key: string, value: OwnedValue): void {
    const values = this.#maps.get(map);
    if (values === undefined) return;
    this.#changed.get(map)?.add(key);
    const before = values.get(key);
    values.set(key, value);
    if (this.#sees(value)) this.#listener.mapSet(map, key, value);
    else if (before !== undefined && this.#sees(before)) this.#listener.mapDeleted(map, key);
  }

  delete(map: string, key: string): void {
    this.#changed.get(map)?.add(key);
    const values = this.#maps.get(map);
    const before = values?.get(key);
    if (values === undefined || before === undefined) return;
    values.delete(key);
    if (this.#sees(before)) this.#listener.mapDeleted(map, key);
  }

  /** A watched map is about to be read whole: what changes until {@link endSnapshot} is newer than what is read. */
  beginSnapshot(map: string): void {
    if (this.#maps.has(map)) this.#changed.set(map, new Set());
  }

  /** All of a map as it was read: what is not in it is gone. */
  endSnapshot(map: string, present: ReadonlyMap<string, OwnedValue>): void {
    const values = this.#maps.get(map);
    const changed = this.#changed.get(map);
    if (values === undefined || changed === undefined) return;
    this.#changed.delete(map);
    for (const key of [...values.keys()]) if (!present.has(key) && !changed.has(key)) this.delete(map, key);
    for (const [key, value] of present) {
      if (changed.has(key)) continue;
      const known = values.get(key);
      if (known === undefined || JSON.stringify(known) !== JSON.stringify(value)) this.set(map, key, value);
    }
  }

  /** A process came up: what it wrote is seen now. */
  up(node: string, session: string): void {
    this.#each(node, session, (map, key, value) => this.#listener.mapSet(map, key, value));
  }

  /** A process is gone; called after it counts as dead. */
  down(node: string, session: string): void {
    this.#each(node, session, (map, key) => this.#listener.mapDeleted(map, key));
  }

  #each(node: string, session: string, run: (map: string, key: string, value: OwnedValue) => void): void {
    for (const [map, values] of this.#maps)
      for (const [key, value] of values)
        if (value.node === node && value.session === session) run(map, key, value);
  }

  #sees(value: OwnedValue): boolean {
    return this.#isAlive(value.node, value.session);
  }
}
