import { AF_INET, SOCKET_ADDRESS_BYTES } from './socket-address.ts';
import type { SystemCalls } from './system-calls.ts';

/** Datagrams of one call at most, and calls at a time: other sockets wait. */
const INTAKE_MAX = 64;
const CALLS_MAX = 4;
/** Room of one datagram; longer ones are dropped. */
const ROOM_BYTES = 2048;
/** `struct mmsghdr` and `struct iovec`, of 64 bits (recvmmsg(2)). */
const MESSAGE_BYTES = 64;
const VECTOR_BYTES = 16;
const NAME_LENGTH_WORD = 2;
const FLAGS_WORD = 12;
const LENGTH_WORD = 14;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
const PORTS = 0x1_0000;

/** What makes a number of an IPv4 address and a port: the key of {@link DatagramIntake.sourceOf}. */
export function ipv4Key(address: string, port: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
  return (a * 0x100_0000 + b * 0x1_0000 + c * 0x100 + d) * PORTS + port;
}

/** The address and port of an {@link ipv4Key}. */
export function ipv4Source(key: number): { readonly address: string; readonly port: number } {
  const ip = Math.floor(key / PORTS);
  return { address: `${ip >>> 24}.${(ip >>> 16) & 255}.${(ip >>> 8) & 255}.${ip & 255}`, port: key % PORTS };
}

/** Hot path. @param datagram Valid during the call only. @param source Its {@link ipv4Key}. */
export type IntakeHandler = (datagram: Buffer, source: number) => void;

/**
 * Takes in what waits in an IPv4 socket with one system call (recvmmsg). Node reads datagrams one by one, each into a new
 * buffer of 64 kB; the first of a burst is left to it, as it tells when there is something.
 */
export class DatagramIntake {
  readonly #rooms = Buffer.allocUnsafeSlow(INTAKE_MAX * ROOM_BYTES);
  readonly #calls: SystemCalls;
  readonly #table = Buffer.allocUnsafeSlow(
    INTAKE_MAX * (MESSAGE_BYTES + VECTOR_BYTES + SOCKET_ADDRESS_BYTES),
  ).fill(0);
  readonly #words = new Uint32Array(this.#table.buffer, this.#table.byteOffset, this.#table.length / 4);
  readonly #namesAt = INTAKE_MAX * (MESSAGE_BYTES + VECTOR_BYTES);

  constructor(calls: SystemCalls) {
    this.#calls = calls;
    const table = BigInt(calls.addressOf(this.#table));
    const rooms = BigInt(calls.addressOf(this.#rooms));
    const vectorsAt = INTAKE_MAX * MESSAGE_BYTES;
    for (let i = 0; i < INTAKE_MAX; i += 1) {
      const message = i * MESSAGE_BYTES;
      const vector = vectorsAt + i * VECTOR_BYTES;
      this.#table.writeBigUInt64LE(table + BigInt(this.#namesAt + i * SOCKET_ADDRESS_BYTES), message);
      this.#table.writeUInt32LE(SOCKET_ADDRESS_BYTES, message + NAME_LENGTH_WORD * 4);
      this.#table.writeBigUInt64LE(table + BigInt(vector), message + 16);
      this.#table.writeUInt32LE(1, message + 24);
      this.#table.writeBigUInt64LE(rooms + BigInt(i * ROOM_BYTES), vector);
      this.#table.writeUInt32LE(ROOM_BYTES, vector + 8);
    }
  }

  /**
   * Hands on what waits.
   * @param isOpen Asked after each datagram: a handler may close the socket.
   */
  receive(fd: number, isOpen: () => boolean, handle: IntakeHandler): void {
    for (let call = 0; call < CALLS_MAX; call += 1) {
      const count = this.#calls.recvmmsg(fd, this.#table, INTAKE_MAX, MSG_DONTWAIT, null);
      for (let i = 0; i < count; i += 1) {
        const word = (i * MESSAGE_BYTES) / 4;
        this.#words[word + NAME_LENGTH_WORD] = SOCKET_ADDRESS_BYTES;
        const isWhole = ((this.#words[word + FLAGS_WORD] ?? 0) & MSG_TRUNC) === 0;
        const source = this.#sourceOf(i);
        const at = i * ROOM_BYTES;
        if (isWhole && source >= 0 && isOpen())
          handle(this.#rooms.subarray(at, at + (this.#words[word + LENGTH_WORD] ?? 0)), source);
      }
      if (count < INTAKE_MAX || !isOpen()) return;
    }
  }

  #sourceOf(index: number): number {
    const at = this.#namesAt + index * SOCKET_ADDRESS_BYTES;
    if (this.#table.readUInt16LE(at) !== AF_INET) return -1;
    return this.#table.readUInt32BE(at + 4) * PORTS + this.#table.readUInt16BE(at + 2);
  }
}
