import type { Connection } from './connection.ts';
import type { MediaSlot } from './media-link.ts';
import type { MediaKind } from './protocol.ts';
import type { ReceiverPool } from './receiver-pool.ts';
import { SwitchyardError } from './switchyard-error.ts';

/** Receivers that one renegotiation adds: the next few `watch()` need none. */
export const GROWTH_STEP: number = 4;
/** Most receivers of a session, mixer slots not counted, unless it is told otherwise. */
export const RECEIVERS_MAX: number = 32;

export interface GrowthPort {
  /** Resolves in a joined session; waits for one that is reconnecting. @throws SwitchyardError */
  whenJoined(): Promise<void>;
  /** The joined connection, if there is one. */
  connection(): Connection | undefined;
}

/**
 * Adds receivers to a pool that is used up, by one offer on the connection that exists: its other m-lines, and what
 * plays on them, stay as they are. What was added once is there again after a reconnect.
 */
export class PoolGrowth {
  readonly #pool: ReceiverPool;
  readonly #port: GrowthPort;
  readonly #max: number;
  readonly #growing = new Map<MediaKind, Promise<void>>();

  constructor(pool: ReceiverPool, max: number, port: GrowthPort) {
    this.#pool = pool;
    this.#max = max;
    this.#port = port;
  }

  /**
   * Adds up to {@link GROWTH_STEP} receivers of `kind`; whoever asks meanwhile waits for the same ones.
   *
   * @throws SwitchyardError `limit-exceeded` where the session, or its server, allows no more.
   */
  grow(kind: MediaKind): Promise<void> {
    const under = this.#growing.get(kind);
    if (under !== undefined) return under;
    const growing = this.#grow(kind).finally(() => this.#growing.delete(kind));
    this.#growing.set(kind, growing);
    return growing;
  }

  async #grow(kind: MediaKind): Promise<void> {
    await this.#port.whenJoined();
    const connection = this.#port.connection();
    // Lost in the same turn: whoever asked asks again.
    if (connection === undefined) return;
    const max = Math.min(this.#max, connection.maxReceivers - this.#pool.mixerSlots.length);
    const count = Math.min(GROWTH_STEP, max - this.#pool.receivers.length);
    if (!(count > 0))
      throw new SwitchyardError('limit-exceeded', 'All receivers of this session are in use.', {
        detail: `${this.#pool.receivers.length} receivers`,
      });
    const slots: MediaSlot[] = [];
    try {
      await connection.renegotiate(
        (link) => {
          for (let index = 0; index < count; index += 1) slots.push(link.addSlot(kind, 'manual'));
        },
        () => {
          for (const slot of slots.splice(0)) slot.stop();
        },
      );
    } catch (error) {
      // The next connection is made with them.
      if (!(error instanceof SwitchyardError) || error.code !== 'connection-lost') throw error;
    }
    this.#pool.add(kind, count, slots);
  }
}
