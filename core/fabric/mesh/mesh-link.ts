import { type ControlBody, readControlBody, type TextCodec, writeControlBody } from './control-body.ts';
import { DampedCost } from './damped-cost.ts';
import {
  DATAGRAM_MAX_BYTES,
  DATAGRAM_TYPES,
  datagramType,
  datagramVersion,
  emptyMediaHeader,
  HOP_MAC_BYTES,
  MEDIA_HEADER_BYTES,
  MESH_VERSION,
  readControlSeq,
  readMediaHeader,
  writeMediaHeader,
} from './datagram.ts';
import { HopReceiver, HopSender } from './hop-repair.ts';
import { linkCostMs } from './link-cost.ts';
import type { LinkCrypto } from './link-crypto.ts';
import { LinkProbe } from './link-probe.ts';
import { type LinkRefusals, type LinkTraffic, noTraffic } from './link-traffic.ts';
import { SeenWindow } from './seen-window.ts';
import type { StreamMessage, StreamPacket } from './stream-message.ts';

/** A link that carries streams says something at least this often, and is taken for dead after the watchdog's time. */
const KEEP_ALIVE_MS = 100;
export const WATCHDOG_MS: number = 400;
const PROBE_NEAR_MS = 200;
const PROBE_FAR_MS = 500;
const WINDOW_PACKETS = 8192;
/** Assumed before anything was measured, milliseconds. */
const RTT_UNKNOWN_MS = 100;

/** What one link needs of its node. */
export interface MeshLinkHome {
  /** @param datagram Of media: written over when 4,096 more have been sent. */
  send(node: string, datagram: Uint8Array): void;
  /** How busy this node is, 0…1. */
  load(): number;
  readonly text: TextCodec;
  onMedia(node: string, label: number, packet: StreamPacket, nowMs: number): void;
  onMessage(node: string, message: StreamMessage, nowMs: number): void;
}

/** How far a link has counted: a link with the same keys goes on from there. */
export interface LinkNumbers {
  readonly nextMedia: number;
  readonly nextControl: number;
  /** Highest numbers that came, −1 for none. */
  readonly seenMedia: number;
  readonly seenControl: number;
}

const FIRST_NUMBERS: LinkNumbers = { nextMedia: 0, nextControl: 0, seenMedia: -1, seenControl: -1 };

/** The way to one neighbour: media with repair, control, and what is measured of it. Pure: crypto is injected. */
export class MeshLink {
  readonly node: string;
  readonly #crypto: LinkCrypto;
  readonly #home: MeshLinkHome;
  readonly #sender: HopSender;
  readonly #receiver = new HopReceiver();
  readonly #mediaSeen: SeenWindow;
  readonly #controlSeen: SeenWindow;
  readonly #probe: LinkProbe;
  readonly #cost = new DampedCost();
  readonly #header = emptyMediaHeader();
  readonly #nacks: number[] = [];
  readonly refused: LinkRefusals = { forged: 0, replayed: 0, malformed: 0, version: 0 };
  readonly traffic: LinkTraffic = noTraffic();
  /** Whether this node measures the link. */
  probes = false;
  /** Streams that come over it, and that go over it: what keep-alives and the watchdog are for. */
  incoming = 0;
  outgoing = 0;
  #controlSeq: number;
  #heardMs = Number.NEGATIVE_INFINITY;
  #saidMs = Number.NEGATIVE_INFINITY;
  #load = 0;
  #wasUp = false;

  /**
   * @param isNear In the same zone: measured more often.
   * @param numbers Of the link before with these keys.
   */
  constructor(
    node: string,
    isNear: boolean,
    crypto: LinkCrypto,
    home: MeshLinkHome,
    numbers: LinkNumbers = FIRST_NUMBERS,
  ) {
    this.#sender = new HopSender(numbers.nextMedia);
    this.#controlSeq = numbers.nextControl;
    this.#mediaSeen = new SeenWindow(WINDOW_PACKETS, numbers.seenMedia);
    this.#controlSeen = new SeenWindow(WINDOW_PACKETS, numbers.seenControl);
    this.node = node;
    this.#crypto = crypto;
    this.#home = home;
    this.#probe = new LinkProbe({ intervalMs: isNear ? PROBE_NEAR_MS : PROBE_FAR_MS });
  }

