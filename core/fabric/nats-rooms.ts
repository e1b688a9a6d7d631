import type { KV } from '@nats-io/kv';
import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import type { PresenceValue } from '@switchyard/core/engine';
import type { OwnedValue } from './control-plane.ts';
import { parseJson } from './nats-messages.ts';
import { token, untoken } from './nats-subjects.ts';
import type { OwnedMaps } from './owned-maps.ts';
import { isPresenceValue } from './presence-check.ts';

/** A write that found no answer is tried again after this time, milliseconds: a cluster elects a leader for seconds. */
const RETRY_MS = 200;
/** Watched maps are read whole again this often, give or take a third: what a lost message hid comes to light. */
const SNAPSHOT_MS = 45_000;
const DELETED = 'DEL';
const PURGED = 'PURGE';

export interface NatsRoomsOptions {
  readonly node: string;
  readonly session: string;
  readonly maps: OwnedMaps;
  readonly onError: (error: unknown) => void;
}

/**
 * Rooms' maps in a key-value bucket: keys `<map>.<key>` in base64url. Each key has one writer. A watched map is read by
 * a core subscription first, then by one short snapshot, so that nothing between them is missed.
 */
export class NatsRooms {
  readonly #connection: NatsConnection;
  readonly #kv: KV;
  readonly #bucket: string;
  readonly #options: NatsRoomsOptions;
  readonly #subscriptions = new Map<string, Subscription>();
  /** What this node says, by bucket key. */
  readonly #own = new Map<string, PresenceValue>();
  /** Bucket keys to write, oldest first: what they hold is in {@link #own}, or nothing. */
  readonly #dirty = new Set<string>();
  /** The one of them that is under way. */
  #inFlight: string | undefined;
  /** Maps that are read whole now; true: once more after that. */
  readonly #reading = new Map<string, boolean>();
  /** `node session` that {@link reap} found dead the last time. */
  #deadBefore: ReadonlySet<string> = new Set();
  #writing = false;
  #stopped = false;
  readonly #timer: NodeJS.Timeout;

  constructor(connection: NatsConnection, kv: KV, bucket: string, options: NatsRoomsOptions) {
    this.#connection = connection;
    this.#kv = kv;
    this.#bucket = bucket;
    this.#options = options;
    this.#timer = setInterval(() => this.refresh(), SNAPSHOT_MS * (0.67 + 0.67 * Math.random()));
    this.#timer.unref();
  }

  set(map: string, key: string, value: PresenceValue): void {
    const at = `${token(map)}.${token(key)}`;
    this.#own.set(at, value);
    this.#write(at);
    this.#options.maps.set(map, key, this.#owned(value));
  }

  delete(map: string, key: string): void {
    const at = `${token(map)}.${token(key)}`;
    if (!this.#own.delete(at)) return;
    const { maps, node, session } = this.#options;
    const value = maps.get(map, key);
    if (value !== undefined && (value.node !== node || value.session !== session)) {
      // Somebody took the name over: it is theirs.
      this.#dirty.delete(at);
      return;
    }
    this.#write(at);
    maps.delete(map, key);
  }

  watch(map: string): void {
    if (this.#subscriptions.has(map)) return;
    this.#options.maps.watch(map);
    const subject = `$KV.${this.#bucket}.${token(map)}.>`;
    const subscription = this.#connection.subscribe(subject, {
      callback: (error, message) => {
        if (error !== null) return;
        const key = keyOf(message.subject);
        const operation = message.headers?.get('KV-Operation');
        this.#changed(map, key, operation === DELETED || operation === PURGED ? undefined : message.data);
      },
    });
    this.#subscriptions.set(map, subscription);
    void this.#snapshot(map);
  }

  unwatch(map: string): void {
    this.#subscriptions.get(map)?.unsubscribe();
    this.#subscriptions.delete(map);
    this.#options.maps.unwatch(map);
  }

