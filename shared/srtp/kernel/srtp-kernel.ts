import { SrtpMemory } from '../srtp-memory.ts';
import { CellPool } from './cell-pool.ts';
import { SRTP_KERNEL_BINARY } from './srtp-kernel-binary.ts';

const PAGE_BYTES = 65_536;
/** Words of a job, as assembly/srtp-kernel.ts has them. */
const JOB_WORDS = 12;
/** Jobs of one call. */
const JOBS_MAX = 64;
/** What the kernel writes while it works: schedule, state, and the packet of idle lanes. */
const SCRATCH_BYTES = 4608;
const HMAC_STATE_BYTES = 40;
const HMAC_KEY_BYTES = 20;
/** Counter blocks that are encrypted in one go, and how many times that is kept for a stream. */
export const WINDOW_BLOCKS: number = 640;
export const STREAM_WINDOWS: number = 2;
export const BLOCK_BYTES: number = 16;
/** Bytes of a stream's cell: its IV, then its keystream. */
const STREAM_BYTES: number = BLOCK_BYTES + STREAM_WINDOWS * WINDOW_BLOCKS * BLOCK_BYTES;
/** Reads of 16 bytes may go beyond the last keystream. */
const OVERRUN_BYTES = 64;
/** Jobs, scratch and counters, with their alignment. */
const OWN_BYTES = 65_536;
/** Senders and streams of a process; those above it are sealed the slow way. */
const ROOM = { senders: 16_384, streams: 4096 } as const;

interface KernelExports {
  seal(jobs: number, count: number, scratch: number): void;
  hmacInit(state: number, key: number, scratch: number): void;
  counters(to: number, iv: number, packets: number, blocks: number, roc: number, seq: number): void;
}

/**
 * The WebAssembly half of AES_CM_128_HMAC_SHA1_80, and the memory it works in: packets, payloads and keystreams lie
 * there. One per process.
 */
export class SrtpKernel {
  readonly memory: SrtpMemory;
  /** HMAC states of senders, and IV with keystream of streams. */
  readonly senders: CellPool;
  readonly streams: CellPool;
  /** Where {@link counters} writes: {@link WINDOW_BLOCKS} blocks. */
  readonly counterBlocks: Buffer;
  readonly #exports: KernelExports;
  readonly #jobs: Uint32Array;
  readonly #jobsAt: number;
  #count = 0;
  #round = 0;
  readonly #scratch: number;
  readonly #counters: number;

  /**
   * @param memoryBytes For what the caller reserves; the kernel's own comes on top. Pages count when they are touched.
   * @throws when the engine has no WebAssembly SIMD.
   */
  constructor(memoryBytes: number, room: { readonly senders: number; readonly streams: number } = ROOM) {
    const own = room.senders * HMAC_STATE_BYTES + room.streams * STREAM_BYTES + OWN_BYTES;
    const memory = new WebAssembly.Memory({ initial: Math.ceil((memoryBytes + own) / PAGE_BYTES) });
    const module = new WebAssembly.Module(Buffer.from(SRTP_KERNEL_BINARY, 'base64'));
    this.#exports = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as KernelExports;
    // Offset 0 stays unused: no part of anything is at 0.
    this.memory = new SrtpMemory(Buffer.from(memory.buffer), 64);
    this.#jobsAt = this.memory.reserve(JOBS_MAX * JOB_WORDS * 4);
    this.#jobs = new Uint32Array(memory.buffer, this.#jobsAt, JOBS_MAX * JOB_WORDS);
    this.#scratch = this.memory.reserve(SCRATCH_BYTES);
    this.#counters = this.memory.reserve(WINDOW_BLOCKS * BLOCK_BYTES);
    this.counterBlocks = this.memory.bytes.subarray(
      this.#counters,
      this.#counters + WINDOW_BLOCKS * BLOCK_BYTES,
    );
    this.senders = new CellPool(this.memory, HMAC_STATE_BYTES, room.senders);
    this.streams = new CellPool(this.memory, STREAM_BYTES, room.streams);
    this.memory.reserve(OVERRUN_BYTES);
  }

  /** Number of the round that {@link job} adds to; {@link seal} ends it. */
  get round(): number {
    return this.#round;
  }

  /** The round takes no more: it is to be sealed before the next {@link job}. */
  get isFull(): boolean {
    return this.#count === JOBS_MAX;
  }

  /**
   * Adds a packet to the round, which must not be {@link isFull}.
   * @param out Offset of the packet; its clear header and the plain prefix of its payload are there.
   * @param source Offset of the rest of the payload, of `length` bytes.
   * @param keystream Offset, from the first byte of the payload on.
   */
  job(
    out: number,
    clearLength: number,
    prefixLength: number,
    source: number,
    length: number,
    keystream: number,
    hmacState: number,
    roc: number,
  ): void {
    const jobs = this.#jobs;
    const word = this.#count * JOB_WORDS;
    jobs[word] = out;
    jobs[word + 1] = clearLength;
    jobs[word + 2] = prefixLength;
    jobs[word + 3] = source;
    jobs[word + 4] = length;
    jobs[word + 5] = keystream;
    jobs[word + 6] = hmacState;
    jobs[word + 7] = roc;
    this.#count += 1;
  }

  /** Encrypts and authenticates the packets of the round. */
  seal(): void {
    if (this.#count === 0) return;
    this.#exports.seal(this.#jobsAt, this.#count, this.#scratch);
    this.#count = 0;
    this.#round += 1;
  }

  /** Prepares an authentication key of 20 bytes into the cell `state` of {@link senders}. */
  hmacInit(state: number, key: Uint8Array): void {
    const at = this.#counters;
    this.memory.bytes.set(key.subarray(0, HMAC_KEY_BYTES), at);
    this.#exports.hmacInit(state, at, this.#scratch);
    this.memory.bytes.fill(0, at, at + HMAC_KEY_BYTES);
  }

  /** Fills {@link counterBlocks} for `packets` indices from (roc, seq), `blocks` each; `iv` is the offset of 16 bytes. */
  counters(iv: number, packets: number, blocks: number, roc: number, seq: number): void {
    this.#exports.counters(this.#counters, iv, packets, blocks, roc, seq);
  }
}
