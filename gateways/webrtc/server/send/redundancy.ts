import { writeU16 } from '@switchyard/shared/media';

/** A copy's time lies at most so far back, in RTP timestamp units of 14 bits, and has at most 10 bits of length. */
const OFFSET_MAX = 0x3fff;
const LENGTH_MAX = 0x3ff;
/** Longer copies are not worth it: what is that long is music at a high bitrate, on a path that carries it. */
const COPY_MAX_BYTES = 400;
/** Both fit one packet, and the smallest paths. */
const TOGETHER_MAX_BYTES = 1000;
/** From this loss on audio carries its copies, until it was below the lower one for a while, milliseconds. */
const LOSS_ON = 0.01;
const LOSS_OFF = 0.003;
const OFF_AFTER_MS = 10_000;

/** Decides when audio is sent with copies of the packet before it: they cost as much again. Pure. */
export class RedundancySwitch {
  #on = false;
  #quietSinceMs = -1;

  get isOn(): boolean {
    return this.#on;
  }

  /** @param loss Of the last seconds, 0…1. */
  update(loss: number, nowMs: number): void {
    if (loss >= LOSS_ON) this.#on = true;
    if (loss > LOSS_OFF) this.#quietSinceMs = -1;
    else if (this.#quietSinceMs < 0) this.#quietSinceMs = nowMs;
    else if (nowMs - this.#quietSinceMs > OFF_AFTER_MS) this.#on = false;
  }
}

/** Whether a payload of `length` bytes, `timestampDelta` before the packet with `ownLength`, may be its copy. */
export const mayBeCopy = (length: number, ownLength: number, timestampDelta: number): boolean =>
  length > 0 &&
  length <= Math.min(LENGTH_MAX, COPY_MAX_BYTES) &&
  length + ownLength <= TOGETHER_MAX_BYTES &&
  timestampDelta > 0 &&
  timestampDelta <= OFFSET_MAX;

/**
 * Writes the headers of a packet with one copy (RFC 2198 §3); the copy and then the payload follow.
 * ```
 *  0                   1                   2                   3
 * |F|   block PT  |  timestamp offset         |   block length    |   F = 1: the copy
 * |0|   block PT  |                                                 the packet's own payload
 * ```
 * @returns Where the copy begins.
 */
export function writeRedHeaders(
  bytes: Uint8Array,
  at: number,
  payloadType: number,
  timestampDelta: number,
  copyLength: number,
): number {
  bytes[at] = 0x80 | payloadType;
  bytes[at + 1] = timestampDelta >> 6;
  writeU16(bytes, at + 2, ((timestampDelta & 0x3f) << 10) | copyLength);
  bytes[at + 4] = payloadType;
  return at + 5;
}
