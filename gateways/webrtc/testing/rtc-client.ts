import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { connect as connectTcp, type Socket as TcpSocket } from 'node:net';
import { emptyRtpHeader, readRtpHeader } from '@switchyard/shared/media';
import { SRTP_OVERHEAD_MAX_BYTES, SrtpReceiver, SrtpSender, SrtpSendStream } from '@switchyard/shared/srtp';
import { Event, RTCDataChannel, RTCDataChannelParameters, RTCSctpTransport } from 'werift';
import type { Fingerprint, IceCredentials } from '../server/peer-contract.ts';
import type { Certificate } from '../server/transport/certificate.ts';
import { DtlsSession } from '../server/transport/dtls-session.ts';
import { guardRejections } from '../server/transport/guard-rejections.ts';
import { writeBindingRequest } from '../server/transport/stun-message.ts';

const CHECK_INTERVAL_MS = 50;

export interface RtcClientOptions {
  /** What it shows and signs with. */
  readonly certificate: Certificate;
  readonly role: 'client' | 'server';
  readonly serverFingerprint: Fingerprint;
  readonly credentials: IceCredentials;
  readonly address: string;
  readonly port: number;
  readonly transport?: 'udp' | 'tcp';
}

/** One datagram path of a client: a UDP socket of its own, or a connection with RFC 4571 frames. */
export class ClientPath {
  readonly #udp: Socket | undefined;
  readonly #tcp: TcpSocket | undefined;
  readonly #options: Pick<RtcClientOptions, 'address' | 'port'>;
  onDatagram: (datagram: Buffer) => void = () => {};
  isClosed = false;

  private constructor(options: Pick<RtcClientOptions, 'address' | 'port'>, udp?: Socket, tcp?: TcpSocket) {
    this.#options = options;
    this.#udp = udp;
    this.#tcp = tcp;
    udp?.on('message', (datagram) => this.onDatagram(datagram));
    let rest = Buffer.alloc(0);
    tcp?.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
        const end = 2 + rest.readUInt16BE(0);
        this.onDatagram(Buffer.from(rest.subarray(2, end)));
        rest = rest.subarray(end);
      }
    });
    tcp?.on('close', () => {
      this.isClosed = true;
    });
    tcp?.on('error', () => {});
  }

  static async open(options: Pick<RtcClientOptions, 'address' | 'port' | 'transport'>): Promise<ClientPath> {
    if (options.transport === 'tcp') {
      const tcp = connectTcp(options.port, options.address);
      await new Promise<void>((resolve, reject) => tcp.once('connect', resolve).once('error', reject));
      return new ClientPath(options, undefined, tcp);
    }
    const isV6 = options.address.includes(':');
    const udp = createSocket(isV6 ? 'udp6' : 'udp4');
    await new Promise<void>((resolve) => udp.bind(0, isV6 ? '::1' : '127.0.0.1', resolve));
    return new ClientPath(options, udp);
  }

  send(bytes: Buffer): void {
    if (this.isClosed) return;
    this.#udp?.send(bytes, this.#options.port, this.#options.address);
    if (this.#tcp === undefined) return;
    const frame = Buffer.alloc(2 + bytes.length);
    frame.writeUInt16BE(bytes.length, 0);
    bytes.copy(frame, 2);
    this.#tcp.write(frame);
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#udp?.close();
    this.#tcp?.destroy();
  }
}

/** A WebRTC client in the process of the test: real sockets, ICE as controlling agent, DTLS, SRTP and SCTP. */
export class RtcClient {
  readonly options: RtcClientOptions;
  readonly ufrag: string = randomBytes(4).toString('hex');
  path: ClientPath;
  /** Decrypted RTP and RTCP, newest last. */
  readonly rtp: { seq: number; ssrc: number; payloadType: number; payload: Buffer }[] = [];
  readonly rtcp: Buffer[] = [];
  readonly messages: string[] = [];
  /** DTLS and SRTP as it came, before decryption. */
  readonly wire: Buffer[] = [];
  /** What DTLS and SRTP sent, encrypted. */
  readonly sent: Buffer[] = [];
  readonly dtls: DtlsSession;
  srtpOut: SrtpSender | undefined;
  srtpIn: SrtpReceiver | undefined;
  ended: string | undefined;
  credentials: IceCredentials;
  readonly #streams = new Map<number, SrtpSendStream>();
  readonly #sctp = new RTCSctpTransport();
  readonly #sctpTransport: { dataReceiver: (data: Buffer) => void; state: string };
  #responses = 0;

