import { fetchRooms, type LiveRoom } from './core-api.ts';
import { Store } from './store.ts';

const INTERVAL_MS = 1500;
/** While nobody looks, and after a failure. */
const SLOW_INTERVAL_MS = 5000;

export interface LiveRoomsState {
  /** Undefined before the first answer. */
  readonly rooms: readonly LiveRoom[] | undefined;
  /** The last question was not answered; what is shown is old. */
  readonly stale: boolean;
}

/** The list of rooms, asked for again and again while the page is open. */
export class LiveRooms extends Store<LiveRoomsState> {
  /** The room whose peers matter most. */
  first: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running = false;
  readonly #token: string | undefined;

  /** @param token With the permission `admin`, where the server asks for one. */
  constructor(token: string | undefined) {
    super({ rooms: undefined, stale: false });
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
      const rooms = await fetchRooms(this.first, this.#token);
      this.update({ rooms, stale: false });
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
