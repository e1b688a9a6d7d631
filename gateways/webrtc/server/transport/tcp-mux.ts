import type { Socket } from 'node:net';
import type { IceStream, Path } from './ice-lite.ts';
import type { DatagramHandler } from './udp-mux.ts';

const LENGTH_BYTES = 2;
/** Longest packet of a client: nothing that WebRTC sends is longer than an Ethernet frame. */
const FRAME_MAX_BYTES = 2048;
/** A stream has this long to show a check that ICE takes, milliseconds. */
const VALIDATION_MS = 10_000;
/** Above this much unsent a stream's packets are dropped: late media is of no use. */
const UNSENT_MAX_BYTES = 524_288;
const STREAMS_MAX = 10_000;

/** Whether the first byte of a connection is that of an RFC 4571 frame with a STUN check in it, and not of HTTP or TLS. */
export const isIceTcp = (firstByte: number): boolean => firstByte <= FRAME_MAX_BYTES >> 8;

/**
 * Clients behind firewalls that let no UDP through: ICE-TCP passive (RFC 6544) with RFC 4571 framing, each connection a
 * path like a UDP address.
 *
 *     |  length, 16 bits  |  STUN, DTLS, RTP or RTCP ... |
 */
export class TcpMux {
  readonly #onDatagram: DatagramHandler;
  readonly #onGone: (path: Path) => void;
  readonly #streams = new Set<FramedStream>();
  #nextId = 1;

  /** @param onGone A path that existed is closed. */
  constructor(onDatagram: DatagramHandler, onGone: (path: Path) => void) {
    this.#onDatagram = onDatagram;
    this.#onGone = onGone;
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Takes over a connection whose first bytes are `head`. */
  accept(socket: Socket, head: Buffer): void {
    const { remoteAddress, remotePort } = socket;
    if (this.#streams.size >= STREAMS_MAX || remoteAddress === undefined || remotePort === undefined) {
      socket.destroy();
      return;
    }
    const id = this.#nextId;
    this.#nextId += 1;
    const stream = new FramedStream(socket, (frame) => this.#onDatagram(frame, path));
    const path: Path = {
      key: `tcp/${id}`,
      address: remoteAddress.replace(/^::ffff:/, ''),
      port: remotePort,
      socket: -1,
      stream,
    };
    this.#streams.add(stream);
    const timer = setTimeout(() => {
      if (!stream.isValidated) socket.destroy();
    }, VALIDATION_MS);
    timer.unref();
    socket.once('close', () => {
      clearTimeout(timer);
      this.#streams.delete(stream);
      this.#onGone(path);
    });
    stream.read(head);
  }

  close(): void {
    for (const stream of this.#streams) stream.end();
    this.#streams.clear();
  }
}

/** One connection: frames in and out. */
class FramedStream implements IceStream {
  readonly #socket: Socket;
  readonly #onFrame: (frame: Buffer) => void;
  /** The beginning of a frame that has not come whole. */
  #rest: Buffer = Buffer.alloc(0);
  isValidated = false;

  constructor(socket: Socket, onFrame: (frame: Buffer) => void) {
    this.#socket = socket;
    this.#onFrame = onFrame;
    socket.setNoDelay(true);
    socket.setTimeout(0);
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => this.read(chunk));
  }

  read(chunk: Buffer): void {
    // A copy of its own: frames are decrypted in place.
    const bytes = Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (at + LENGTH_BYTES <= bytes.length) {
      const length = bytes.readUInt16BE(at);
      if (length > FRAME_MAX_BYTES) {
        this.#socket.destroy();
        return;
      }
      const end = at + LENGTH_BYTES + length;
      if (end > bytes.length) break;
      if (length > 0) this.#onFrame(bytes.subarray(at + LENGTH_BYTES, end));
      at = end;
      // A connection that begins with something else than a check of ours is somebody who gropes about.
      if (!this.isValidated || this.#socket.destroyed) {
        this.#socket.destroy();
        return;
      }
    }
    this.#rest = bytes.subarray(at);
  }

  send(bytes: Uint8Array, length: number): boolean {
    if (this.#socket.destroyed || this.#socket.writableLength > UNSENT_MAX_BYTES) return false;
    // Packets are made in memory that is used again at once; a stream may keep them waiting.
    const frame = Buffer.allocUnsafe(LENGTH_BYTES + length);
    frame.writeUInt16BE(length, 0);
    frame.set(length === bytes.length ? bytes : bytes.subarray(0, length), LENGTH_BYTES);
    this.#socket.write(frame);
    return true;
  }

  end(): void {
    this.#socket.destroy();
  }
}
