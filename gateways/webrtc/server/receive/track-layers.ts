import { type PictureSize, readVideoLayersAllocation, seqDiff } from '@switchyard/shared/media';
import { LAYERS_MAX, type LayerInfo } from '@switchyard/shared/protocol';
import type { NegotiatedMedia } from '../peer-contract.ts';
import { EncodingOrder } from './encoding-order.ts';

/** A layer's sequence numbers go on this far ahead when another encoding becomes it: too far to be a loss (RFC 3550 A.1). */
const JUMP = 16_384;
/** Sizes of pictures, and which are sent, are told at most this often, milliseconds: the whole room hears of each. */
const TELL_MS = 1000;
/** The order is looked at anew this often, milliseconds. */
const TICK_MS = 100;
/** Pixels that a layer may name. */
const SIDE_MAX = 65_535;

/**
 * The encodings of one m-line as layers of a track: which is which ({@link EncodingOrder}), and what the room is told
 * of each. When the order changes, the room's stream of a layer becomes another encoding: its sequence numbers jump, so
 * that every viewer, on whatever node, waits for a keyframe instead of decoding a mixture. Pure.
 */
export class TrackLayers {
  /** Number of encodings, at least 1. */
  readonly count: number;
  readonly #rids: readonly string[];
  /** Encoding of each stream in the client's own numbering. */
  readonly #numbered: readonly number[];
  readonly #order: EncodingOrder;
  /** Layer of each encoding. */
  #layers: readonly number[];
  readonly #offsets: Uint16Array;
  /** Where the next packet of an encoding goes on from; −1: where it is. */
  readonly #jumpFrom: Int32Array;
  /** Highest sequence number of each layer that went to the room, −1 for none. */
  readonly #newest: Int32Array;
  /** Bit n: the client says that it sends nothing of encoding n; now, and as the room was told. */
  #off = 0;
  #toldOff = 0;
  #hasNewOrder = false;
  #hasNewSizes = false;
  #toldMs = Number.NEGATIVE_INFINITY;
  #tickedMs = Number.NEGATIVE_INFINITY;

  constructor({ rids, offeredRids, ssrcs }: NegotiatedMedia) {
    this.count = Math.max(1, rids.length === 0 ? ssrcs.length : rids.length);
    this.#rids = rids;
    this.#numbered = offeredRids.map((rid) => rids.indexOf(rid));
    this.#order = new EncodingOrder(this.count);
    this.#layers = this.#order.lowestFirst;
    this.#offsets = new Uint16Array(this.count);
    this.#jumpFrom = new Int32Array(this.count).fill(-1);
    this.#newest = new Int32Array(this.count).fill(-1);
  }

  /** Spatial layer of an encoding. */
  layerOf(encoding: number): number {
    return this.#layers[encoding] ?? 0;
  }

  encodingAt(layer: number): number {
    return this.#order.lowestFirst[layer] ?? -1;
  }

  /** Hot path: a packet of `encoding` goes to the room. @returns Its sequence number there. */
  packet(encoding: number, seq: number, bytes: number, nowMs: number): number {
    this.#order.packet(encoding, bytes, nowMs);
    const jumpFrom = this.#jumpFrom[encoding] ?? -1;
    if (jumpFrom >= 0) {
      this.#offsets[encoding] = jumpFrom + JUMP - seq;
      this.#jumpFrom[encoding] = -1;
    }
    const shown = (seq + (this.#offsets[encoding] ?? 0)) & 0xffff;
    const layer = this.layerOf(encoding);
    const newest = this.#newest[layer] ?? -1;
    if (newest < 0 || seqDiff(shown, newest) > 0) this.#newest[layer] = shown;
    return shown;
  }

  /** A keyframe tells its size. */
  sized(encoding: number, size: PictureSize, nowMs: number): void {
    if (size.width > SIDE_MAX || size.height > SIDE_MAX) return;
    const before = this.#order.sizeOf(encoding);
    this.#hasNewSizes ||= before?.width !== size.width || before.height !== size.height;
    if (this.#order.sized(encoding, size, nowMs)) this.#reorder();
  }

  /** The extension of video layers allocation that came on a packet of `encoding`; what makes no sense is ignored. */
  allocated(encoding: number, extension: Uint8Array, nowMs: number): void {
    const told = readVideoLayersAllocation(extension);
    if (told === undefined) return;
    // A single stream is number 0. A client that numbers its streams otherwise is believed of none.
    const numbered = this.count === 1 ? [0] : this.#numbered;
    if (told.streams.length > 0 && numbered[told.stream] !== encoding) return;
    this.#off = 0;
    for (let number = 0; number < numbered.length; number += 1) {
      const which = numbered[number] ?? -1;
      const stream = told.streams[number];
      if (stream === undefined || !stream.active) {
        this.#order.stopped(which);
        // Of a single stream it is not told which of its spatial layers are off.
        if (this.count > 1) this.#off |= 1 << which;
      } else {
        this.#order.targeted(which, stream.bitrateBps);
        if (stream.width > 0) this.sized(which, stream, nowMs);
      }
    }
  }

  tick(nowMs: number): void {
    if (this.count === 1 || nowMs - this.#tickedMs < TICK_MS) return;
    this.#tickedMs = nowMs;
    if (this.#order.tick(nowMs)) this.#reorder();
  }

  /** @returns The layers when there is something new to tell of them: another order at once, the rest now and then. */
  takeNews(nowMs: number): readonly LayerInfo[] | undefined {
    if (this.#hasNewOrder) return this.tell(nowMs);
    const hasNews = this.#hasNewSizes || this.#off !== this.#toldOff;
    return hasNews && nowMs - this.#toldMs >= TELL_MS ? this.tell(nowMs) : undefined;
  }

  /** @returns The layers, lowest first. */
  tell(nowMs: number): readonly LayerInfo[] {
    this.#hasNewOrder = false;
    this.#hasNewSizes = false;
    this.#toldOff = this.#off;
    this.#toldMs = nowMs;
    return this.#order.lowestFirst.slice(0, LAYERS_MAX).map((encoding) => {
      const rid = this.#rids[encoding];
      const size = this.#order.sizeOf(encoding);
      return {
        ...(rid === undefined ? {} : { rid }),
        ...(size === undefined ? {} : { width: size.width, height: size.height }),
        ...((this.#off & (1 << encoding)) === 0 ? {} : { active: false }),
      };
    });
  }

  #reorder(): void {
    const before = this.#layers;
    const lowestFirst = this.#order.lowestFirst;
    this.#layers = before.map((_, encoding) => lowestFirst.indexOf(encoding));
    this.#hasNewOrder = true;
    for (const [encoding, layer] of this.#layers.entries())
      if (layer !== before[encoding]) this.#jumpFrom[encoding] = this.#newest[layer] ?? -1;
  }
}
