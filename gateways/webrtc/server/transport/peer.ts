import { randomBytes } from 'node:crypto';
import {
  emptyRtpHeader,
  forEachRtcp,
  RTCP_TYPES,
  readRtpHeader,
  readSenderInfo,
} from '@switchyard/shared/media';
import type { EndpointId, TrackId } from '@switchyard/shared/protocol';
import {
  SRTP_OVERHEAD_MAX_BYTES,
  type SrtpKernel,
  SrtpReceiver,
  SrtpSender,
  type SrtpSendStream,
} from '@switchyard/shared/srtp';
import type { Egress } from '../egress/egress.ts';
import type { PacketBatch } from '../egress/packet-batch.ts';
import type { IceCredentials, NegotiatedSession, PeerListener, PeerTransport } from '../peer-contract.ts';
import { Receiver } from '../receive/receiver.ts';
import type { OutgoingPacket } from '../send/outgoing-packet.ts';
import { Sender } from '../send/sender.ts';
import type { SlotHome, SlotTransport } from '../send/slot.ts';
import type { Certificate } from './certificate.ts';
import { DtlsSession } from './dtls-session.ts';
import { IceLite, type Path } from './ice-lite.ts';
import type { PacedClient, PacingTimer } from './pacing-timer.ts';
import { SctpChannel } from './sctp-channel.ts';

/** A client is given up when its handshake takes longer, and when it falls silent for so long, milliseconds. */
export const CONNECT_TIMEOUT_MS: number = 30_000;
export const SILENCE_TIMEOUT_MS: number = 10_000;
const RTCP_MAX_BYTES = 1500;

/** What a peer needs of the process. */
export interface PeerHome {
  readonly certificate: Certificate;
  readonly egress: Egress;
  readonly slots: SlotHome;
  readonly batch: PacketBatch;
  /** Seals in batches, where the machine can. */
  readonly kernel: SrtpKernel | undefined;
  readonly pacing: PacingTimer;
  send(bytes: Buffer, length: number, path: Path): void;
  nowMs(): number;
  newCredentials(): IceCredentials;
  /** The peer answers to this ufrag now. */
  listenFor(ufrag: string, peer: Peer): void;
  /** The path is authenticated: its packets are this peer's. */
  validated(path: Path, peer: Peer): void;
  forget(peer: Peer, ufrags: Iterable<string>, paths: Iterable<string>): void;
  ended(peer: Peer): void;
}

/** One client's transport: ICE, DTLS, SRTP and RTCP tied together. */
export class Peer implements PeerTransport, SlotTransport, PacedClient {
  readonly #home: PeerHome;
  readonly #listener: PeerListener;
  readonly #ice: IceLite;
  readonly #receiver: Receiver;
  readonly #sender: Sender;
  readonly #header = emptyRtpHeader();
  readonly #bound = new Map<string, { readonly endpoint: EndpointId; readonly track: TrackId }>();
  #dtls: DtlsSession | undefined;
  #sctp: SctpChannel | undefined;
  #srtpIn: SrtpReceiver | undefined;
  #srtpOut: SrtpSender | undefined;
  readonly #createdMs: number;
  #aliveMs: number;
  #closed = false;

