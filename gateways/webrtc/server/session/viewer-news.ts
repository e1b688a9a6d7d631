/** Events of draft-murillo-whep §4.7.1 that a viewer can ask for. */
export const NEWS_TYPES = ['active', 'inactive', 'layers'] as const;
export type NewsType = (typeof NEWS_TYPES)[number];

export interface NewsItem {
  readonly type: NewsType;
  /** JSON on one line. */
  readonly data: string;
}

/** Most event streams of one viewer. */
export const EVENT_STREAMS_MAX = 4;

/** Whoever carries a feed to the viewer now. */
export interface NewsReader {
  /** There is something to take. */
  onNews(): void;
  /** There will be no more. */
  onEnd(): void;
}

/**
 * One event stream of a viewer. It holds no queue: what a slow reader has missed is the state it is told next, so that it
 * never holds more than two events, however long nobody takes them.
 */
export class NewsFeed {
  readonly id: string;
  readonly #news: ViewerNews;
  readonly #types: ReadonlySet<NewsType>;
  #reader: NewsReader | undefined;
  #toldActive = false;
  #toldLayers: string | undefined;

  constructor(id: string, types: ReadonlySet<NewsType>, news: ViewerNews) {
    this.id = id;
    this.#types = types;
    this.#news = news;
  }

  get isRead(): boolean {
    return this.#reader !== undefined;
  }

  /** Begins to read, in place of whoever did; everything that holds now is told (again). */
  attach(reader: NewsReader): void {
    this.#reader?.onEnd();
    this.#reader = reader;
    // A publication that has ended meanwhile is still news to who was told that it began.
    if (this.#news.isActive) this.#toldActive = false;
    this.#toldLayers = undefined;
  }

  detach(reader: NewsReader): void {
    if (this.#reader === reader) this.#reader = undefined;
  }

  /** @returns The next thing to tell; undefined when everything is told. */
  take(): NewsItem | undefined {
    const { isActive, layers } = this.#news;
    if (isActive !== this.#toldActive) {
      this.#toldActive = isActive;
      const type = isActive ? 'active' : 'inactive';
      if (this.#types.has(type)) return { type, data: '{}' };
    }
    if (layers === this.#toldLayers || layers === undefined || !this.#types.has('layers')) return undefined;
    this.#toldLayers = layers;
    return { type: 'layers', data: layers };
  }

  /** News to whoever reads. */
  notify(): void {
    this.#reader?.onNews();
  }

  end(): void {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.onEnd();
  }
}

/** What a viewer can be told of what it watches, and the event streams that tell it. Pure. */
export class ViewerNews {
  readonly #feeds = new Map<string, NewsFeed>();
  readonly #onWatched: (isWatched: boolean) => void;
  #isActive = false;
  #layers: string | undefined;
  #isClosed = false;

  /** @param onWatched Somebody has opened an event stream, or the last one is gone. */
  constructor(onWatched: (isWatched: boolean) => void = () => {}) {
    this.#onWatched = onWatched;
  }

  /** Somebody publishes what is watched. */
  get isActive(): boolean {
    return this.#isActive;
  }

  /** Layers of the picture as the `layers` event has them; undefined while there was none. */
  get layers(): string | undefined {
    return this.#layers;
  }

  /** @param layers As `writeLayers` gives them; undefined: no picture so far. */
  tell(isActive: boolean, layers: string | undefined): void {
    if (isActive === this.#isActive && layers === this.#layers) return;
    this.#isActive = isActive;
    this.#layers = layers;
    for (const feed of this.#feeds.values()) feed.notify();
  }

  /**
   * Opens a feed. Where there are {@link EVENT_STREAMS_MAX} already the oldest that nobody reads makes room: a player that lost
   * its connection opens another.
   *
   * @returns undefined when all of them are read, or the session is over.
   */
  open(id: string, types: Iterable<NewsType> = NEWS_TYPES): NewsFeed | undefined {
    if (this.#isClosed) return undefined;
    if (this.#feeds.size >= EVENT_STREAMS_MAX) {
      const idle = [...this.#feeds.values()].find(({ isRead }) => !isRead);
      if (idle === undefined) return undefined;
      this.remove(idle);
    }
    const feed = new NewsFeed(id, new Set(types), this);
    this.#feeds.set(id, feed);
    if (this.#feeds.size === 1) this.#onWatched(true);
    return feed;
  }

  find(id: string): NewsFeed | undefined {
    return this.#feeds.get(id);
  }

  remove(feed: NewsFeed): void {
    const isLast = this.#feeds.delete(feed.id) && this.#feeds.size === 0;
    feed.end();
    if (isLast && !this.#isClosed) this.#onWatched(false);
  }

  /** The session is over: every feed ends. */
  close(): void {
    this.#isClosed = true;
    for (const feed of [...this.#feeds.values()]) this.remove(feed);
  }
}
