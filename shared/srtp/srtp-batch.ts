import type { SrtpKernel } from './kernel/srtp-kernel.ts';
import type { SrtpMemory } from './srtp-memory.ts';
import { SRTP_OVERHEAD_MAX_BYTES } from './srtp-profile.ts';
import type { SrtpSender, SrtpSendStream } from './srtp-sender.ts';

/** Packets of a batch at most. */
export const SRTP_BATCH_MAX: number = 512;
/** Room of one packet, header and tag included: a whole Ethernet frame. */
export const SRTP_PACKET_MAX_BYTES: number = 1536;
/** Rooms of packets, a power of two. With so many, {@link SRTP_WAITING_MAX} packets may wait while a batch is made. */
const ROOMS = 4 * SRTP_BATCH_MAX;
/** Packets that may wait in the sockets, at most, when a batch is handed to them. */
export const SRTP_WAITING_MAX: number = SRTP_BATCH_MAX;
/** Of AES_CM_128_HMAC_SHA1_80. */
const TAG_BYTES = 10;

/**
 * Packets of many streams on their way out: each is made in {@link bytes} from a header that the caller writes and a
 * payload that lies anywhere in the same memory, and many are sealed together. Allocates nothing per packet.
 */
export class SrtpBatch {
  /** What a batch reserves of its memory. */
  static readonly memoryBytes: number = ROOMS * SRTP_PACKET_MAX_BYTES;
  /** The memory: headers are written here, payloads lie here. */
  readonly bytes: Buffer;
  readonly #rooms: number;
  readonly #lengths = new Int32Array(SRTP_BATCH_MAX);
  /** By room: made again only when a length changes. */
  readonly #views: Buffer[] = [];
  readonly #kernel: SrtpKernel | undefined;
  /** Room of packet 0. */
  #first = 0;
  #count = 0;

  /** @param kernel Seals what its keys are known for; everything else is sealed one by one. `memory` is its own then. */
  constructor(memory: SrtpMemory, kernel?: SrtpKernel) {
    this.#kernel = kernel;
    this.bytes = memory.bytes;
    this.#rooms = memory.reserve(SrtpBatch.memoryBytes);
  }

  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count === SRTP_BATCH_MAX;
  }

  /** Where the next packet's header goes. The batch must not be full. */
  get at(): number {
    return this.offsetOf(this.#count);
  }

  offsetOf(index: number): number {
    return this.#rooms + this.#roomOf(index) * SRTP_PACKET_MAX_BYTES;
  }

  /** Sealed length of packet `index`, after {@link seal}. */
  lengthOf(index: number): number {
    return this.#lengths[index] ?? 0;
  }

  /** Packet `index`, after {@link seal}. */
  viewOf(index: number): Buffer {
    const room = this.#roomOf(index);
    const length = this.lengthOf(index);
    const known = this.#views[room];
    if (known !== undefined && known.length === length) return known;
    const at = this.offsetOf(index);
    const view = this.bytes.subarray(at, at + length);
    this.#views[room] = view;
    return view;
  }

  /**
   * Adds the packet whose header was written at {@link at}.
   * @param headerLength Bytes that stay in the clear.
   * @param prefixLength Bytes of plain payload that were written behind the header.
   * @param source Offset of the rest of the payload, which may be overwritten only after {@link seal}.
   * @param length Bytes of that rest. All together fits {@link SRTP_PACKET_MAX_BYTES} with SRTP_OVERHEAD_MAX_BYTES to spare.
   */
  add(
    sender: SrtpSender,
    stream: SrtpSendStream,
    headerLength: number,
    prefixLength: number,
    source: number,
    length: number,
    ssrc: number,
    seq: number,
  ): void {
    if (this.#kernel?.isFull === true) this.#kernel.seal();
    const roc = stream.rocOf(seq);
    const index = this.#count;
    this.#count += 1;
    const at = this.offsetOf(index);
    if (
      this.#kernel !== undefined &&
      this.#addJob(
        this.#kernel,
        sender,
        stream,
        at,
        headerLength,
        prefixLength,
        source,
        length,
        ssrc,
        roc,
        seq,
      )
    ) {
      this.#lengths[index] = headerLength + prefixLength + length + TAG_BYTES;
      return;
    }
    const { bytes } = this;
    const clear = headerLength + prefixLength;
    bytes.copyWithin(at + clear, source, source + length);
    const packet = bytes.subarray(at, at + clear + length + SRTP_OVERHEAD_MAX_BYTES);
    this.#lengths[index] = sender.protectRtpAt(packet, headerLength, clear + length, ssrc, roc, seq);
  }

  /** Seals what was added: packets 0 … {@link count} − 1 are ready to be sent. */
  seal(): void {
    this.#kernel?.seal();
  }

  /** @param waiting Packets are still read by the socket: their room is left alone for some time. */
  clear(waiting: boolean): void {
    this.#first = waiting ? this.#roomOf(this.#count) : 0;
    this.#count = 0;
  }

  #roomOf(index: number): number {
    return (this.#first + index) % ROOMS;
  }

  #addJob(
    kernel: SrtpKernel,
    sender: SrtpSender,
    stream: SrtpSendStream,
    at: number,
    headerLength: number,
    prefixLength: number,
    source: number,
    length: number,
    ssrc: number,
    roc: number,
    seq: number,
  ): boolean {
    const key = sender.kernelKey;
    if (key === undefined) return false;
    const window = stream.window(key, ssrc);
    if (window === undefined) return false;
    const keystream = window.at(roc, seq, prefixLength + length);
    kernel.job(at, headerLength, prefixLength, source, length, keystream, key.hmacState, roc);
    return true;
  }
}
