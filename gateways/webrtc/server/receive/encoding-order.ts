import type { PictureSize } from '@switchyard/shared/media';

/** An encoding of which nothing came for this long is not compared with others, milliseconds. */
const SENDING_MS = 2000;
/** What speaks against the order has to do so for this long, milliseconds. */
export const ORDER_HOLD_MS: number = 3000;
/** Bitrates are means over this time, milliseconds, and the same when they differ by less than the ratio. */
const WINDOW_MS = 2000;
const SAME_RATIO = 1.5;

interface Encoding {
  size: PictureSize | undefined;
  /** The most that it sent, or was going to send, bits per second; 0 when unknown. */
  peakBps: number;
  windowBytes: number;
  firstMs: number;
  lastMs: number;
}

/**
 * Which encoding of a simulcast is the lowest: by size of the picture, and where sizes are unknown or the same by the
 * most that each ever sent. Pure. Encodings are numbered as they were guessed to be (by SDP and names), lowest first.
 *
 * The order there is stays until two encodings that both send speak against it: at once when an encoding tells its size
 * for the first time, otherwise when they do for {@link ORDER_HOLD_MS}. Then the order is turned round if that fits
 * everything known (a list that was written the other way round); if not, the known ones are sorted and the unknown
 * ones keep their places. One that is late, switched off or paused changes nothing by its absence.
 */
export class EncodingOrder {
  readonly #encodings: readonly Encoding[];
  #order: readonly number[];
  #againstSinceMs = -1;
  #windowStartMs = -1;

  constructor(count: number) {
    this.#encodings = Array.from({ length: count }, () => ({
      size: undefined,
      peakBps: 0,
      windowBytes: 0,
      firstMs: Number.POSITIVE_INFINITY,
      lastMs: Number.NEGATIVE_INFINITY,
    }));
    this.#order = this.#encodings.map((_, encoding) => encoding);
  }

  /** Encodings, lowest first. */
  get lowestFirst(): readonly number[] {
    return this.#order;
  }

  sizeOf(encoding: number): PictureSize | undefined {
    return this.#encodings[encoding]?.size;
  }

  /** Hot path: a packet of it came. */
  packet(encoding: number, bytes: number, nowMs: number): void {
    const each = this.#encodings[encoding];
    if (each === undefined) return;
    each.windowBytes += bytes;
    each.lastMs = nowMs;
    if (each.firstMs > nowMs) each.firstMs = nowMs;
  }

  /** The client tells its picture's size (again). @returns Whether the order changed. */
  sized(encoding: number, size: PictureSize, nowMs: number): boolean {
    const each = this.#encodings[encoding];
    if (each === undefined) return false;
    const isFirst = each.size === undefined;
    each.size = size;
    each.lastMs = nowMs;
    const isWrong = (low: number, high: number): boolean =>
      (low === encoding || high === encoding) && this.#isLarger(low, high);
    if (!isFirst || !this.#hasSending(isWrong, nowMs)) return false;
    this.#rearrange();
    return true;
  }

  /** The client tells what it is going to send, bits per second. */
  targeted(encoding: number, bitrateBps: number): void {
    const each = this.#encodings[encoding];
    if (each !== undefined) each.peakBps = Math.max(each.peakBps, bitrateBps);
  }

  /** The client says that it sends nothing of it. */
  stopped(encoding: number): void {
    const each = this.#encodings[encoding];
    if (each !== undefined) each.lastMs = Number.NEGATIVE_INFINITY;
  }

  /** @returns Whether the order changed. */
  tick(nowMs: number): boolean {
    this.#measure(nowMs);
    if (!this.#hasSending((low, high) => this.#isAbove(low, high), nowMs)) {
      this.#againstSinceMs = -1;
      return false;
    }
    if (this.#againstSinceMs < 0) this.#againstSinceMs = nowMs;
    if (nowMs - this.#againstSinceMs < ORDER_HOLD_MS) return false;
    this.#rearrange();
    return true;
  }

  #measure(nowMs: number): void {
    if (this.#windowStartMs < 0) this.#windowStartMs = nowMs;
    const elapsedMs = nowMs - this.#windowStartMs;
    if (elapsedMs < WINDOW_MS) return;
    for (const each of this.#encodings) {
      // Who began in the middle sent less than it does.
      if (each.firstMs <= this.#windowStartMs)
        each.peakBps = Math.max(each.peakBps, (each.windowBytes * 8000) / elapsedMs);
      each.windowBytes = 0;
    }
    this.#windowStartMs = nowMs;
  }

  /** Whether `isWrong` of any two that send, in their order. */
  #hasSending(isWrong: (low: number, high: number) => boolean, nowMs: number): boolean {
    const sending = this.#order.filter(
      (encoding) => nowMs - (this.#encodings[encoding]?.lastMs ?? Number.NEGATIVE_INFINITY) <= SENDING_MS,
    );
    return hasPair(sending, isWrong);
  }

  #rearrange(): void {
    this.#againstSinceMs = -1;
    const reversed = [...this.#order].reverse();
    if (!hasPair(reversed, (low, high) => this.#isAbove(low, high))) {
      this.#order = reversed;
      return;
    }
    const known = this.#order.filter((encoding) => this.#isKnown(encoding));
    for (let end = 1; end < known.length; end += 1)
      for (let at = end; at > 0 && this.#isAbove(known[at - 1] ?? 0, known[at] ?? 0); at -= 1)
        known.splice(at - 1, 2, known[at] ?? 0, known[at - 1] ?? 0);
    this.#order = this.#order.map((encoding) =>
      this.#isKnown(encoding) ? (known.shift() ?? encoding) : encoding,
    );
  }

  #isKnown(encoding: number): boolean {
    const each = this.#encodings[encoding];
    return each !== undefined && (each.size !== undefined || each.peakBps > 0);
  }

  #isLarger(a: number, b: number): boolean {
    return pixelsOf(this.#encodings[a]) > pixelsOf(this.#encodings[b]) && pixelsOf(this.#encodings[b]) > 0;
  }

  #isAbove(a: number, b: number): boolean {
    if (this.#isLarger(a, b)) return true;
    const first = this.#encodings[a];
    const second = this.#encodings[b];
    if (first === undefined || second === undefined || this.#isLarger(b, a)) return false;
    return second.peakBps > 0 && first.peakBps > second.peakBps * SAME_RATIO;
  }
}

const pixelsOf = (encoding: Encoding | undefined): number =>
  encoding?.size === undefined ? 0 : encoding.size.width * encoding.size.height;

function hasPair(order: readonly number[], is: (low: number, high: number) => boolean): boolean {
  return order.some((low, at) => order.slice(at + 1).some((high) => is(low, high)));
}
