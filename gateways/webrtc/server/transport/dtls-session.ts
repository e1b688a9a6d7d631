import {
  SRTP_KEY_BYTES,
  SRTP_PROFILES,
  type SrtpKeys,
  type SrtpProfile,
  srtpSaltBytes,
} from '@switchyard/shared/srtp';
import { DtlsClient, DtlsServer } from 'werift';
import type { Fingerprint } from '../peer-contract.ts';
import type { Certificate } from './certificate.ts';
import { isFinished, isSignedBy, matchesFingerprint } from './dtls-checks.ts';

/** Handshake types (RFC 5246 §7.4, RFC 6347 §4.3.2). */
const HANDSHAKE = {
  clientHello: 1,
  serverHello: 2,
  helloVerify: 3,
  certificate: 11,
  serverKeyExchange: 12,
  serverHelloDone: 14,
  certificateVerify: 15,
  clientKeyExchange: 16,
  finished: 20,
} as const;
const CLIENT_FLIGHT: ReadonlySet<number> = new Set([
  HANDSHAKE.certificate,
  HANDSHAKE.certificateVerify,
  HANDSHAKE.clientKeyExchange,
  HANDSHAKE.finished,
]);
const RECORD = { alert: 21, handshake: 22, applicationData: 23 } as const;
const RECORD_HEADER_BYTES = 13;
/** Explicit nonce 8 and tag 16 of AEAD records. */
const AEAD_OVERHEAD_BYTES = 24;
const REPLAY_WINDOW = 64;
/** Handshake messages that wait for an earlier one. */
const PENDING_MAX = 16;
/** Most bytes of application data that are encrypted into one record. */
export const DTLS_MESSAGE_MAX_BYTES: number = 16_000;

type Handshake = Parameters<DtlsServer['onHandleHandshakes']>[0][number];

export interface DtlsListener {
  onConnected(profile: SrtpProfile, local: SrtpKeys, remote: SrtpKeys): void;
  onData(data: Buffer): void;
  /** The handshake failed, or the other side closed. Called once, nothing after it. */
  onEnded(reason: 'failed' | 'closed', detail: string): void;
}

export interface DtlsSessionOptions {
  readonly certificate: Certificate;
  readonly role: 'client' | 'server';
  /** Of the other side, from its SDP. */
  readonly fingerprints: readonly Fingerprint[];
  readonly send: (datagram: Buffer) => void;
  readonly listener: DtlsListener;
}

/**
 * DTLS 1.2 of one client: werift's state machine inside a wrapper that verifies what werift does not (order of messages,
 * fingerprint, signatures, Finished) and, once connected, its own record layer, which drops plaintext and replays.
 */
export class DtlsSession {
  readonly #options: DtlsSessionOptions;
  readonly #socket: DtlsServer | DtlsClient;
  readonly #receive: { onData: (datagram: Buffer) => void };
  readonly #pending = new Map<number, Handshake>();
  #nextMessage: number | undefined;
  #serverCertificate: Buffer | undefined;
  #isVerified = false;
  #isAuthentic = false;
  #isFinished = false;
  #connected = false;
  #ended = false;
  #started = false;
  #highestRecord = -1;
  readonly #records = new Float64Array(REPLAY_WINDOW).fill(-1);
  /** Records that were refused after the handshake: plaintext, replayed or forged. */
  refusedRecords = 0;