  constructor(home: PeerHome, listener: PeerListener) {
    this.#home = home;
    this.#listener = listener;
    this.#ice = new IceLite(home.newCredentials());
    const ssrc = randomBytes(4).readUInt32BE() | 1;
    const sendRtcp = (packet: Uint8Array): void => this.#sendRtcp(packet);
    this.#receiver = new Receiver(ssrc >>> 0, {
      onMedia: (mid, packet) => listener.onMedia(mid, packet),
      onTrackFacts: (mid, codec, layers) => listener.onTrackFacts(mid, codec, layers),
      sendRtcp,
    });
    this.#sender = new Sender(home.slots, this, {
      onKeyframeRequest: (mid) => listener.onKeyframeRequest(mid),
      onEstimate: (bitrateBps, congested) => listener.onEstimate(bitrateBps, congested),
      onWaiting: () => home.pacing.add(this),
      sendRtcp,
    });
    this.#createdMs = home.nowMs();
    this.#aliveMs = this.#createdMs;
    home.listenFor(this.#ice.credentials.ufrag, this);
  }

  get credentials(): IceCredentials {
    return this.#ice.credentials;
  }

  get connected(): boolean {
    return this.#dtls?.isConnected === true && !this.#closed;
  }

  apply(session: NegotiatedSession): void {
    if (this.#closed) return;
    this.#receiver.apply(session.media);
    this.#sender.apply(session.media);
    for (const [mid, { endpoint, track }] of this.#bound) {
      if (this.#sender.slot(mid) !== undefined) continue;
      this.#home.egress.unbind(endpoint, track);
      this.#bound.delete(mid);
    }
    if (this.#dtls === undefined) this.#openDtls(session);
    if (session.dataChannel && this.#sctp === undefined && this.#dtls !== undefined) {
      this.#sctp = new SctpChannel(this.#dtls, {
        onText: (label, text) => this.#listener.onData(label, text),
      });
      if (this.#dtls.isConnected) this.#sctp.start();
    }
  }

  setDemand(_currentBps: number, desiredBps: number): void {
    this.#sender.control.setDemand(desiredBps);
  }

  setPlayoutDelay(minMs: number, maxMs: number): void {
    this.#sender.setPlayoutDelay(minMs, maxMs);
  }

  restartIce(): IceCredentials {
    const gone = this.#ice.restart(this.#home.newCredentials());
    this.#home.listenFor(this.#ice.credentials.ufrag, this);
    this.#home.forget(this, gone, []);
    return this.#ice.credentials;
  }

  bindSlot(mid: string, endpoint: EndpointId, track: TrackId): void {
    const slot = this.#sender.slot(mid);
    if (slot === undefined || this.#closed) return;
    const before = this.#bound.get(mid);
    if (before !== undefined) this.#home.egress.unbind(before.endpoint, before.track);
    this.#bound.set(mid, { endpoint, track });
    this.#home.egress.bind(endpoint, track, slot);
  }

  /** The core was restarted: what it sends goes on where the old one stopped. */
  resume(): void {
    this.#sender.resume();
  }

  requestKeyframe(mid: string, spatial: number): void {
    this.#receiver.requestKeyframe(mid, spatial, this.#home.nowMs());
  }

  sendData(label: string, data: string): boolean {
    return this.#sctp?.send(label, data) ?? false;
  }

  limitIngress(bitrateBps: number): void {
    this.#receiver.limit(bitrateBps);
  }

  close(): void {
    if (this.#closed) return;
    this.#dtls?.close();
    this.#end();
  }

  /** A STUN packet for one of this peer's ufrags. */
  handleStun(datagram: Buffer, path: Path): void {
    const before = this.#ice.path?.key;
    const outcome = this.#ice.handle(datagram, path);
    if (before !== undefined && this.#ice.path?.key !== before)
      this.#sender.control.pathChanged(this.#home.nowMs());
    if (outcome === undefined || this.#closed) return;
    this.#home.send(outcome.response, outcome.response.length, path);
    if (!outcome.validated) return;
    this.#aliveMs = this.#home.nowMs();
    this.#home.validated(path, this);
    this.#dtls?.start();
  }

  /** Anything else from an address that ICE has validated (RFC 7983). Hot path. */
  handleDatagram(datagram: Buffer, path: Path): void {
    if (!this.#ice.isValidated(path.key)) return;
    const first = datagram[0] ?? 0;
    if (first >= 20 && first < 64) this.#dtls?.input(datagram);
    else if (first >= 128 && first < 192) {
      const second = (datagram[1] ?? 0) & 127;
      // RTCP types 192–223 with the marker bit taken off (RFC 5761 §4).
      if (second >= 64 && second < 96) this.#handleRtcp(datagram);
      else this.#handleRtp(datagram);
    }
  }

  tick(nowMs: number): void {
    if (this.#closed) return;
    // Checks keep a connection alive, but not one that never gets through its handshake.
    const isLate =
      this.#dtls?.isConnected === true
        ? nowMs - this.#aliveMs > SILENCE_TIMEOUT_MS
        : nowMs - this.#createdMs > CONNECT_TIMEOUT_MS;
    if (isLate) {
      this.#dtls?.close();
      this.#fail('timeout');
      return;
    }
    if (this.#srtpOut === undefined) return;
    this.#receiver.tick(nowMs);
    this.#sender.tick(nowMs);
  }

  get isOpen(): boolean {
    return this.#srtpOut !== undefined && this.#ice.path !== undefined;
  }

  enqueue(packet: OutgoingPacket, nowMs: number): boolean {
    return this.#sender.enqueue(packet, nowMs);
  }

  transportSeq(wireBytes: number, cluster: number, nowMs: number): number {
    return this.#sender.control.transportSeq(wireBytes, cluster, nowMs);
  }

  process(nowMs: number): boolean {
    return !this.#closed && this.#sender.control.process(nowMs);
  }

  reserve(): void {
    this.#home.batch.reserve();
  }

  send(
    stream: SrtpSendStream,
    headerLength: number,
    prefixLength: number,
    source: number,
    length: number,
    ssrc: number,
    seq: number,
  ): void {
    const { path } = this.#ice;
    const sender = this.#srtpOut;
    if (sender === undefined || path === undefined) return;
    const { batch } = this.#home;
    batch.add(path, sender, stream, headerLength, prefixLength, source, length, ssrc, seq);
  }

  #openDtls(session: NegotiatedSession): void {
    this.#dtls = new DtlsSession({
      certificate: this.#home.certificate,
      role: session.dtlsRole,
      fingerprints: session.remoteFingerprints,
      send: (datagram) => {
        const { path } = this.#ice;
        if (path !== undefined) this.#home.send(datagram, datagram.length, path);
      },
      listener: {
        onConnected: (profile, local, remote) => {
          this.#srtpOut = new SrtpSender(profile, local, this.#home.kernel);
          this.#srtpIn = new SrtpReceiver(profile, remote);
          this.#aliveMs = this.#home.nowMs();
          this.#sctp?.start();
          this.#listener.onConnected();
        },
        onData: (data) => {
          this.#aliveMs = this.#home.nowMs();
          this.#sctp?.input(data);
        },
        onEnded: (reason) => this.#fail(reason === 'failed' ? 'dtls-failed' : 'closed-by-peer'),
      },
    });
    // The path may be there already: an offer's checks can be faster than its answer's handling.
    if (this.#ice.path !== undefined) this.#dtls.start();
  }

  #handleRtp(datagram: Buffer): void {
    const header = this.#header;
    if (this.#srtpIn === undefined || !readRtpHeader(datagram, datagram.length, header)) return;
    const length = this.#srtpIn.unprotectRtp(
      datagram,
      header.payloadOffset,
      datagram.length,
      header.ssrc,
      header.seq,
    );
    if (length < 0) return;
    header.payloadEnd = length;
    const nowMs = this.#home.nowMs();
    this.#aliveMs = nowMs;
    this.#receiver.handleRtp(datagram, header, nowMs);
  }

  #handleRtcp(datagram: Buffer): void {
    const length = this.#srtpIn?.unprotectRtcp(datagram, datagram.length) ?? -1;
    if (length < 0) return;
    const nowMs = this.#home.nowMs();
    this.#aliveMs = nowMs;
    forEachRtcp(datagram.subarray(0, length), (packet) => {
      if (packet.type === RTCP_TYPES.sr) {
        const info = readSenderInfo(packet.bytes);
        if (info !== undefined) this.#receiver.senderReport(info, nowMs);
      }
      this.#sender.handleRtcp(packet, nowMs);
    });
  }

  #sendRtcp(packet: Uint8Array): void {
    const { path } = this.#ice;
    if (this.#srtpOut === undefined || path === undefined || packet.length > RTCP_MAX_BYTES) return;
    const bytes = Buffer.allocUnsafe(packet.length + SRTP_OVERHEAD_MAX_BYTES);
    bytes.set(packet);
    this.#home.send(bytes, this.#srtpOut.protectRtcp(bytes, packet.length), path);
  }

  #fail(reason: 'dtls-failed' | 'closed-by-peer' | 'timeout'): void {
    if (this.#closed) return;
    this.#end();
    this.#listener.onClosed(reason);
  }

  #end(): void {
    this.#closed = true;
    this.#home.pacing.forget(this);
    for (const { endpoint, track } of this.#bound.values()) this.#home.egress.unbind(endpoint, track);
    this.#bound.clear();
    this.#sender.close();
    this.#srtpOut?.close();
    this.#srtpOut = undefined;
    this.#sctp?.close();
    this.#home.forget(this, this.#ice.ufrags, this.#ice.validatedKeys);
    this.#home.ended(this);
  }
}
