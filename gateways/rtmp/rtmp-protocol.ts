import libraryLogger from 'node-media-server/src/core/logger.js';
import amf from 'node-media-server/src/protocol/amf.js';
import Rtmp from 'node-media-server/src/protocol/rtmp.js';

/** Bounds of one connection, bytes. */
const CONTROL_MESSAGE_MAX_BYTES = 64 << 10;
const MEDIA_MESSAGE_MAX_BYTES = 8 << 20;
/** While the permission is asked for, the first media may already be in the pipe. */
const EARLY_MESSAGE_MAX_BYTES = 1 << 20;
const CHUNK_STREAMS_MAX = 32;
const CHUNK_SIZE_MAX = 0xff_ffff;
/** Acknowledge at least this often, bytes. */
const ACK_DEFAULT_BYTES = 2_500_000;
const ACK_MIN_BYTES = 65_536;
const HANDSHAKE_DONE = 3;
const RTMP_VERSION = 3;

const MESSAGE = { setChunkSize: 1, windowAckSize: 5, audio: 8, video: 9, amf3Command: 17 } as const;
const USER_EVENT = { pingRequest: 6, pingResponse: 7 } as const;
const CHUNK_TYPE_3 = 3;

/** Whether media is expected: `early` while the permission is asked for. */
export type MediaPhase = 'none' | 'early' | 'publish';

export interface RtmpProtocolListener {
  readonly phase: MediaPhase;
  /** `connect`, `createStream`, `publish`, …: decoded AMF0. */
  onCommand(command: Readonly<Record<string, unknown>>, streamId: number): void;
  /** `payload` is a buffer of its own. */
  onMedia(kind: 'audio' | 'video' | 'data', timestampMs: number, payload: Buffer): void;
}

class ProtocolFault extends Error {}

// It writes a line to stdout for what any peer sends wrong.
libraryLogger.log = () => {};

/**
 * RTMP chunk streams and handshake by node-media-server's class, with what it leaves out: bounds, errors as values,
 * acknowledgements, three-byte chunk stream ids, one buffer a message.
 */
export class RtmpProtocol extends Rtmp {
  readonly #listener: RtmpProtocolListener;
  #received = 0;
  #acknowledged = 0;
  #ackBytes = ACK_DEFAULT_BYTES;

  constructor(listener: RtmpProtocolListener, send: (bytes: Buffer) => void) {
    super();
    // Its FLV parser reserves a megabyte and is not used.
    this.flv = null;
    this.onOutputCallback = send;
    this.#listener = listener;
  }

  /** @returns What is wrong with the stream: cut the connection. */
  receive(bytes: Buffer): string | undefined {
    if (this.handshakeState === 0 && bytes[0] !== RTMP_VERSION) return 'not RTMP';
    this.#received += bytes.length;
    try {
      this.parserData(bytes);
    } catch (error) {
      return error instanceof ProtocolFault ? error.message : 'malformed message';
    }
    if (this.handshakeState === HANDSHAKE_DONE && this.#received - this.#acknowledged >= this.#ackBytes) {
      this.#acknowledged = this.#received;
      this.sendACK(this.#received >>> 0);
    }
    return undefined;
  }

  override packetParse(): void {
    const [first = 0, second = 0, third = 0] = this.parserBuffer;
    const format = first >> 6;
    const cid =
      this.parserBasicBytes === 2
        ? 64 + second
        : this.parserBasicBytes === 3
          ? 64 + second + third * 256
          : first & 63;
    let stream = this.inPackets.get(cid);
    if (stream === undefined) {
      if (this.inPackets.size >= CHUNK_STREAMS_MAX) throw new ProtocolFault('too many chunk streams');
      if (format === CHUNK_TYPE_3) throw new ProtocolFault('a chunk without a header');
      const header = { fmt: format, cid, timestamp: 0, length: 0, type: 0, stream_id: 0 };
      stream = { header, clock: 0, payload: Buffer.alloc(0), capacity: 0, bytes: 0 };
      this.inPackets.set(cid, stream);
    }
    if (stream.bytes > 0 && format !== CHUNK_TYPE_3) throw new ProtocolFault('a new header inside a message');
    this.parserPacket = stream;
    stream.header.fmt = format;
    this.chunkMessageHeaderRead();
  }

  override packetAlloc(): void {
    const stream = this.parserPacket;
    const { length, type } = stream.header;
    if (length > this.#limitOf(type))
      throw new ProtocolFault(`a message of type ${type} with ${length} bytes`);
    stream.payload = Buffer.allocUnsafe(length);
    stream.capacity = length;
  }

  override packetHandler(): void {
    const stream = this.parserPacket;
    if (stream.header.length > 0) super.packetHandler();
    stream.payload = Buffer.alloc(0);
    stream.capacity = 0;
  }

  override controlHandler(): void {
    const { header, payload } = this.parserPacket;
    if (payload.length < 4) throw new ProtocolFault('a short control message');
    if (header.type === MESSAGE.setChunkSize) {
      const size = payload.readUInt32BE(0);
      if (size < 1 || size > CHUNK_SIZE_MAX) throw new ProtocolFault(`chunk size ${size}`);
      this.inChunkSize = size;
    } else if (header.type === MESSAGE.windowAckSize)
      this.#ackBytes = Math.max(ACK_MIN_BYTES, payload.readUInt32BE(0) >>> 1);
  }

  override eventHandler(): void {
    const { payload } = this.parserPacket;
    if (payload.length < 6 || payload.readUInt16BE(0) !== USER_EVENT.pingRequest) return;
    const pong = Buffer.from('020000000000060400000000000000000000', 'hex');
    pong.writeUInt16BE(USER_EVENT.pingResponse, 12);
    payload.copy(pong, 14, 2, 6);
    this.onOutputCallback(pong);
  }

  override invokeHandler(): void {
    const { header, payload } = this.parserPacket;
    // An AMF3 command begins with a byte that says so, and goes on in AMF0.
    const body = payload.subarray(header.type === MESSAGE.amf3Command ? 1 : 0);
    const command = amf.decodeAmf0Cmd(body);
    if (typeof command['cmd'] !== 'string') throw new ProtocolFault('a command without a name');
    this.#listener.onCommand(command, header.stream_id);
  }

  override dataHandler(): void {
    const { header, clock, payload } = this.parserPacket;
    const kind = header.type === MESSAGE.audio ? 'audio' : header.type === MESSAGE.video ? 'video' : 'data';
    this.#listener.onMedia(kind, clock, payload);
  }

  #limitOf(type: number): number {
    if (type !== MESSAGE.audio && type !== MESSAGE.video) return CONTROL_MESSAGE_MAX_BYTES;
    const { phase } = this.#listener;
    return phase === 'publish' ? MEDIA_MESSAGE_MAX_BYTES : phase === 'early' ? EARLY_MESSAGE_MAX_BYTES : 0;
  }
}
