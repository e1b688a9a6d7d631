import type { StreamKey, StreamMessage } from './stream-message.ts';

/** A request that is not answered is repeated after this time or one and a half round trips, milliseconds. */
const ASK_RETRY_MS = 80;
const ASK_TRIES = 5;
/** A neighbour that fetches the stream itself gets this long. */
const WAIT_MAX_MS = 3000;
/** A request is renewed after this time. */
const REFRESH_MS = 2000;
/** A neighbour that failed a stream is not asked for it again for this long. */
const SUSPECT_MS = 3000;
/** What is under way on the old way still counts for this long after the change. */
const DRAIN_MS = 500;
/** The old way is kept until the new one brings media, this long at the most: a stream may be silent. */
const OVERLAP_MAX_MS = 500;
/** How often a stream looks for a better way by itself, milliseconds. */
const REROUTE_MS = 1000;

/** What the ways of a stream need of the stream and of its node. */
export interface StreamWaysHome {
  readonly self: string;
  readonly stream: string;
  readonly publisher: string;
  control(node: string, message: StreamMessage): void;
  /** Neighbours to take the stream from, best first, without those that take it from here. */
  candidates(): readonly string[];
  isWorthIt(current: string, better: string): boolean;
  rttMs(node: string): number;
  takeLabel(): number;
  freeLabel(label: number): void;
  /** Layers that are wanted here and beyond, a bit each. */
  wanted(): number;
  /** Whom a request is for. */
  askers(): string[];
  /** Stream sequence number to go on from, −1 for the pictures since the last keyframe. */
  resumeFrom(): number;
  /** What its media is sealed with. @returns Whether that is new. */
  keyIs(key: StreamKey): boolean;
  /** It comes another way, or sealed with another key: who takes it from here has to know. */
  comesBy(path: readonly string[]): void;
  /** It came, and comes from nowhere now. */
  lost(): void;
  /** There is nobody to ask. */
  noRoute(): void;
}

interface Upstream {
  readonly node: string;
  readonly label: number;
  state: 'asking' | 'waiting' | 'ok';
  sinceMs: number;
  askedMs: number;
  tries: number;
}

/**
 * Where one stream comes from: the neighbour that brings it, and the one that is asked to bring it in its place. Make before
 * break: the old way is left when the new one has brought media. Pure.
 *
 * ```text
 * asking ──sub-wait──▶ waiting ──sub-ok──▶ ok
 *    └──────────────sub-ok────────────────▶┘     rejected, silent, too long: the next candidate is asked
 * ```
 */
export class StreamWays {
  readonly #home: StreamWaysHome;
  readonly #suspects = new Map<string, number>();
  #current: Upstream | undefined;
  #next: Upstream | undefined;
  #path: readonly string[] = [];
  #nextPath: readonly string[] = [];
  /** Labels of ways that were left, and until when their packets are taken. */
  readonly #draining: { readonly label: number; readonly untilMs: number }[] = [];
  #reroutedMs = 0;

  constructor(home: StreamWaysHome) {
    this.#home = home;
  }

  /** The neighbour that it comes from; undefined while there is none. */
  get upstream(): string | undefined {
    return this.#current?.state === 'ok' ? this.#current.node : undefined;
  }

  /** The neighbour that it comes from or that was asked for it. */
  get asked(): string | undefined {
    return this.#current?.node;
  }

  /** Nodes from the publisher to the neighbour that it comes from. */
  get path(): readonly string[] {
    return this.#path;
  }

