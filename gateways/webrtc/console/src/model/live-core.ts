import { fetchCluster, type LiveCluster } from './cluster-api.ts';
import { fetchRooms, type LiveRoom } from './core-api.ts';
import { Store } from './store.ts';

const INTERVAL_MS = 1500;
/** While nobody looks, and after a failure. */
const SLOW_INTERVAL_MS = 5000;

export interface LiveCoreState {
  /** Undefined before the first answer. */
  readonly rooms: readonly LiveRoom[] | undefined;
  /** The nodes that rooms span; undefined for a node alone. */
  readonly cluster: LiveCluster | undefined;
  /** The last question was not answered; what is shown is old. */
  readonly stale: boolean;
}

/** What the core says of rooms and nodes, asked for again and again while the page is open. */
export class LiveCore extends Store<LiveCoreState> {
  /** The room whose peers matter most. */
  first: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running = false;
  readonly #token: string | undefined;

  /** @param token With the permission `admin`, where the server asks for one. */
  constructor(token: string | undefined) {
    super({ rooms: undefined, cluster: undefined, stale: false });
    this.#token = token;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    document.addEventListener('visibilitychange', this.#onVisible);
    void this.#ask();
  }

  stop(): void {
    this.#running = false;
    document.removeEventListener('visibilitychange', this.#onVisible);
    clearTimeout(this.#timer);
  }

  readonly #onVisible = (): void => {
    if (document.hidden) return;
    clearTimeout(this.#timer);
    void this.#ask();
  };

  async #ask(): Promise<void> {
    try {
      const [rooms, cluster] = await Promise.all([
        fetchRooms(this.first, this.#token),
        fetchCluster(this.#token),
      ]);
      this.update({ rooms, cluster, stale: false });
    } catch {
      this.update({ stale: true });
    }
    if (!this.#running) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => void this.#ask(),
      this.state.stale || document.hidden ? SLOW_INTERVAL_MS : INTERVAL_MS,
    );
  }
}
