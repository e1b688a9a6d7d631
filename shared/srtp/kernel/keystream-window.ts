import { writeU32 } from '@switchyard/shared/media';
import type { KernelKey } from './kernel-key.ts';
import { BLOCK_BYTES, STREAM_WINDOWS, WINDOW_BLOCKS } from './srtp-kernel.ts';

/** Audio packets are small: without a limit their keystream would be made for a second ahead. */
const PACKETS_MAX = 32;
const SEQ_RANGE = 0x1_0000;
const WINDOW_BYTES = WINDOW_BLOCKS * BLOCK_BYTES;

/** Keystream of consecutive packet indices. */
interface Window {
  /** Offset in the kernel's memory. */
  readonly at: number;
  first: number;
  packets: number;
  blocks: number;
  /** The round that used it last: what an earlier one used is free to be overwritten. */
  round: number;
}

/**
 * The keystream of one SSRC's next packets, made ahead of time: 8 video packets or 32 audio packets in one call of AES.
 * Two windows in turn, so that a new one can be made while packets of the old one wait to be sealed.
 */
export class KeystreamWindow {
  readonly #key: KernelKey;
  readonly #cell: number;
  #current: Window;
  #other: Window;
  /** Most blocks that a packet needed so far. */
  #highest = 1;

  /** @param cell Of the kernel's stream cells; the window gives it back. */
  constructor(key: KernelKey, cell: number, ssrc: number) {
    this.#key = key;
    this.#cell = cell;
    this.#current = emptyWindow(cell + BLOCK_BYTES);
    this.#other = emptyWindow(cell + BLOCK_BYTES + WINDOW_BYTES);
    const { bytes } = key.kernel.memory;
    bytes.set(key.salt.subarray(0, 14), cell);
    bytes[cell + 14] = 0;
    bytes[cell + 15] = 0;
    // The index goes over salt[8…13] in the counters themselves (RFC 3711 §4.1.1).
    writeU32(bytes, cell + 4, (bytes.readUInt32BE(cell + 4) ^ ssrc) >>> 0);
  }

  isOf(key: KernelKey): boolean {
    return this.#key === key;
  }

  /**
   * @returns Offset of `length` bytes of keystream for the packet of (roc, seq), which is added to the kernel's round
   * before the next call. The round is sealed here when its packets still need what must be overwritten.
   */
  at(roc: number, seq: number, length: number): number {
    const { kernel } = this.#key;
    const index = roc * SEQ_RANGE + seq;
    const blocks = Math.ceil(length / BLOCK_BYTES);
    let window = this.#current;
    if (!has(window, index, blocks)) {
      window = this.#other;
      if (!has(window, index, blocks)) {
        if (window.round === kernel.round) kernel.seal();
        this.#fill(window, roc, seq, blocks);
        this.#other = this.#current;
        this.#current = window;
      }
    }
    window.round = kernel.round;
    return window.at + (index - window.first) * window.blocks * BLOCK_BYTES;
  }

  close(): void {
    const { kernel } = this.#key;
    // Without their keystream the packets of the round would leave in the clear.
    kernel.seal();
    const { streams, memory } = kernel;
    memory.bytes.fill(0, this.#cell, this.#cell + BLOCK_BYTES + STREAM_WINDOWS * WINDOW_BYTES);
    streams.giveBack(this.#cell);
  }

  #fill(window: Window, roc: number, seq: number, blocks: number): void {
    if (blocks > this.#highest) this.#highest = blocks;
    const { kernel, cipher } = this.#key;
    window.first = roc * SEQ_RANGE + seq;
    window.blocks = this.#highest;
    window.packets = Math.min(PACKETS_MAX, Math.floor(WINDOW_BLOCKS / window.blocks));
    kernel.counters(this.#cell, window.packets, window.blocks, roc, seq);
    const bytes = window.packets * window.blocks * BLOCK_BYTES;
    kernel.memory.bytes.set(cipher.update(kernel.counterBlocks.subarray(0, bytes)), window.at);
  }
}

const emptyWindow = (at: number): Window => ({ at, first: 0, packets: 0, blocks: 0, round: -1 });

const has = (window: Window, index: number, blocks: number): boolean =>
  index >= window.first && index < window.first + window.packets && blocks <= window.blocks;
