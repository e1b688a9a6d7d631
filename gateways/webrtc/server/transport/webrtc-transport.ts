import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { FanoutFrame } from '@switchyard/shared/protocol';
import { openUdpBursts, type UdpBursts } from '@switchyard/shared/runtime';
import { openSrtpKernel, SrtpBatch, SrtpKernel, SrtpMemory } from '@switchyard/shared/srtp';
import type { Egress } from '../egress/egress.ts';
import { EgressTs } from '../egress/egress-ts.ts';
import { PacketBatch } from '../egress/packet-batch.ts';
import type {
  Fingerprint,
  IceCredentials,
  PeerListener,
  PeerTransport,
  ServerCandidate,
  TransportFactory,
} from '../peer-contract.ts';
import { OutgoingPackets } from '../send/outgoing-packet.ts';
import { PAYLOAD_RING_BYTES, PayloadRing } from '../send/payload-ring.ts';
import { SendCounters } from '../send/send-counters.ts';
import type { SlotHome } from '../send/slot.ts';
import { type Certificate, createCertificate } from './certificate.ts';
import { localUfrag, type Path } from './ice-lite.ts';
import { localAddresses, type MediaAddress } from './media-address.ts';
import { useNativeX25519 } from './native-x25519.ts';
import { PacingTimer } from './pacing-timer.ts';
import { Peer, type PeerHome } from './peer.ts';
import { tcpCandidates, udpCandidates } from './server-candidates.ts';
import { readStunRequest } from './stun-message.ts';
import { TcpMux } from './tcp-mux.ts';
import { UdpMux } from './udp-mux.ts';

/** Alignment of parts. */
const SPARE_BYTES = 4096;
const TICK_MS = 20;

export interface WebrtcTransportOptions {
  /** UDP port of all media, 0 for any. */
  readonly port: number;
  /** Addresses to bind and to announce; undefined: loopback and every LAN address of the machine. */
  readonly addresses: readonly MediaAddress[] | undefined;
  /** Packets leave in bursts, many with one system call, where that is possible. */
  readonly bursts: boolean;
}

interface Unavailable {
  readonly unavailable: string;
}

function describeBursts(bursts: UdpBursts | Unavailable): string {
  if (!('calls' in bursts)) return `one by one (${bursts.unavailable})`;
  return bursts.merges ? 'bursts, merged' : 'bursts';
}

/** The process's WebRTC transport: sockets, certificate, egress and every peer. */
export class WebrtcTransport implements TransportFactory, PeerHome {
  readonly certificate: Certificate;
  /** What seals (`webassembly`, or `plain` with the reason) and what sends (`bursts`, or `one by one` with the reason). */
  readonly egressPath: string;
  readonly kernel: SrtpKernel | undefined;
  readonly slots: SlotHome;
  readonly batch: PacketBatch;
  readonly pacing: PacingTimer = new PacingTimer(() => this.nowMs());
  readonly egress: Egress;
  readonly #mux: UdpMux;
  readonly #tcp: TcpMux;
  readonly #byUfrag = new Map<string, Peer>();
  readonly #byPath = new Map<string, Peer>();
  readonly #peers = new Set<Peer>();
  #addresses: readonly MediaAddress[] = [];
  #candidates: readonly ServerCandidate[] = [];
  #timer: NodeJS.Timeout | undefined;