  constructor(options: DtlsSessionOptions) {
    this.#options = options;
    const transport = {
      type: 'udp',
      address: { address: '', family: 'IPv4', port: 0 },
      closed: false,
      onData: (_datagram: Buffer): void => {},
      send: async (datagram: Buffer): Promise<void> => options.send(datagram),
      close: async (): Promise<void> => {},
    };
    this.#receive = transport;
    const { certPem, keyPem, signatureHash } = options.certificate;
    const settings = {
      cert: certPem,
      key: keyPem,
      signatureHash,
      transport: transport as unknown as NonNullable<
        ConstructorParameters<typeof DtlsServer>[0]
      >['transport'],
      srtpProfiles: [SRTP_PROFILES.aes128CmSha1_80, SRTP_PROFILES.aeadAes128Gcm],
      extendedMasterSecret: true,
      // As client nothing is asked of the server's side (FFmpeg's WHIP would refuse).
      certificateRequest: options.role === 'server',
    };
    const socket = options.role === 'server' ? new DtlsServer(settings) : new DtlsClient(settings);
    this.#socket = socket;
    const inner = socket.onHandleHandshakes;
    const pass = (message: Handshake): Promise<void> => inner([message]);
    socket.onHandleHandshakes = async (messages) => {
      for (const message of messages)
        await (options.role === 'server' ? this.#asServer(message, pass) : this.#asClient(message, pass));
    };
    socket.onConnect.subscribe(() => this.#onConnect());
    socket.onError.subscribe((error: Error) => this.#fail(error.message));
    socket.onClose.subscribe(() => this.#end('closed', 'closed'));
  }

  get isConnected(): boolean {
    return this.#connected && !this.#ended;
  }

  /** As client: sends the ClientHello, once. As server: nothing. */
  start(): void {
    if (this.#started || this.#ended) return;
    this.#started = true;
    if (this.#socket instanceof DtlsClient)
      this.#socket.connect().catch((error: unknown) => this.#fail(messageOf(error)));
  }

  /** A datagram whose first byte says DTLS, from an address that ICE has validated. */
  input(datagram: Buffer): void {
    if (this.#ended) return;
    if (this.#connected) {
      this.#readRecords(datagram);
      return;
    }
    try {
      this.#receive.onData(datagram);
    } catch (error) {
      this.#fail(messageOf(error));
    }
  }

  /** Application data; lost silently before the handshake and after the end. */
  async send(data: Buffer): Promise<void> {
    if (!this.isConnected || data.length > DTLS_MESSAGE_MAX_BYTES) return;
    await this.#socket.send(data);
  }

  /** Says close_notify. Idempotent; the listener hears nothing. */
  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    try {
      this.#socket.close();
    } catch {
      // Before the keys are there nothing can be said.
    }
  }

  async #asServer(message: Handshake, pass: (message: Handshake) => Promise<void>): Promise<void> {
    const { msg_type: type, message_seq: seq } = message;
    if (this.#connected) {
      // The client did not get our last flight: it is sent again, nothing else happens.
      if (type === HANDSHAKE.finished) await pass(message);
      return;
    }
    if (type === HANDSHAKE.clientHello) {
      this.#pending.clear();
      this.#nextMessage = seq + 1;
      await pass(message);
      return;
    }
    if (this.#nextMessage === undefined || seq < this.#nextMessage) return;
    for (const next of this.#inOrder(message)) {
      if (!CLIENT_FLIGHT.has(next.msg_type)) throw new Error(`unexpected handshake message ${next.msg_type}`);
      if (next.msg_type === HANDSHAKE.certificateVerify) this.#checkCertificateVerify(next.fragment);
      if (next.msg_type === HANDSHAKE.finished) this.#checkFinished(next.fragment, 'client finished');
      await pass(next);
    }
  }

  async #asClient(message: Handshake, pass: (message: Handshake) => Promise<void>): Promise<void> {
    if (this.#connected) return;
    const { msg_type: type, message_seq: seq } = message;
    if (type === HANDSHAKE.helloVerify) {
      // Again, because our first hello was repeated: werift takes one only, and repeats the second hello by itself.
      if (this.#isVerified) return;
      this.#isVerified = true;
      this.#nextMessage = undefined;
      await pass(message);
      return;
    }
    if (this.#nextMessage === undefined) {
      if (type !== HANDSHAKE.serverHello) return;
      this.#nextMessage = seq;
      this.#pending.clear();
    }
    if (seq < this.#nextMessage) return;
    for (const next of this.#inOrder(message)) {
      if (next.msg_type === HANDSHAKE.certificate) this.#serverCertificate = firstCertificate(next.fragment);
      if (next.msg_type === HANDSHAKE.serverKeyExchange) this.#checkServerKeyExchange(next.fragment);
      if (next.msg_type === HANDSHAKE.serverHelloDone && !this.#isAuthentic)
        throw new Error('server not authenticated');
      if (next.msg_type === HANDSHAKE.finished) this.#checkFinished(next.fragment, 'server finished');
      // werift waits inside for messages that come after this one: it must not be waited for.
      pass(next).catch((error: unknown) => this.#fail(messageOf(error)));
    }
  }

  /** The messages that are next in line, now that `message` has come. */
  *#inOrder(message: Handshake): Generator<Handshake> {
    if (this.#pending.size < PENDING_MAX) this.#pending.set(message.message_seq, message);
    while (this.#nextMessage !== undefined) {
      const next = this.#pending.get(this.#nextMessage);
      if (next === undefined) return;
      this.#pending.delete(this.#nextMessage);
      this.#nextMessage += 1;
      yield next;
    }
  }

  #transcript(): Buffer {
    return Buffer.concat(this.#socket.dtls.sortedHandshakeCache.map((message) => message.serialize()));
  }

  /** RFC 5246 §7.4.8: the client holds the key of the certificate whose fingerprint its SDP said. */
  #checkCertificateVerify(fragment: Buffer): void {
    const certificate = this.#socket.cipher.remoteCertificate;
    if (certificate === undefined) throw new Error('no certificate');
    if (!matchesFingerprint(certificate, this.#options.fingerprints)) throw new Error('fingerprint mismatch');
    if (fragment.length < 4) throw new Error('CertificateVerify is cut');
    const signature = fragment.subarray(4, 4 + fragment.readUInt16BE(2));
    if (!isSignedBy(certificate, fragment.readUInt16BE(0), signature, this.#transcript()))
      throw new Error('CertificateVerify has a wrong signature');
    this.#isAuthentic = true;
  }

  /** RFC 8422 §5.4: the server signed its ephemeral key with the certificate whose fingerprint its SDP said. */
  #checkServerKeyExchange(fragment: Buffer): void {
    const certificate = this.#serverCertificate;
    if (certificate === undefined) throw new Error('no certificate');
    if (!matchesFingerprint(certificate, this.#options.fingerprints)) throw new Error('fingerprint mismatch');
    const keyEnd = 4 + (fragment[3] ?? 0);
    if (fragment.length < keyEnd + 4) throw new Error('ServerKeyExchange is cut');
    const { localRandom, remoteRandom } = this.#socket.cipher;
    const data = Buffer.concat([
      localRandom.serialize(),
      remoteRandom.serialize(),
      fragment.subarray(0, keyEnd),
    ]);
    const signature = fragment.subarray(keyEnd + 4, keyEnd + 4 + fragment.readUInt16BE(keyEnd + 2));
    if (!isSignedBy(certificate, fragment.readUInt16BE(keyEnd), signature, data))
      throw new Error('ServerKeyExchange has a wrong signature');
    this.#isAuthentic = true;
  }

  #checkFinished(fragment: Buffer, label: 'client finished' | 'server finished'): void {
    if (!this.#isAuthentic) throw new Error('Finished before the certificate was proven');
    if (!isFinished(fragment, this.#socket.cipher.masterSecret, label, this.#transcript()))
      throw new Error('Finished does not match');
    this.#isFinished = true;
  }

  #onConnect(): void {
    if (this.#connected || this.#ended) return;
    const profile = this.#socket.srtp.srtpProfile;
    if (!this.#isAuthentic || !this.#isFinished) this.#fail('the handshake is not authenticated');
    else if (profile !== SRTP_PROFILES.aes128CmSha1_80 && profile !== SRTP_PROFILES.aeadAes128Gcm)
      this.#fail('no SRTP profile in common');
    else {
      this.#connected = true;
      const keys: Readonly<Record<'localKey' | 'localSalt' | 'remoteKey' | 'remoteSalt', Buffer>> =
        this.#socket.extractSessionKeys(SRTP_KEY_BYTES, srtpSaltBytes(profile));
      this.#options.listener.onConnected(
        profile,
        { masterKey: keys.localKey, masterSalt: keys.localSalt },
        { masterKey: keys.remoteKey, masterSalt: keys.remoteSalt },
      );
    }
  }

  /** Records after the handshake (RFC 6347 §4.1): encrypted ones of epoch 1 only, each once. */
  #readRecords(datagram: Buffer): void {
    let at = 0;
    while (at + RECORD_HEADER_BYTES <= datagram.length && !this.#ended) {
      const end = at + RECORD_HEADER_BYTES + datagram.readUInt16BE(at + 11);
      if (end > datagram.length) return;
      this.#readRecord(datagram.subarray(at, end));
      at = end;
    }
  }

  #readRecord(record: Buffer): void {
    const type = record[0] ?? 0;
    const epoch = record.readUInt16BE(3);
    const seq = record.readUIntBE(5, 6);
    const slot = seq % REPLAY_WINDOW;
    const isOld = seq <= this.#highestRecord - REPLAY_WINDOW || this.#records[slot] === seq;
    const length = record.length - RECORD_HEADER_BYTES;
    const data =
      epoch === 1 && length > AEAD_OVERHEAD_BYTES && !isOld
        ? this.#decrypt(record, type, epoch, seq)
        : undefined;
    if (data === undefined) {
      this.refusedRecords += 1;
      return;
    }
    this.#records[slot] = seq;
    this.#highestRecord = Math.max(this.#highestRecord, seq);
    if (type === RECORD.applicationData) this.#options.listener.onData(data);
    // Fatal, or close_notify.
    else if (type === RECORD.alert && data.length === 2 && (data[0] === 2 || data[1] === 0))
      this.#end('closed', 'alert');
    else if (type === RECORD.handshake && data[0] === HANDSHAKE.finished)
      for (const message of this.#socket.dtls.lastMessage) this.#options.send(message);
  }

  #decrypt(record: Buffer, contentType: number, epoch: number, sequenceNumber: number): Buffer | undefined {
    const contentLen = record.length - RECORD_HEADER_BYTES;
    const protocolVersion = { major: record[1] ?? 0, minor: record[2] ?? 0 };
    const recordLayerHeader = { contentType, protocolVersion, epoch, sequenceNumber, contentLen };
    type Plaintext = Parameters<DtlsServer['cipher']['decryptPacket']>[0];
    const plaintext = {
      recordLayerHeader,
      fragment: record.subarray(RECORD_HEADER_BYTES),
    } as unknown as Plaintext;
    try {
      return this.#socket.cipher.decryptPacket(plaintext);
    } catch {
      return undefined;
    }
  }

  #fail(detail: string): void {
    this.#end('failed', detail);
  }

  #end(reason: 'failed' | 'closed', detail: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.listener.onEnded(reason, detail);
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The first certificate of a Certificate message (RFC 5246 §7.4.2). */
function firstCertificate(fragment: Buffer): Buffer | undefined {
  if (fragment.length < 6) return undefined;
  const end = 6 + fragment.readUIntBE(3, 3);
  return end <= fragment.length ? Buffer.from(fragment.subarray(6, end)) : undefined;
}
