import type { Socket as UdpSocket } from 'node:dgram';
import type { Socket } from 'node:net';
import { MESSAGE_MAX_BYTES } from './sip-scan.ts';

/** Unsent bytes above which a TCP peer that does not read is cut. */
const SEND_QUEUE_MAX_BYTES = 1 << 20;

/** One way to one peer: a UDP address or a TCP connection. */
export interface SipFlow {
  readonly transport: 'UDP' | 'TCP';
  readonly address: string;
  readonly port: number;
  /** TCP delivers; UDP needs the timers of RFC 3261 §17. */
  readonly reliable: boolean;
  send(message: string): void;
}

export class UdpFlow implements SipFlow {
  readonly transport = 'UDP' as const;
  readonly reliable = false as const;
  readonly address: string;
  readonly port: number;
  readonly #socket: UdpSocket;

  constructor(socket: UdpSocket, address: string, port: number) {
    this.#socket = socket;
    this.address = address;
    this.port = port;
  }

  send(message: string): void {
    this.#socket.send(message, this.port, this.address, () => {});
  }
}

/** Messages of a TCP connection, framed by Content-Length (RFC 3261 §18.3). */
export class TcpFlow implements SipFlow {
  readonly transport = 'TCP' as const;
  readonly reliable = true as const;
  readonly address: string;
  readonly port: number;
  readonly #socket: Socket;
  readonly #onMessage: (message: string) => void;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(socket: Socket, onMessage: (message: string) => void, onClose: () => void) {
    this.#socket = socket;
    this.#onMessage = onMessage;
    this.address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    this.port = socket.remotePort ?? 0;
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    // 'close' follows every 'error'.
    socket.on('error', () => {});
    socket.on('close', onClose);
  }

  send(message: string): void {
    if (this.#socket.destroyed) return;
    if (this.#socket.writableLength > SEND_QUEUE_MAX_BYTES) this.#socket.destroy();
    else this.#socket.write(message);
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(bytes: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? bytes : Buffer.concat([this.#buffer, bytes]);
    for (;;) {
      this.#skipKeepAlive();
      const headEnd = this.#buffer.indexOf('\r\n\r\n');
      if (headEnd < 0) {
        if (this.#buffer.length > MESSAGE_MAX_BYTES) this.#socket.destroy();
        return;
      }
      const head = this.#buffer.toString('latin1', 0, headEnd + 2);
      const length = Number(/\r\n(?:content-length|l)[ \t]*:[ \t]*(\d{1,9})[ \t]*\r\n/i.exec(head)?.[1] ?? 0);
      const end = headEnd + 4 + length;
      if (end > MESSAGE_MAX_BYTES) {
        this.#socket.destroy();
        return;
      }
      if (this.#buffer.length < end) return;
      const message = this.#buffer.toString('utf8', 0, end);
      this.#buffer = this.#buffer.subarray(end);
      this.#onMessage(message);
    }
  }

  /** A double CRLF between messages asks for a single one (RFC 5626 §4.4.1). */
  #skipKeepAlive(): void {
    let at = 0;
    while (this.#buffer[at] === 13 && this.#buffer[at + 1] === 10) at += 2;
    if (at >= 4) this.#socket.write('\r\n');
    if (at > 0) this.#buffer = this.#buffer.subarray(at);
  }
}