  private constructor(options: RtcClientOptions, path: ClientPath) {
    this.options = options;
    this.credentials = options.credentials;
    this.path = path;
    this.dtls = new DtlsSession({
      certificate: options.certificate,
      role: options.role,
      fingerprints: [options.serverFingerprint],
      send: (datagram) => this.#send(datagram),
      listener: {
        onConnected: (profile, local, remote) => {
          this.srtpOut = new SrtpSender(profile, local);
          this.srtpIn = new SrtpReceiver(profile, remote);
        },
        onData: (data) => this.#sctpTransport.dataReceiver(data),
        onEnded: (reason, detail) => {
          this.ended = `${reason}: ${detail}`;
        },
      },
    });
    const bridge = {
      dataReceiver: (_data: Buffer): void => {},
      sendData: (data: Buffer): Promise<void> => this.dtls.send(data),
      iceTransport: { role: 'controlling' },
      onStateChange: new Event(),
      state: 'connected',
    };
    this.#sctpTransport = bridge;
    // What a test sends makes the server say what werift rejects.
    guardRejections(this.#sctp, 'datachannelReceive', () => {});
    this.#sctp.setDtlsTransport(bridge as unknown as Parameters<RTCSctpTransport['setDtlsTransport']>[0]);
    guardRejections(this.#sctp.sctp, 'handleData', () => {});
    // Sends whatever a test wants.
    this.#sctp.setRemoteMaxMessageSize(0);
    this.usePath(path);
  }

  static async open(options: RtcClientOptions): Promise<RtcClient> {
    return new RtcClient(options, await ClientPath.open(options));
  }

  get isConnected(): boolean {
    return this.srtpOut !== undefined;
  }

  /** Checks answered with success. */
  get responses(): number {
    return this.#responses;
  }

  usePath(path: ClientPath): void {
    this.path = path;
    path.onDatagram = (datagram) => this.#handle(datagram);
  }

  /** A check on the current path, or another. */
  check(useCandidate = true, path: ClientPath = this.path): Buffer {
    const { ufrag, password } = this.credentials;
    const request = writeBindingRequest(randomBytes(12), `${ufrag}:${this.ufrag}`, password, useCandidate);
    path.send(request);
    return request;
  }

  /** ICE and DTLS. @throws when nothing comes of it in `ms`. */
  async connect(ms = 3000): Promise<void> {
    const deadline = performance.now() + ms;
    while (!this.isConnected && this.ended === undefined && performance.now() < deadline) {
      this.check();
      await new Promise((resolve) => setTimeout(resolve, CHECK_INTERVAL_MS));
    }
    if (!this.isConnected) throw new Error(this.ended ?? 'not connected');
  }

  /** Encrypts a plain RTP packet and sends it, or gives it back for mischief. */
  sealRtp(packet: Uint8Array): Buffer {
    const header = emptyRtpHeader();
    const bytes = Buffer.alloc(packet.length + SRTP_OVERHEAD_MAX_BYTES);
    bytes.set(packet);
    if (this.srtpOut === undefined || !readRtpHeader(bytes, packet.length, header))
      throw new Error('not connected, or no RTP');
    let stream = this.#streams.get(header.ssrc);
    if (stream === undefined) {
      stream = new SrtpSendStream();
      this.#streams.set(header.ssrc, stream);
    }
    const length = this.srtpOut.protectRtp(
      stream,
      bytes,
      header.payloadOffset,
      packet.length,
      header.ssrc,
      header.seq,
    );
    return bytes.subarray(0, length);
  }

  sealRtcp(packet: Uint8Array): Buffer {
    if (this.srtpOut === undefined) throw new Error('not connected');
    const bytes = Buffer.alloc(packet.length + SRTP_OVERHEAD_MAX_BYTES);
    bytes.set(packet);
    return bytes.subarray(0, this.srtpOut.protectRtcp(bytes, packet.length));
  }

  sendRtp(packet: Uint8Array): void {
    this.#send(this.sealRtp(packet));
  }

  sendRtcp(packet: Uint8Array): void {
    this.#send(this.sealRtcp(packet));
  }

  /** Opens a data channel; SCTP begins with the first. */
  async openChannel(
    label: string,
    options: { readonly ordered?: boolean; readonly maxRetransmits?: number } = {},
  ): Promise<RTCDataChannel> {
    if (this.#sctp.sctp.associationState === 1) await this.#sctp.start(5000);
    const channel = new RTCDataChannel(this.#sctp, new RTCDataChannelParameters({ label, ...options }));
    channel.onMessage.subscribe((message) => this.messages.push(String(message)));
    return channel;
  }

  close(): void {
    this.#sctp.stop().catch(() => {});
    this.dtls.close();
    this.path.close();
  }

  #send(datagram: Buffer): void {
    this.sent.push(Buffer.from(datagram));
    this.path.send(datagram);
  }

  #handle(datagram: Buffer): void {
    const first = datagram[0] ?? 0;
    if (first < 4) {
      if (datagram.readUInt16BE(0) !== 0x0101) return;
      this.#responses += 1;
      this.dtls.start();
      return;
    }
    this.wire.push(Buffer.from(datagram));
    if (first < 64) {
      this.dtls.input(datagram);
      return;
    }
    const second = (datagram[1] ?? 0) & 127;
    if (second >= 64 && second < 96) {
      const length = this.srtpIn?.unprotectRtcp(datagram, datagram.length) ?? -1;
      if (length > 0) this.rtcp.push(Buffer.from(datagram.subarray(0, length)));
      return;
    }
    const header = emptyRtpHeader();
    if (this.srtpIn === undefined || !readRtpHeader(datagram, datagram.length, header)) return;
    const { seq, ssrc, payloadType, payloadOffset } = header;
    const length = this.srtpIn.unprotectRtp(datagram, payloadOffset, datagram.length, ssrc, seq);
    if (length < 0) return;
    this.rtp.push({ seq, ssrc, payloadType, payload: Buffer.from(datagram.subarray(payloadOffset, length)) });
  }
}