  /** Reads every watched map whole. */
  refresh(): void {
    for (const map of this.#subscriptions.keys()) void this.#snapshot(map);
  }

  /** The control plane is back, and may have forgotten: everything of this node is said again. */
  restate(): void {
    for (const at of this.#own.keys()) this.#write(at);
    this.refresh();
  }

  /**
   * Removes what processes wrote that were dead the last time too: one that only hung may be back by then. What there is
   * to remove is read from the bucket, so that what a whole cluster left behind goes too.
   */
  async reap(isAlive: (node: string, session: string) => boolean): Promise<void> {
    const dead = new Set<string>();
    for (const [at, { owned, revision }] of await this.#readAll('>')) {
      const { node, session } = owned;
      if (isAlive(node, session)) continue;
      const process = `${node} ${session}`;
      dead.add(process);
      if (!this.#deadBefore.has(process)) continue;
      // Unless somebody wrote it anew meanwhile.
      await this.#kv.delete(at, { previousSeq: revision }).catch(this.#options.onError);
    }
    this.#deadBefore = dead;
  }

  /** Takes back what this node said, as far as it can be reached. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    for (const at of this.#own.keys()) this.#dirty.add(at);
    this.#own.clear();
    const deadline = Date.now() + 1000;
    while (this.#dirty.size > 0 && Date.now() < deadline && !this.#connection.isClosed()) {
      const [at = ''] = this.#dirty;
      this.#dirty.delete(at);
      await this.#kv.delete(at).catch(() => {});
    }
    this.#stopped = true;
  }

  #owned(value: PresenceValue): OwnedValue {
    return { node: this.#options.node, session: this.#options.session, value };
  }

  /** A change of a map that somebody wrote. */
  #changed(map: string, key: string, data: Uint8Array | undefined): void {
    const { maps } = this.#options;
    if (data === undefined) {
      // Ours is what we say, whoever deletes it.
      const at = `${token(map)}.${token(key)}`;
      if (this.#own.has(at)) this.#write(at);
      else maps.delete(map, key);
      return;
    }
    const value = readOwned(data);
    if (value !== undefined) maps.set(map, key, value);
  }

  /** Reads a map whole. What is said or heard meanwhile is newer, see {@link OwnedMaps.beginSnapshot}. */
  async #snapshot(map: string): Promise<void> {
    if (this.#reading.has(map)) {
      this.#reading.set(map, true);
      return;
    }
    this.#reading.set(map, false);
    const { maps } = this.#options;
    try {
      maps.beginSnapshot(map);
      const unwritten = new Set(this.#dirty);
      if (this.#inFlight !== undefined) unwritten.add(this.#inFlight);
      const present = new Map<string, OwnedValue>();
      for (const [at, { owned }] of await this.#readAll(`${token(map)}.>`)) present.set(keyOf(at), owned);
      for (const at of unwritten) {
        if (!at.startsWith(`${token(map)}.`)) continue;
        const own = this.#own.get(at);
        if (own === undefined) present.delete(keyOf(at));
        else present.set(keyOf(at), this.#owned(own));
      }
      maps.endSnapshot(map, present);
    } catch (error) {
      if (!this.#stopped) this.#options.onError(error);
    }
    const isWantedAgain = this.#reading.get(map) === true;
    this.#reading.delete(map);
    if (isWantedAgain && this.#subscriptions.has(map)) await this.#snapshot(map);
  }

  async #readAll(filter: string): Promise<Map<string, Found>> {
    const values = new Map<string, Found>();
    const watch = await this.#kv.watch({ key: filter, ignoreDeletes: true });
    if ((await this.#pendingOf(filter)) === 0) {
      watch.stop();
      return values;
    }
    for await (const entry of watch) {
      const owned = entry.operation === 'PUT' ? readOwned(entry.value) : undefined;
      if (owned !== undefined) values.set(entry.key, { owned, revision: entry.revision });
      if (entry.delta === 0 || entry.isUpdate) break;
    }
    return values;
  }

  /** Values that a filter finds: an empty watch never says that it is at its end. */
  async #pendingOf(filter: string): Promise<number> {
    let count = 0;
    for await (const _ of await this.#kv.keys(filter)) count += 1;
    return count;
  }

  #write(at: string): void {
    if (this.#stopped) return;
    this.#dirty.delete(at);
    this.#dirty.add(at);
    if (!this.#writing) void this.#writeAll();
  }

  /** One write at a time, in order, each until it arrives. */
  async #writeAll(): Promise<void> {
    this.#writing = true;
    while (this.#dirty.size > 0 && !this.#stopped) {
      const [at = ''] = this.#dirty;
      this.#dirty.delete(at);
      this.#inFlight = at;
      try {
        const value = this.#own.get(at);
        if (value === undefined) await this.#kv.delete(at);
        else await this.#kv.put(at, JSON.stringify(this.#owned(value)));
      } catch (error) {
        this.#dirty.add(at);
        if (this.#connection.isClosed()) break;
        this.#options.onError(error);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
      this.#inFlight = undefined;
    }
    this.#writing = false;
  }
}

/** A value of the bucket, and which write of it that was. */
interface Found {
  readonly owned: OwnedValue;
  readonly revision: number;
}

/** The map's key of a bucket key, or of the subject on which that is written. */
const keyOf = (at: string): string => untoken(at.split('.').at(-1) ?? '');

/** @returns undefined for what no node of ours wrote. */
function readOwned(data: Uint8Array): OwnedValue | undefined {
  const parsed = parseJson(data);
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const { node, session, value } = parsed as Partial<Record<keyof OwnedValue, unknown>>;
  return typeof node === 'string' && typeof session === 'string' && isPresenceValue(value)
    ? { node, session, value }
    : undefined;
}
