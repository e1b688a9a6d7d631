/**
 * Where the same rooms are: the server that the session was made for, and those that it names. A session that loses its
 * server goes round them until one takes it.
 */
export class Places {
  readonly #home: string;
  #others: readonly string[] = [];
  #current: string;
  /** Which of the ways on is next. */
  #next = 0;

  /** @param home URL of a WebSocket. */
  constructor(home: string) {
    this.#home = home;
    this.#current = home;
  }

  /** URL of the WebSocket to use now. */
  get current(): string {
    return this.#current;
  }

  /** The server that took the session names others, best first. @param urls `http://host:port`. */
  told(urls: readonly string[]): void {
    this.#next = 0;
    this.#others = urls.flatMap((url) => webSocketOf(url) ?? []);
  }

  /** The current place does not work, or asks to leave. */
  leave(): void {
    const ways = [...new Set([...this.#others, this.#home])];
    this.#current = ways[this.#next % ways.length] ?? this.#home;
    this.#next += 1;
  }
}

/** `https://host` → `wss://host/ws`; undefined for what is no such URL. */
function webSocketOf(url: string): string | undefined {
  try {
    const { protocol, host } = new URL(url);
    if (protocol === 'http:') return `ws://${host}/ws`;
    return protocol === 'https:' ? `wss://${host}/ws` : undefined;
  } catch {
    return undefined;
  }
}