  private constructor(certificate: Certificate, bursts: UdpBursts | Unavailable) {
    this.certificate = certificate;
    this.#tcp = new TcpMux(
      (datagram, path) => this.#handle(datagram, path),
      (path) => this.#byPath.delete(path.key),
    );
    const kernel = openSrtpKernel(PAYLOAD_RING_BYTES);
    this.kernel = kernel instanceof SrtpKernel ? kernel : undefined;
    const seals = kernel instanceof SrtpKernel ? 'webassembly' : `plain (${kernel.unavailable})`;
    this.egressPath = `${seals}, ${describeBursts(bursts)}`;
    const memory =
      this.kernel?.memory ??
      new SrtpMemory(Buffer.allocUnsafeSlow(PAYLOAD_RING_BYTES + SrtpBatch.memoryBytes + SPARE_BYTES));
    this.#mux = new UdpMux(memory.bytes, 'calls' in bursts ? bursts : undefined, (datagram, path) =>
      this.#handle(datagram, path),
    );
    const ring = new PayloadRing(memory);
    this.slots = {
      ring,
      packets: new OutgoingPackets(),
      counters: new SendCounters(),
      batch: new SrtpBatch(memory, this.kernel),
    };
    this.batch = new PacketBatch(this.slots.batch, this.#mux);
    this.egress = new EgressTs(ring, () => this.nowMs());
  }

  /** Binds the sockets. @throws when the port is taken. */
  static async create({ port, addresses, bursts }: WebrtcTransportOptions): Promise<WebrtcTransport> {
    useNativeX25519();
    const transport = new WebrtcTransport(
      await createCertificate(),
      bursts ? await openUdpBursts() : { unavailable: 'switched off' },
    );
    const bound = addresses ?? localAddresses();
    await transport.#mux.bind(
      bound.map(({ bind }) => bind),
      port,
    );
    transport.#addresses = bound;
    transport.#candidates = udpCandidates(bound, transport.#mux.port);
    transport.#timer = setInterval(() => transport.#tick(), TICK_MS);
    return transport;
  }

  get fingerprint(): Fingerprint {
    return this.certificate.fingerprint;
  }

  get candidates(): readonly ServerCandidate[] {
    return this.#candidates;
  }

  /** An HTTP server on `host` and `port` hands over connections that begin with ICE: clients may be told. */
  announceTcp(host: string, port: number): void {
    const tcp = tcpCandidates(this.#addresses, host, port);
    this.#candidates = [...udpCandidates(this.#addresses, this.#mux.port), ...tcp];
  }

  /** A TCP connection that begins with a frame of ICE-TCP. */
  acceptTcp(socket: Socket, head: Buffer): void {
    this.#tcp.accept(socket, head);
  }

  get peerCount(): number {
    return this.#peers.size;
  }

  createPeer(listener: PeerListener): PeerTransport {
    const peer = new Peer(this, listener);
    this.#peers.add(peer);
    return peer;
  }

  /** Hot path: to be set as the core port's `onFanout`. */
  handleFanout(frame: FanoutFrame): void {
    this.egress.handleFanout(frame);
  }

  /** The core was restarted: viewers' streams go on where they stopped. */
  resume(): void {
    for (const peer of this.#peers) peer.resume();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.pacing.close();
    for (const peer of [...this.#peers]) peer.close();
    this.#tcp.close();
    await this.#mux.close();
  }

  nowMs(): number {
    return performance.timeOrigin + performance.now();
  }

  send(bytes: Buffer, length: number, path: Path): void {
    this.#mux.send(bytes, length, path);
  }

  newCredentials(): IceCredentials {
    // RFC 8839 §5.4: ice-chars, at least 24 and 128 bits of randomness.
    return { ufrag: randomBytes(6).toString('hex'), password: randomBytes(18).toString('hex') };
  }

  listenFor(ufrag: string, peer: Peer): void {
    this.#byUfrag.set(ufrag, peer);
  }

  validated(path: Path, peer: Peer): void {
    if (this.#byPath.get(path.key) === peer) return;
    this.#byPath.set(path.key, peer);
    if (path.stream !== undefined) path.stream.isValidated = true;
    else this.#mux.keep(path);
  }

  forget(peer: Peer, ufrags: Iterable<string>, paths: Iterable<string>): void {
    const keys = [...paths];
    for (const ufrag of ufrags) this.#byUfrag.delete(ufrag);
    for (const key of keys) if (this.#byPath.get(key) === peer) this.#byPath.delete(key);
    this.#mux.forget(keys.filter((key) => !this.#byPath.has(key)));
  }

  ended(peer: Peer): void {
    this.#peers.delete(peer);
  }

  /** First bytes tell the protocol (RFC 7983 §7). Hot path. */
  #handle(datagram: Buffer, path: Path): void {
    const first = datagram[0];
    if (first === undefined) return;
    if (first >= 4) {
      this.#byPath.get(path.key)?.handleDatagram(datagram, path);
      return;
    }
    const request = readStunRequest(datagram);
    if (request !== undefined) this.#byUfrag.get(localUfrag(request.username))?.handleStun(datagram, path);
  }

  #tick(): void {
    const nowMs = this.nowMs();
    for (const peer of this.#peers) peer.tick(nowMs);
  }
}
