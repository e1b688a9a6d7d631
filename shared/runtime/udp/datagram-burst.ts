import { SOCKET_ADDRESS_BYTES } from './socket-address.ts';
import type { SystemCalls } from './system-calls.ts';

/** Datagrams of one call at most. */
export const BURST_MAX: number = 512;
/** Datagrams that are merged at most, and their bytes: what the kernel takes (UDP_MAX_SEGMENTS, 64 kB with headers). */
const SEGMENTS_MAX = 64;
const MERGED_MAX_BYTES = 65_000;

/** `struct mmsghdr`, `struct iovec` and a control message of UDP_SEGMENT, of 64 bits (recvmmsg(2), udp(7)). */
const MESSAGE_BYTES = 64;
const VECTOR_BYTES = 16;
const CONTROL_BYTES = 24;
const CONTROL_LENGTH = 18;
const IPPROTO_UDP = 17;
const UDP_SEGMENT = 103;
const MSG_DONTWAIT = 0x40;

const EIO = 5;
const EAGAIN = 11;
const EINVAL = 22;
const ENOBUFS = 105;

const TABLE_BYTES = BURST_MAX * (MESSAGE_BYTES + VECTOR_BYTES + CONTROL_BYTES + SOCKET_ADDRESS_BYTES);

/** Where datagrams go; made once per address, and for one {@link DatagramBurst} only. */
export class BurstAddress {
  /** See socketAddress(). */
  readonly words: Uint32Array;
  readonly length: number;
  /** Round of the burst in which a datagram was added last, and its index. */
  round = -1;
  last = -1;

  constructor(bytes: Uint8Array) {
    this.length = bytes.length;
    this.words = new Uint32Array(SOCKET_ADDRESS_BYTES / 4);
    new Uint8Array(this.words.buffer).set(bytes);
  }
}

/**
 * Many datagrams to many addresses in one system call (sendmmsg), those of equal size to one address merged (UDP
 * segmentation offload: the network card, or the kernel at its end, cuts them apart). Per address the order stays.
 * Allocates nothing per datagram.
 */
export class DatagramBurst {
  readonly #calls: SystemCalls;
  readonly #memoryAt: number;
  readonly #table: Buffer;
  readonly #words: Uint32Array;
  readonly #messagesAt: number;
  readonly #vectorsAt: number;
  readonly #controlsAt: number;
  readonly #addressesAt: number;
  readonly #tableAt: number;
  readonly #offsets = new Int32Array(BURST_MAX);
  readonly #lengths = new Int32Array(BURST_MAX);
  /** The next datagram to the same address, −1 for none. */
  readonly #next = new Int32Array(BURST_MAX);
  readonly #tags = new Int32Array(BURST_MAX);
  readonly #addresses: BurstAddress[] = [];
  /** First datagrams of their addresses. */
  readonly #heads = new Int32Array(BURST_MAX);
  /** By message: its first datagram, and how many it has. */
  readonly #firsts = new Int32Array(BURST_MAX);
  readonly #counts = new Int32Array(BURST_MAX);
  #headCount = 0;
  #count = 0;
  #round = 0;
  /** Whether datagrams are merged; a network card that cannot cut them apart ends that. */
  merges: boolean;
  /** Datagrams that the kernel refused. */
  errors = 0;

  /** @param memory Where all datagrams lie; see {@link SystemCalls.addressOf}. */
  constructor(calls: SystemCalls, memory: Uint8Array, merges: boolean) {
    this.#calls = calls;
    this.merges = merges;
    this.#memoryAt = calls.addressOf(memory);
    this.#table = Buffer.allocUnsafeSlow(TABLE_BYTES).fill(0);
    this.#words = new Uint32Array(this.#table.buffer, this.#table.byteOffset, TABLE_BYTES / 4);
    this.#tableAt = calls.addressOf(this.#table);
    this.#messagesAt = 0;
    this.#vectorsAt = BURST_MAX * MESSAGE_BYTES;
    this.#controlsAt = this.#vectorsAt + BURST_MAX * VECTOR_BYTES;
    this.#addressesAt = this.#controlsAt + BURST_MAX * CONTROL_BYTES;
  }

  get count(): number {
    return this.#count;
  }

