import { get } from 'node:http';
import type { Socket } from 'node:net';

const TEXT = 0x81;
const CLOSE = 0x88;

/** A WebSocket client that may send what a proper one would not (RFC 6455 §5.2). */
export class RawWebSocket {
  readonly messages: unknown[] = [];
  closed = false;
  /** Code of the server's close frame. */
  closeCode = 0;
  readonly #socket: Socket;
  #unread: Buffer;

  private constructor(socket: Socket, head: Buffer) {
    this.#socket = socket;
    this.#unread = head;
    socket.on('data', (chunk: Buffer) => {
      this.#unread = Buffer.concat([this.#unread, chunk]);
      this.#read();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
    });
    this.#read();
  }

  static open(port: number, path: string): Promise<RawWebSocket> {
    return new Promise((resolve, reject) => {
      const headers = {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': Buffer.alloc(16).toString('base64'),
      };
      const request = get({ host: '127.0.0.1', port, path, headers });
      request.once('upgrade', (_, socket, head) => resolve(new RawWebSocket(socket, head)));
      request.once('response', (response) => reject(new Error(`HTTP ${response.statusCode}`)));
      request.once('error', reject);
    });
  }

  text(text: string): void {
    this.frame(TEXT, Buffer.from(text));
  }

  json(message: object): void {
    this.text(JSON.stringify(message));
  }

  /** One frame, masked with zeros. */
  frame(firstByte: number, payload: Buffer): void {
    const { length } = payload;
    const header = length < 126 ? Buffer.alloc(6) : Buffer.alloc(14);
    header[0] = firstByte;
    header[1] = 0x80 | (length < 126 ? length : 127);
    if (length >= 126) header.writeBigUInt64BE(BigInt(length), 2);
    this.bytes(Buffer.concat([header, payload]));
  }

  bytes(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(): void {
    for (;;) {
      const short = (this.#unread[1] ?? 0) & 127;
      const start = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (this.#unread.length < start) return;
      const length =
        short < 126
          ? short
          : short === 126
            ? this.#unread.readUInt16BE(2)
            : Number(this.#unread.readBigUInt64BE(2));
      if (this.#unread.length < start + length) return;
      const payload = this.#unread.subarray(start, start + length);
      if (this.#unread[0] === TEXT) this.messages.push(JSON.parse(payload.toString()));
      if (this.#unread[0] === CLOSE && payload.length >= 2) this.closeCode = payload.readUInt16BE(0);
      this.#unread = this.#unread.subarray(start + length);
    }
  }
}
