import { Readable } from 'node:stream';
import type { NewsFeed, NewsReader } from '../session/viewer-news.ts';

/** A comment this often tells proxies, and both ends, that the stream lives, milliseconds. */
const KEEP_ALIVE_MS = 15_000;
/** What is written ahead of the socket, bytes. */
const AHEAD_MAX_BYTES = 4096;

/**
 * A feed as `text/event-stream` (HTML standard §9.2). Takes from the feed only as fast as the client reads: what is not
 * taken stays a state in the feed, and costs nothing.
 */
export class EventStream extends Readable implements NewsReader {
  readonly #feed: NewsFeed;
  readonly #onGone: () => void;
  readonly #timer: NodeJS.Timeout;
  #isWanted = false;

  /** @param onGone The client went, or the feed ended. */
  constructor(feed: NewsFeed, onGone: () => void = () => {}) {
    super({ highWaterMark: AHEAD_MAX_BYTES, encoding: 'utf8' });
    this.#feed = feed;
    this.#onGone = onGone;
    this.#timer = setInterval(() => this.#write(':\n\n'), KEEP_ALIVE_MS);
    this.#timer.unref();
    feed.attach(this);
    // The client learns at once that the stream is open.
    this.push('retry: 1000\n\n');
  }

  onNews(): void {
    this.#pump();
  }

  onEnd(): void {
    clearInterval(this.#timer);
    this.push(null);
  }

  override _read(): void {
    this.#isWanted = true;
    this.#pump();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearInterval(this.#timer);
    this.#feed.detach(this);
    this.#onGone();
    callback(error);
  }

  #pump(): void {
    while (this.#isWanted) {
      const item = this.#feed.take();
      if (item === undefined) return;
      this.#write(`event: ${item.type}\ndata: ${item.data}\n\n`);
    }
  }

  #write(text: string): void {
    if (!this.#isWanted || this.readableEnded || this.destroyed) return;
    this.#isWanted = this.push(text);
  }
}