  /** Media came by a label. */
  received(label: number, nowMs: number): void {
    if (this.#next?.label === label && this.#next.state === 'ok') this.#takeNext(nowMs);
  }

  /** Other layers are wanted, or it is wanted at all. */
  wantedChanged(nowMs: number): void {
    if (this.#current === undefined && this.#next === undefined) this.#askBest(nowMs);
    else
      for (const upstream of [this.#current, this.#next])
        if (upstream !== undefined) this.#sendSub(upstream, nowMs);
  }

  /** Asks somebody when nobody has been asked. */
  seek(nowMs: number): void {
    if (this.#current === undefined && this.#next === undefined) this.#askBest(nowMs);
  }

  /** Routes may have changed. */
  reroute(nowMs: number): void {
    this.#reroutedMs = nowMs;
    const [best] = this.#candidates(nowMs);
    const current = this.#next ?? this.#current;
    if (best === undefined || current?.node === best) return;
    if (current === undefined) this.#ask(best, nowMs);
    else if (this.#next === undefined && this.#home.isWorthIt(current.node, best)) this.#ask(best, nowMs);
  }

  neighbourDown(node: string, nowMs: number): void {
    this.#suspects.set(node, nowMs + SUSPECT_MS);
    if (this.#next?.node === node) this.#dropNext();
    if (this.#current?.node === node) this.#lose(nowMs);
  }

  /** A neighbour fetches the stream itself. */
  onWait(from: string, nowMs: number): void {
    const asked = this.#askedOf(from);
    if (asked?.state !== 'asking') return;
    asked.state = 'waiting';
    asked.sinceMs = nowMs;
  }

  /** A neighbour brings the stream. */
  onOk(from: string, path: readonly string[], key: StreamKey, nowMs: number): void {
    const asked = this.#askedOf(from);
    if (asked === undefined) return;
    if (path.includes(this.#home.self)) {
      // It would take the stream from us.
      this.#home.control(from, { type: 'unsub', stream: this.#home.stream });
      this.failed(from, nowMs);
      return;
    }
    if (asked.state !== 'ok') {
      asked.state = 'ok';
      asked.sinceMs = nowMs;
    }
    const isNewKey = this.#home.keyIs(key);
    if (asked === this.#current) this.#setPath(path, isNewKey);
    else {
      this.#nextPath = path;
      if (this.#current === undefined) this.#takeNext(nowMs);
    }
  }

  /** A neighbour cannot bring the stream: the next one is asked. */
  failed(node: string, nowMs: number): void {
    const asked = this.#askedOf(node);
    if (asked === undefined) return;
    this.#suspects.set(node, nowMs + SUSPECT_MS);
    if (asked === this.#next) this.#dropNext();
    else this.#lose(nowMs);
  }

  tick(nowMs: number): void {
    if (this.#next !== undefined) this.#keepAsking(this.#next, nowMs);
    if (this.#current !== undefined) this.#keepAsking(this.#current, nowMs);
    if (this.#next?.state === 'ok' && nowMs - this.#next.sinceMs > OVERLAP_MAX_MS) this.#takeNext(nowMs);
    if (this.#current === undefined && this.#next === undefined) this.#askBest(nowMs);
    else if (nowMs - this.#reroutedMs >= REROUTE_MS) this.reroute(nowMs);
  }

  /** Forgets the labels of ways that were left long enough ago. */
  freeDrained(nowMs: number): void {
    for (
      let oldest = this.#draining[0];
      oldest !== undefined && nowMs >= oldest.untilMs;
      oldest = this.#draining[0]
    ) {
      this.#home.freeLabel(oldest.label);
      this.#draining.shift();
    }
  }

  /** Nobody wants it any more. */
  leave(): void {
    this.#dropNext();
    this.#dropCurrent();
  }

  #candidates(nowMs: number): readonly string[] {
    for (const [node, untilMs] of this.#suspects) if (nowMs >= untilMs) this.#suspects.delete(node);
    return this.#home.candidates().filter((node) => !this.#suspects.has(node));
  }

  #askBest(nowMs: number): void {
    const [best] = this.#candidates(nowMs);
    if (best !== undefined) this.#ask(best, nowMs);
    else this.#home.noRoute();
  }

  /** Asks a neighbour; while another one brings the stream, that one stays until the new way works. */
  #ask(node: string, nowMs: number): void {
    const label = this.#home.takeLabel();
    const asked: Upstream = { node, label, state: 'asking', sinceMs: nowMs, askedMs: nowMs, tries: 1 };
    this.#dropNext();
    if (this.#current === undefined) this.#current = asked;
    else this.#next = asked;
    this.#sendSub(asked, nowMs, this.#home.resumeFrom());
  }

  #sendSub(upstream: Upstream, nowMs: number, resume?: number): void {
    upstream.askedMs = nowMs;
    const message = {
      type: 'sub',
      stream: this.#home.stream,
      publisher: this.#home.publisher,
      label: upstream.label,
      layers: this.#home.wanted(),
      path: upstream.state === 'ok' ? [this.#home.self] : this.#home.askers(),
    } as const;
    this.#home.control(upstream.node, resume === undefined ? message : { ...message, resume });
  }

  #keepAsking(upstream: Upstream, nowMs: number): void {
    if (upstream.state === 'ok') {
      if (nowMs - upstream.askedMs >= REFRESH_MS) this.#sendSub(upstream, nowMs);
      return;
    }
    if (upstream.state === 'waiting' && nowMs - upstream.sinceMs > WAIT_MAX_MS) {
      this.failed(upstream.node, nowMs);
      return;
    }
    const retryMs = Math.max(ASK_RETRY_MS, 1.5 * this.#home.rttMs(upstream.node));
    if (nowMs - upstream.askedMs < retryMs) return;
    if (upstream.state === 'asking' && upstream.tries >= ASK_TRIES) {
      this.failed(upstream.node, nowMs);
      return;
    }
    upstream.tries += 1;
    this.#sendSub(upstream, nowMs, this.#home.resumeFrom());
  }

  #askedOf(node: string): Upstream | undefined {
    if (this.#next?.node === node) return this.#next;
    return this.#current?.node === node ? this.#current : undefined;
  }

  /** The stream comes from nowhere for now. */
  #lose(nowMs: number): void {
    const hadMedia = this.#current?.state === 'ok';
    this.#dropCurrent();
    if (hadMedia) this.#home.lost();
    if (this.#next?.state === 'ok') this.#takeNext(nowMs);
    else if (this.#next === undefined) this.#askBest(nowMs);
  }

  #setPath(path: readonly string[], isNewKey = false): void {
    const same = path.length === this.#path.length && path.every((node, i) => node === this.#path[i]);
    this.#path = path;
    if (!same || isNewKey) this.#home.comesBy(path);
  }

  /** The new way works: the old one is left. */
  #takeNext(nowMs: number): void {
    const next = this.#next;
    if (next === undefined) return;
    this.#next = undefined;
    const old = this.#current;
    if (old !== undefined) {
      this.#draining.push({ label: old.label, untilMs: nowMs + DRAIN_MS });
      this.#home.control(old.node, { type: 'unsub', stream: this.#home.stream });
    }
    this.#current = next;
    this.#setPath(this.#nextPath);
  }

  #dropNext(): void {
    this.#drop(this.#next);
    this.#next = undefined;
  }

  #dropCurrent(): void {
    this.#drop(this.#current);
    this.#current = undefined;
    this.#path = [];
  }

  #drop(upstream: Upstream | undefined): void {
    if (upstream === undefined) return;
    this.#home.freeLabel(upstream.label);
    this.#home.control(upstream.node, { type: 'unsub', stream: this.#home.stream });
  }
}