  /**
   * Adds `length` bytes at `offset` of the memory; at most {@link BURST_MAX} until {@link flush}.
   * @param tag By which {@link flush} tells of it, a 32-bit integer.
   */
  add(to: BurstAddress, offset: number, length: number, tag: number): void {
    const index = this.#count;
    this.#count += 1;
    this.#offsets[index] = offset;
    this.#lengths[index] = length;
    this.#next[index] = -1;
    this.#tags[index] = tag;
    this.#addresses[index] = to;
    if (to.round === this.#round) this.#next[to.last] = index;
    else {
      to.round = this.#round;
      this.#heads[this.#headCount] = index;
      this.#headCount += 1;
    }
    to.last = index;
  }

  /**
   * Sends what was added by the socket `fd`.
   * @param untaken Called with the tag of each datagram that is to be sent in another way: the kernel had no room, or
   *   did not take it merged.
   */
  flush(fd: number, untaken: (tag: number) => void): void {
    if (this.#count === 0) return;
    const messages = this.#write();
    let sent = 0;
    while (sent < messages) {
      const from = sent === 0 ? this.#table : this.#table.subarray(sent * MESSAGE_BYTES);
      const taken = this.#calls.sendmmsg(fd, from, messages - sent, MSG_DONTWAIT);
      if (taken > 0) {
        sent += taken;
        continue;
      }
      const errno = this.#calls.errno();
      if (errno === EAGAIN || errno === ENOBUFS) break;
      // The way to one address carries no merged datagram of this size; nor does the network card, to any.
      if ((errno === EIO || errno === EINVAL) && (this.#counts[sent] ?? 0) > 1) {
        if (errno === EIO) this.merges = false;
        this.#leave(sent, untaken);
      } else this.errors += this.#counts[sent] ?? 0;
      sent += 1;
    }
    for (; sent < messages; sent += 1) this.#leave(sent, untaken);
    this.#count = 0;
    this.#headCount = 0;
    this.#round = (this.#round + 1) & 0x3fff_ffff;
  }

  #leave(message: number, untaken: (tag: number) => void): void {
    let index = this.#firsts[message] ?? -1;
    for (let left = this.#counts[message] ?? 0; left > 0; left -= 1) {
      untaken(this.#tags[index] ?? 0);
      index = this.#next[index] ?? -1;
    }
  }

  /** @returns How many messages there are. */
  #write(): number {
    let messages = 0;
    let vectors = 0;
    for (let head = 0; head < this.#headCount; head += 1) {
      let index = this.#heads[head] ?? -1;
      while (index >= 0) {
        const first = index;
        const size = this.#lengths[first] ?? 0;
        const vector = vectors;
        let bytes = 0;
        let last = size;
        let count = 0;
        // All of one size but the last, which may be shorter.
        do {
          last = this.#lengths[index] ?? 0;
          this.#writePointer(
            this.#vectorsAt + vectors * VECTOR_BYTES,
            this.#memoryAt + (this.#offsets[index] ?? 0),
          );
          this.#words[(this.#vectorsAt + vectors * VECTOR_BYTES) / 4 + 2] = last;
          vectors += 1;
          count += 1;
          bytes += last;
          index = this.#next[index] ?? -1;
        } while (
          this.merges &&
          index >= 0 &&
          last === size &&
          (this.#lengths[index] ?? 0) <= size &&
          count < SEGMENTS_MAX &&
          bytes + size <= MERGED_MAX_BYTES
        );
        this.#writeMessage(messages, first, vector, count, size);
        messages += 1;
      }
    }
    return messages;
  }

  #writeMessage(message: number, first: number, vector: number, count: number, size: number): void {
    const words = this.#words;
    const address = this.#addresses[first];
    const addressAt = this.#addressesAt + message * SOCKET_ADDRESS_BYTES;
    const from = address?.words;
    for (let i = 0; i < SOCKET_ADDRESS_BYTES / 4; i += 1) words[addressAt / 4 + i] = from?.[i] ?? 0;
    const at = this.#messagesAt + message * MESSAGE_BYTES;
    const word = at / 4;
    this.#writePointer(at, this.#tableAt + addressAt);
    words[word + 2] = address?.length ?? 0;
    this.#writePointer(at + 16, this.#tableAt + this.#vectorsAt + vector * VECTOR_BYTES);
    words[word + 6] = count;
    const controlAt = this.#controlsAt + message * CONTROL_BYTES;
    this.#writePointer(at + 32, count > 1 ? this.#tableAt + controlAt : 0);
    words[word + 10] = count > 1 ? CONTROL_LENGTH : 0;
    if (count > 1) {
      const control = controlAt / 4;
      words[control] = CONTROL_LENGTH;
      words[control + 2] = IPPROTO_UDP;
      words[control + 3] = UDP_SEGMENT;
      words[control + 4] = size;
    }
    this.#firsts[message] = first;
    this.#counts[message] = count;
  }

  #writePointer(at: number, address: number): void {
    this.#words[at / 4] = address >>> 0;
    this.#words[at / 4 + 1] = Math.floor(address / 0x1_0000_0000);
  }
}
