import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import {
  SRTP_OVERHEAD_MAX_BYTES,
  type SrtpProfile,
  SrtpReceiver,
  SrtpSender,
  type SrtpSendStream,
} from '@switchyard/shared/srtp';
import type { Certificate } from '../../../gateways/webrtc/server/transport/certificate.ts';
import { DtlsSession } from '../../../gateways/webrtc/server/transport/dtls-session.ts';
import { writeBindingRequest } from '../../../gateways/webrtc/server/transport/stun-message.ts';
import { type AnswerFacts, readLoadAnswer, type Ssrcs, writeLoadOffer } from './load-sdp.ts';

const CHECK_INTERVAL_MS = 100;
const CONNECT_TIMEOUT_MS = 30_000;
const SOCKET_BUFFER_BYTES = 2 << 20;
const BINDING_SUCCESS = 0x0101;

export interface LoadTransportOptions {
  /** WHIP or WHEP address. */
  readonly url: string;
  readonly direction: 'sendonly' | 'recvonly';
  readonly video: boolean;
  readonly audio: boolean;
  readonly ssrcs: Ssrcs;
  /** Transport-wide feedback is offered; publishers always do. */
  readonly transportCc?: boolean;
  readonly certificate: Certificate;
  /** `Authorization: Bearer`, for servers that want one. */
  readonly token?: string | undefined;
  /** SRTP as it came; the bytes are valid during the call. Hot path. */
  onRtp(datagram: Buffer): void;
  /** A decrypted compound. */
  onRtcp(compound: Buffer): void;
}

/** One WebRTC connection with a socket of its own: HTTP offer and answer, ICE as controlling agent, DTLS client, SRTP. */
export class LoadTransport {
  readonly #options: LoadTransportOptions;
  readonly #ufrag = randomBytes(4).toString('hex');
  readonly #password = randomBytes(16).toString('hex');
  readonly #socket: Socket;
  #server: AnswerFacts | undefined;
  #dtls: DtlsSession | undefined;
  #checked = false;
  #resource = '';
  #ended = false;
  #srtpOut: SrtpSender | undefined;
  srtpIn: SrtpReceiver | undefined;
  profile: SrtpProfile | undefined;

  constructor(options: LoadTransportOptions) {
    this.#options = options;
    this.#socket = createSocket({
      type: 'udp4',
      recvBufferSize: SOCKET_BUFFER_BYTES,
      lookup: (host, _options, done) => done(null, host, 4),
    });
    this.#socket.on('error', () => {});
    this.#socket.on('message', (datagram) => this.#handle(datagram));
  }

  /** Address of the session at the server, for PATCH and DELETE. */
  get resource(): string {
    return this.#resource;
  }

  /** Ended by the server, or by {@link close}. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Resolves when SRTP is up. @throws when the server refuses or nothing connects within the time. */
  async connect(): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.bind(0, '127.0.0.1', resolve));
    const { url, certificate, token, direction, transportCc } = this.#options;
    const offer = writeLoadOffer(
      {
        ...this.#options,
        transportCc: transportCc ?? direction === 'sendonly',
        ufrag: this.#ufrag,
        password: this.#password,
        fingerprint: certificate.fingerprint,
      },
      this.#options.ssrcs,
    );
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/sdp',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: offer,
    });
    const body = await response.text();
    if (response.status !== 201) throw new Error(`${url}: ${response.status} ${body}`);
    this.#resource = new URL(response.headers.get('location') ?? '', url).href;
    this.#server = readLoadAnswer(body);
    await this.#handshake(this.#server.fingerprints);
  }

  /** An ICE check, which is also consent and proof of life. */
  check(): void {
    if (this.#server === undefined || this.#ended) return;
    const { ufrag, password } = this.#server;
    this.#send(writeBindingRequest(randomBytes(12), `${ufrag}:${this.#ufrag}`, password));
  }

  /** Protects in place and sends. `bytes` has room for the tag, and stays as it is until the next turn. */
  sendRtp(
    stream: SrtpSendStream,
    bytes: Buffer,
    headerLength: number,
    length: number,
    ssrc: number,
    seq: number,
  ): void {
    if (this.#srtpOut === undefined) return;
    const sealed = this.#srtpOut.protectRtp(stream, bytes, headerLength, length, ssrc, seq);
    this.#socket.send(bytes, 0, sealed, this.#server?.port, this.#server?.address, IGNORE);
  }

  sendRtcp(packet: Uint8Array): void {
    if (this.#srtpOut === undefined) return;
    const bytes = Buffer.alloc(packet.length + SRTP_OVERHEAD_MAX_BYTES);
    bytes.set(packet);
    this.#send(bytes.subarray(0, this.#srtpOut.protectRtcp(bytes, packet.length)));
  }

  /** Bytes as they are, from the address that ICE has validated. */
  sendRaw(bytes: Buffer): void {
    this.#send(bytes);
  }

  /** Ends by DELETE, as a polite client does. */
  async close(): Promise<void> {
    await this.vanish();
    if (this.#resource !== '') await fetch(this.#resource, { method: 'DELETE' }).catch(() => {});
  }

  /** Ends without a word to the server but the DTLS close. */
  async vanish(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#dtls?.close();
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  async #handshake(fingerprints: AnswerFacts['fingerprints']): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const checks = setInterval(() => this.check(), CHECK_INTERVAL_MS);
      const deadline = setTimeout(() => settle(new Error('not connected in time')), CONNECT_TIMEOUT_MS);
      const settle = (error?: Error): void => {
        clearInterval(checks);
        clearTimeout(deadline);
        if (error === undefined) resolve();
        else reject(error);
      };
      this.#dtls = new DtlsSession({
        certificate: this.#options.certificate,
        role: 'client',
        fingerprints,
        send: (datagram) => this.#send(datagram),
        listener: {
          onConnected: (profile, local, remote) => {
            this.#srtpOut = new SrtpSender(profile, local);
            this.srtpIn = new SrtpReceiver(profile, remote);
            this.profile = profile;
            settle();
          },
          onData: () => {},
          onEnded: (reason, detail) => {
            settle(new Error(`DTLS ${reason}: ${detail}`));
            this.#ended = true;
          },
        },
      });
      this.check();
    });
  }

  #send(bytes: Buffer): void {
    if (this.#server === undefined || this.#ended) return;
    this.#socket.send(bytes, 0, bytes.length, this.#server.port, this.#server.address, IGNORE);
  }

  /** First bytes tell the protocol (RFC 7983 §7). Hot path. */
  #handle(datagram: Buffer): void {
    const first = datagram[0] ?? 0;
    if (first >= 128) {
      const second = (datagram[1] ?? 0) & 127;
      if (second < 64 || second >= 96) this.#options.onRtp(datagram);
      else {
        const length = this.srtpIn?.unprotectRtcp(datagram, datagram.length) ?? -1;
        if (length > 0) this.#options.onRtcp(datagram.subarray(0, length));
      }
    } else if (first >= 20) this.#dtls?.input(datagram);
    else if (!this.#checked && datagram.length >= 20 && datagram.readUInt16BE(0) === BINDING_SUCCESS) {
      this.#checked = true;
      this.#dtls?.start();
    }
  }
}

const IGNORE = (): void => {};
