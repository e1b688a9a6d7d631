import type { Socket } from 'node:net';
import type { MediaPacket } from '@switchyard/shared/media';
import {
  FRAME_LENGTH_BYTES,
  FRAME_MAX_BYTES,
  fanoutFrameBytes,
  mediaFrameBytes,
  writeFanoutFrame,
  writeMediaFrame,
} from '@switchyard/shared/protocol';

/** Above this many unsent bytes media is dropped: about 2 s of a 16 Mbps link. Control never is. */
export const LINK_QUEUE_MAX_BYTES: number = 4 << 20;
/** Above this many unsent bytes the other side does not read at all, and the link is cut. */
export const LINK_STUCK_BYTES: number = 64 << 20;

const CHUNK_BYTES = 256 << 10;
/** Chunks kept for reuse; more are left to the garbage collector after a burst. */
const SPARE_CHUNKS_MAX = 16;

/**
 * The sending half of a link: gathers everything that is written in one turn of the event loop into large reused
 * buffers and hands them to the socket in one write.
 */
export class LinkWriter {
  readonly #socket: Socket;
  readonly #spare: Buffer[] = [];
  readonly #full: Buffer[] = [];
  #chunk: Buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  #chunkBytes = 0;
  #unsentBytes = 0;
  #scheduled = false;
  /** Media frames that found the queue full. */
  droppedFrames = 0;
  /** Called when the queue has drained after drops: sources may be asked for keyframes now. */
  onRecovered: () => void = () => {};
  #dropping = false;
  readonly #flush = (): void => this.flush();

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Bytes not yet taken by the operating system. */
  get queuedBytes(): number {
    return this.#unsentBytes;
  }

  /** @returns false when it was dropped because the queue is full. */
  media(endpoint: number, track: number, packet: MediaPacket): boolean {
    const bytes = mediaFrameBytes(packet);
    if (this.#isFull(bytes)) return false;
    const at = this.#reserve(bytes);
    writeMediaFrame(this.#chunk, at, endpoint, track, packet);
    return true;
  }

  /** @returns false when it was dropped because the queue is full. */
  fanout(packet: MediaPacket, targets: Uint8Array, targetCount: number): boolean {
    const bytes = fanoutFrameBytes(packet, targetCount);
    if (this.#isFull(bytes)) return false;
    const at = this.#reserve(bytes);
    writeFanoutFrame(this.#chunk, at, packet, targets, targetCount);
    return true;
  }

  /**
   * A frame of JSON; with `endpoint`, that number stands before it.
   * @returns false when it is longer than a frame may be.
   */
  json(type: number, value: unknown, endpoint?: number): boolean {
    const text = JSON.stringify(value);
    const prefix = FRAME_LENGTH_BYTES + 1 + (endpoint === undefined ? 0 : 4);
    const bytes = prefix + Buffer.byteLength(text);
    if (bytes - FRAME_LENGTH_BYTES > FRAME_MAX_BYTES) return false;
    const at = this.#reserve(bytes);
    this.#chunk.writeUInt32BE(bytes - FRAME_LENGTH_BYTES, at);
    this.#chunk[at + FRAME_LENGTH_BYTES] = type;
    if (endpoint !== undefined) this.#chunk.writeUInt32BE(endpoint, at + FRAME_LENGTH_BYTES + 1);
    this.#chunk.write(text, at + prefix, 'utf8');
    return true;
  }

  /** Hands everything over now; otherwise it happens at the end of this turn. */
  flush(): void {
    this.#scheduled = false;
    if (this.#chunkBytes > 0) this.#retire();
    if (this.#full.length === 0) return;
    this.#socket.cork();
    for (const bytes of this.#full) this.#socket.write(bytes, () => this.#sent(bytes));
    this.#full.length = 0;
    this.#socket.uncork();
  }

  #isFull(bytes: number): boolean {
    if (this.#unsentBytes + bytes <= LINK_QUEUE_MAX_BYTES) return false;
    this.droppedFrames += 1;
    this.#dropping = true;
    return true;
  }

  /** Makes room in the current chunk. @returns Where to write. */
  #reserve(bytes: number): number {
    if (this.#chunkBytes + bytes > this.#chunk.length) {
      if (this.#chunkBytes > 0) this.#retire();
      if (bytes > this.#chunk.length) this.#chunk = Buffer.allocUnsafeSlow(bytes);
    }
    const at = this.#chunkBytes;
    this.#chunkBytes += bytes;
    this.#unsentBytes += bytes;
    if (this.#unsentBytes > LINK_STUCK_BYTES) this.#socket.destroy();
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(this.#flush);
    }
    return at;
  }

  #retire(): void {
    this.#full.push(this.#chunk.subarray(0, this.#chunkBytes));
    this.#chunk = this.#spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
    this.#chunkBytes = 0;
  }

  #sent(bytes: Buffer): void {
    this.#unsentBytes -= bytes.length;
    if (this.#spare.length < SPARE_CHUNKS_MAX && bytes.buffer.byteLength === CHUNK_BYTES)
      this.#spare.push(Buffer.from(bytes.buffer));
    if (!this.#dropping || this.#unsentBytes > LINK_QUEUE_MAX_BYTES / 4) return;
    this.#dropping = false;
    this.onRecovered();
  }
}
