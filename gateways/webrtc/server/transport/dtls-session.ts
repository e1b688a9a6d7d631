import { sign } from 'node:crypto';
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
import {
  DTLS_RECORD,
  forEachRecord,
  HANDSHAKE,
  HandshakeAssembler,
  hasCookie,
  RECORD_HEADER_BYTES,
} from './dtls-record.ts';
import { DtlsRecordLayer } from './dtls-record-layer.ts';
import { HandshakeOrder } from './handshake-order.ts';

/** Level warning, description 0. */
const CLOSE_NOTIFY: Buffer = Buffer.from([1, 0]);
/** werift's number of the flight that begins with ServerHello, and one behind all of them. */
const SERVER_HELLO_FLIGHT = 4;
const NO_FLIGHT = 99;
/** Handshake messages that wait for an earlier one. */
const PENDING_MAX = 16;
/** ClientHellos that are answered: each costs a key pair. */
const HELLOS_MAX = 16;
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
  readonly #assembler = new HandshakeAssembler();
  readonly #order: HandshakeOrder;
  readonly #pending = new Map<number, Handshake>();
  /** Epoch of the record whose messages werift hands over now. */
  #epoch = 0;
  #hellos = 0;
  #nextMessage: number | undefined;
  #serverCertificate: Buffer | undefined;
  #isAuthentic = false;
  #isFinished = false;
  /** Since the handshake is through. */
  #records: DtlsRecordLayer | undefined;
  #ended = false;
  #started = false;
  /** Records that were refused: malformed, not of this moment, plaintext after the handshake, replayed or forged. */
  refusedRecords = 0;

  constructor(options: DtlsSessionOptions) {
    this.#options = options;
    this.#order = new HandshakeOrder(options.role);
    const transport = {
      type: 'udp',
      address: { address: '', family: 'IPv4', port: 0 },
      closed: false,
      onData: (_datagram: Buffer): void => {},
      send: async (datagram: Buffer): Promise<void> => {
        // Flights are repeated for half a minute, whatever became of the session.
        if (!this.#ended) options.send(datagram);
      },
      close: async (): Promise<void> => {},
    };
    this.#receive = transport;
    const settings = {
      signatureHash: options.certificate.signatureHash,
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
    useCertificate(socket.cipher, options.certificate);
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
    return this.#records !== undefined && !this.#ended;
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
    forEachRecord(datagram, (record) => {
      if (this.#ended) return;
      if (this.#records !== undefined) this.#readRecord(this.#records, record);
      else this.#readHandshake(record);
    });
  }

  /** Application data; lost silently before the handshake and after the end. */
  async send(data: Buffer): Promise<void> {
    if (!this.isConnected || data.length > DTLS_MESSAGE_MAX_BYTES) return;
    await this.#socket.send(data);
  }

  /** Says close_notify. Idempotent; the listener hears nothing. */
  close(): void {
    if (this.#ended) return;
    if (this.#records !== undefined) {
      const { dtls } = this.#socket;
      dtls.recordSequenceNumber += 1;
      this.#options.send(this.#records.seal(DTLS_RECORD.alert, dtls.recordSequenceNumber, CLOSE_NOTIFY));
    }
    this.#finish();
  }

  /** Records before the end of the handshake: whole messages go to werift, one at a time, and nothing else does. */
  #readHandshake(record: Buffer): void {
    const epoch = record.readUInt16BE(3);
    if (record[0] === DTLS_RECORD.changeCipherSpec) return;
    if (record[0] !== DTLS_RECORD.handshake || epoch > 1) this.refusedRecords += 1;
    else if (epoch === 1) this.#deliver(record, 1);
    else if (
      !this.#assembler.add(record.subarray(RECORD_HEADER_BYTES), (message) => this.#deliver(message, 0))
    )
      this.refusedRecords += 1;
  }

  #deliver(record: Buffer, epoch: number): void {
    if (this.#ended) return;
    this.#epoch = epoch;
    try {
      this.#receive.onData(record);
    } catch {
      this.refusedRecords += 1;
    }
  }

  async #asServer(message: Handshake, pass: (message: Handshake) => Promise<void>): Promise<void> {
    const { msg_type: type, message_seq: seq } = message;
    if (this.#records !== undefined) return;
    if (type === HANDSHAKE.clientHello) {
      await this.#clientHello(message, pass);
      return;
    }
    if (this.#nextMessage === undefined || seq < this.#nextMessage) return;
    this.#checkEpoch(type);
    for (const next of this.#inOrder(message)) {
      if (next.msg_type === HANDSHAKE.certificateVerify) this.#checkCertificateVerify(next.fragment);
      if (next.msg_type === HANDSHAKE.finished) this.#checkFinished(next.fragment, 'client finished');
      await pass(next);
    }
  }

  /** Once our flight is out, a repeated hello has it sent again and changes nothing: not the keys, not what is next. */
  async #clientHello(message: Handshake, pass: (message: Handshake) => Promise<void>): Promise<void> {
    this.#hellos += 1;
    if (this.#hellos > HELLOS_MAX || this.#epoch !== 0) return;
    if (this.#nextMessage !== undefined) {
      if (hasCookie(message.fragment) && this.#socket.dtls.flight === SERVER_HELLO_FLIGHT)
        await pass(message);
      return;
    }
    const done = pass(message);
    if (this.#socket.dtls.flight === SERVER_HELLO_FLIGHT) this.#nextMessage = message.message_seq + 1;
    await done;
  }

  async #asClient(message: Handshake, pass: (message: Handshake) => Promise<void>): Promise<void> {
    if (this.#records !== undefined) return;
    const { msg_type: type, message_seq: seq } = message;
    if (type === HANDSHAKE.helloVerify) {
      // Again, because our first hello was repeated: werift takes one only, and repeats the second hello by itself.
      if (this.#nextMessage !== undefined || this.#hellos > 0) return;
      this.#hellos = 1;
      await pass(message);
      return;
    }
    if (this.#nextMessage === undefined) {
      if (type !== HANDSHAKE.serverHello) return;
      this.#nextMessage = seq;
    }
    if (seq < this.#nextMessage) return;
    this.#checkEpoch(type);
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

  /** Finished is the first thing under the new keys, everything before it is not. */
  #checkEpoch(type: number): void {
    if ((type === HANDSHAKE.finished) !== (this.#epoch === 1))
      throw new Error(`handshake message ${type} in epoch ${this.#epoch}`);
  }

  /** The messages that are next in line, now that `message` has come. */
  *#inOrder(message: Handshake): Generator<Handshake> {
    if (this.#pending.size < PENDING_MAX) this.#pending.set(message.message_seq, message);
    while (this.#nextMessage !== undefined) {
      const next = this.#pending.get(this.#nextMessage);
      if (next === undefined) return;
      this.#pending.delete(this.#nextMessage);
      this.#nextMessage += 1;
      if (!this.#order.accept(next.msg_type))
        throw new Error(`unexpected handshake message ${next.msg_type}`);
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
    if (this.#records !== undefined || this.#ended) return;
    const profile = this.#socket.srtp.srtpProfile;
    if (!this.#isAuthentic || !this.#isFinished) this.#fail('the handshake is not authenticated');
    else if (profile !== SRTP_PROFILES.aes128CmSha1_80 && profile !== SRTP_PROFILES.aeadAes128Gcm)
      this.#fail('no SRTP profile in common');
    else {
      this.#records = new DtlsRecordLayer(this.#socket.cipher);
      const keys: Readonly<Record<'localKey' | 'localSalt' | 'remoteKey' | 'remoteSalt', Buffer>> =
        this.#socket.extractSessionKeys(SRTP_KEY_BYTES, srtpSaltBytes(profile));
      // The transcript is 10 kB a client; of the handshake only the last flight is needed again.
      this.#socket.dtls.handshakeCache = {};
      this.#socket.dtls.lastFlight = [];
      this.#serverCertificate = undefined;
      this.#options.listener.onConnected(
        profile,
        { masterKey: keys.localKey, masterSalt: keys.localSalt },
        { masterKey: keys.remoteKey, masterSalt: keys.remoteSalt },
      );
    }
  }

  #readRecord(records: DtlsRecordLayer, record: Buffer): void {
    const data = records.open(record);
    if (data === undefined) {
      this.refusedRecords += 1;
      return;
    }
    const type = record[0];
    if (type === DTLS_RECORD.applicationData) this.#options.listener.onData(data);
    // Fatal, or close_notify.
    else if (type === DTLS_RECORD.alert && data.length === 2 && (data[0] === 2 || data[1] === 0))
      this.#end('closed', 'alert');
    // The other side did not get our last flight.
    else if (type === DTLS_RECORD.handshake && data[0] === HANDSHAKE.finished)
      for (const message of this.#socket.dtls.lastMessage) this.#options.send(message);
  }

  #fail(detail: string): void {
    this.#end('failed', detail);
  }

  #end(reason: 'failed' | 'closed', detail: string): void {
    if (this.#ended) return;
    this.#finish();
    this.#options.listener.onEnded(reason, detail);
  }

  #finish(): void {
    this.#ended = true;
    // Stops werift's repetition of flights at its next turn.
    this.#socket.dtls.flight = NO_FLIGHT;
  }
}

/** What werift would do with the texts of certificate and key, for every client anew. */
function useCertificate(cipher: DtlsServer['cipher'], { der, privateKey, signatureHash }: Certificate): void {
  cipher.localCert = der;
  cipher.signatureHashAlgorithm = signatureHash;
  const signer = { sign: (data: Buffer, hash: string): Buffer => sign(hash, data, privateKey) };
  cipher.localPrivateKey = signer as unknown as typeof cipher.localPrivateKey;
  cipher.signatureData = (data: Buffer, hash: string): Buffer => sign(hash, data, privateKey);
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The first certificate of a Certificate message (RFC 5246 §7.4.2). */
function firstCertificate(fragment: Buffer): Buffer | undefined {
  if (fragment.length < 6) return undefined;
  const end = 6 + fragment.readUIntBE(3, 3);
  return end <= fragment.length ? Buffer.from(fragment.subarray(6, end)) : undefined;
}