  /** Name of its keys. */
  get keys(): string {
    return this.#crypto.id;
  }

  get numbers(): LinkNumbers {
    return {
      nextMedia: this.#sender.nextSeq,
      nextControl: this.#controlSeq,
      seenMedia: this.#mediaSeen.highest,
      seenControl: this.#controlSeen.highest,
    };
  }

  /** Smoothed round trip, milliseconds. */
  get rttMs(): number {
    return Number.isFinite(this.#probe.rttMs) ? this.#probe.rttMs : RTT_UNKNOWN_MS;
  }

  /** Share of probes lost, 0…1. */
  get loss(): number {
    return this.#probe.loss;
  }

  /** As other nodes are told it; Infinity when it is down or not measured. */
  get costMs(): number {
    return this.#cost.costMs;
  }

  /** False when it was measured to be down. A link that nobody measures, or not yet, is given the benefit of the doubt. */
  get isUp(): boolean {
    return !this.probes || !this.#wasUp || Number.isFinite(this.#cost.costMs);
  }

  /** Packets that came when they were asked for again, and that never came. */
  get repaired(): number {
    return this.#receiver.repaired;
  }

  get lost(): number {
    return this.#receiver.lost;
  }

  /** When the other end was heard last, −Infinity for never. */
  get heardMs(): number {
    return this.#heardMs;
  }

  /** Nothing came for longer than a live link is silent. */
  isSilent(nowMs: number): boolean {
    return nowMs - this.#heardMs > WATCHDOG_MS;
  }

  /** One packet of a stream; one that does not fit a datagram is dropped. */
  forward(label: number, packet: StreamPacket, nowMs: number): void {
    const length = MEDIA_HEADER_BYTES + HOP_MAC_BYTES + packet.sealed.length;
    if (length > DATAGRAM_MAX_BYTES) return;
    const header = this.#header;
    header.spatial = packet.spatial;
    header.keyframe = packet.keyframe;
    header.svc = packet.svc;
    header.epoch = packet.epoch;
    header.linkSeq = this.#sender.nextSeq;
    header.label = label;
    header.streamSeq = packet.streamSeq;
    const datagram = this.#sender.take(length, nowMs);
    writeMediaHeader(datagram, header);
    this.#crypto.writeMac(datagram);
    datagram.set(packet.sealed, MEDIA_HEADER_BYTES + HOP_MAC_BYTES);
    this.#saidMs = nowMs;
    this.#sendMedia(datagram);
  }

  message(message: StreamMessage, nowMs: number): void {
    this.#control({ type: 'stream', message }, nowMs);
  }

  /** A datagram from the neighbour's address. @param datagram Kept when it is media. */
  receive(datagram: Uint8Array, nowMs: number): void {
    const type = datagramType(datagram);
    if (type === DATAGRAM_TYPES.media) this.#receiveMedia(datagram, nowMs);
    else if (type === DATAGRAM_TYPES.control) this.#receiveControl(datagram, nowMs);
    else if (datagramVersion(datagram) === MESH_VERSION) this.refused.malformed += 1;
    else this.refused.version += 1;
  }

  /** @returns Whether the cost that others are told has changed. */
  tick(nowMs: number): boolean {
    const tail = this.#sender.tail(nowMs);
    if (tail !== undefined) this.#control({ type: 'tail', seq: tail }, nowMs);
    if (this.#receiver.missingCount > 0 && this.#receiver.due(this.rttMs, nowMs, this.#nacks) > 0)
      this.#control({ type: 'nack', seqs: [...this.#nacks] }, nowMs);
    if (this.incoming + this.outgoing > 0 && nowMs - this.#saidMs >= KEEP_ALIVE_MS)
      this.#control({ type: 'keep-alive' }, nowMs);
    if (!this.probes) return false;
    const number = this.#probe.due(nowMs);
    if (number === undefined) return false;
    this.#control({ type: 'probe', number }, nowMs);
    return this.#measure(nowMs);
  }

  /** The neighbour is known to be gone. @returns Whether the cost has changed. */
  fail(nowMs: number): boolean {
    this.#probe.fail();
    return this.#cost.measured(Number.POSITIVE_INFINITY, nowMs);
  }

  #measure(nowMs: number): boolean {
    const { isUp, rttMs, loss } = this.#probe;
    this.#wasUp ||= isUp;
    return this.#cost.measured(
      isUp ? linkCostMs({ rttMs, loss, load: this.#load }) : Number.POSITIVE_INFINITY,
      nowMs,
    );
  }

  #control(body: ControlBody, nowMs: number): void {
    this.#saidMs = nowMs;
    const bytes = writeControlBody(body, this.#home.text);
    const datagram = this.#crypto.sealControl(this.#controlSeq, bytes);
    this.#controlSeq = (this.#controlSeq + 1) >>> 0;
    this.traffic.controlOut += 1;
    this.traffic.controlBytesOut += datagram.length;
    this.#home.send(this.node, datagram);
  }

  #sendMedia(datagram: Uint8Array): void {
    this.traffic.mediaOut += 1;
    this.traffic.mediaBytesOut += datagram.length;
    this.#home.send(this.node, datagram);
  }

  #receiveMedia(datagram: Uint8Array, nowMs: number): void {
    const header = this.#header;
    if (!readMediaHeader(datagram, header)) {
      this.refused.malformed += 1;
      return;
    }
    if (!this.#crypto.checkMac(datagram)) {
      this.refused.forged += 1;
      return;
    }
    const { spatial, keyframe, svc, epoch, label, streamSeq, linkSeq } = header;
    if (!this.#mediaSeen.add(linkSeq)) {
      this.refused.replayed += 1;
      return;
    }
    this.#heardMs = nowMs;
    this.traffic.mediaIn += 1;
    this.traffic.mediaBytesIn += datagram.length;
    this.#receiver.received(linkSeq, nowMs);
    const sealed = datagram.subarray(MEDIA_HEADER_BYTES + HOP_MAC_BYTES);
    this.#home.onMedia(this.node, label, { streamSeq, epoch, spatial, keyframe, svc, sealed }, nowMs);
  }

  #receiveControl(datagram: Uint8Array, nowMs: number): void {
    const bytes = this.#crypto.openControl(datagram);
    if (bytes === undefined) {
      this.refused.forged += 1;
      return;
    }
    if (!this.#controlSeen.add(readControlSeq(datagram))) {
      this.refused.replayed += 1;
      return;
    }
    this.#heardMs = nowMs;
    this.traffic.controlIn += 1;
    this.traffic.controlBytesIn += datagram.length;
    const body = readControlBody(bytes, this.#home.text);
    if (body === undefined) this.refused.malformed += 1;
    else this.#handle(body, nowMs);
  }

  #handle(body: ControlBody, nowMs: number): void {
    switch (body.type) {
      case 'probe':
        this.#control({ type: 'probe-reply', number: body.number, load: this.#home.load() }, nowMs);
        return;
      case 'probe-reply':
        this.#load = body.load;
        this.#probe.answered(body.number, nowMs);
        return;
      case 'nack':
        for (const seq of body.seqs) this.#resend(seq);
        return;
      case 'tail':
        this.#receiver.tail(body.seq, nowMs);
        return;
      case 'keep-alive':
        return;
      case 'stream':
        this.#home.onMessage(this.node, body.message, nowMs);
        return;
    }
  }

  #resend(seq: number): void {
    const datagram = this.#sender.find(seq);
    if (datagram === undefined) return;
    this.traffic.resent += 1;
    this.#sendMedia(datagram);
  }
}
