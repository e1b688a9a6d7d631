import type { ProbeCluster } from '../congestion/probe.ts';

/** Packets of a client leave in slots of this length, milliseconds. */
export const PACER_SLOT_MS: number = 5;
/**
 * What is queued leaves within this time, whatever the rate, milliseconds. Late media is as good as lost; but what leaves
 * faster than the path carries is lost as well, and then comes even later.
 */
const DRAIN_MS = 1000;
/**
 * Where media may leave at this many times the estimate, the path carries all that is wanted. There a large keyframe, of
 * which OBS sends one every other second, leaves within about this time: what comes behind it would stand still. At most this
 * many times the estimate, for what a late viewer is sent again is larger than that.
 */
const FREE_FACTOR = 2;
const FREE_DRAIN_MS = 40;
const FREE_DRAIN_FACTOR = 8;
/** More than this much media, at the estimate, is given up to the next keyframe, milliseconds. */
const QUEUE_MAX_MS = 1000;
/** But never less than a large keyframe. */
const QUEUE_MIN_BYTES = 150_000;
/**
 * A keyframe that would wait longer than this, at the estimate, takes the place of what waits of its stream, milliseconds:
 * the old layer's packets, once the estimate has fallen, would fill the bottleneck's queue in which it is then lost.
 */
const OVERTAKE_MS = 100;
/** But not so soon after the keyframe before it: that one has to get through first. */
const OVERTAKE_AGAIN_MS = 1500;
/** Slots remember a limited number of packets: fewer than that may wait. */
const QUEUE_MAX_PACKETS = 800;
/**
 * A source that sends no keyframe on request begins with every picture since its last one, at once: a burst that would
 * be given up again and again. Where a stream begins, and where it goes on after it was given up, as much may wait as
 * comes, once in a while; and it leaves soon, for who waits sees nothing.
 */
const BURST_MS = 1000;
const BURST_AGAIN_MS = 5000;
const BURST_DRAIN_MS = 250;
/** A stream that was given up asks again for the keyframe it goes on with: the first request may have been one too many. */
const ASK_AGAIN_MS = 500;
/** Share of the estimate for repairs, and how much may be saved up. */
const REPAIR_SHARE = 0.15;
const REPAIR_SAVED_MS = 1000;
const REPAIR_MIN_BYTES = 15_000;
/** A probe that finds nothing to send is given up, milliseconds. */
const PROBE_MAX_MS = 250;

/** A video packet that waits for its turn; made and owned by a slot. */
export interface PacedPacket {
  /** Number of its slot at this client. */
  readonly stream: number;
  /** Size on the wire, about. */
  readonly wireBytes: number;
  /** The first packet of a keyframe: a decoder may start here. */
  readonly startsKeyframe: boolean;
}

/** What a pacer lets go, and whom it asks for filling. */
export interface PacerOutput<Packet extends PacedPacket> {
  /** @param cluster Number of the probe that the packet is part of, −1 for none. */
  sendMedia(packet: Packet, cluster: number, nowMs: number): void;
  /** A repair that was let in before. @returns Its size, 0 when it is gone. */
  sendRepair(packet: Packet, cluster: number, nowMs: number): number;
  /** A packet for nothing but measuring, of about `bytes`. @returns Its size, 0 when there is nothing to send on. */
  sendPadding(bytes: number, cluster: number, nowMs: number): number;
  /** The packet was given up. */
  discard(packet: Packet): void;
  /** Packets of the stream were given up: its next packets are, too, until a keyframe. Ask for one. */
  onGivenUp(stream: number): void;
}

/**
 * One client's pacer: spreads bursts of a frame over slots of 5 ms. Audio never waits (it is counted only), then repairs
 * (at most 15 % of the estimate), then video in its order, then padding while a probe runs. Pure; the process's one timer
 * calls {@link process} of the clients that have something waiting.
 */
export class Pacer<Packet extends PacedPacket> {
  readonly #output: PacerOutput<Packet>;
  readonly #media = new Fifo<Packet>();
  readonly #repairs = new Fifo<Packet>();
  /** Streams that go on with a keyframe, and when it was asked for last. */
  readonly #givenUp = new Map<number, number>();
  /** When a stream began, or went on after it had been given up; and the last of these times. */
  readonly #bursts = new Map<number, number>();
  #burstMs = Number.NEGATIVE_INFINITY;
  /** When a keyframe of a stream came last. */
  readonly #keyframes = new Map<number, number>();
  #estimateBps: number;
  #pacingBps: number;
  /** Bytes that were sent ahead of the rate; negative: credit of the slot. */
  #debt = 0;
  #repairCredit = REPAIR_MIN_BYTES;
  #countedMs = -1;
  #probe: ProbeCluster | undefined;
  #probeStartMs = 0;
  #probeBytes = 0;
  #probePackets = 0;
  /** Media packets given up because too much waited, and repairs refused because they were too many. */
  dropped = 0;
  refusedRepairs = 0;

  constructor(output: PacerOutput<Packet>, estimateBps: number) {
    this.#output = output;
    this.#estimateBps = estimateBps;
    this.#pacingBps = estimateBps;
  }

  /** Whether {@link process} has something to do, now or later. */
  get busy(): boolean {
    return this.#media.length > 0 || this.#repairs.length > 0 || this.#probe !== undefined;
  }

  get queuedBytes(): number {
    return this.#media.bytes;
  }

  /** @param pacingBps How fast media may leave; the estimate itself bounds repairs and what may wait. */
  setRates(estimateBps: number, pacingBps: number): void {
    this.#estimateBps = estimateBps;
    this.#pacingBps = pacingBps;
  }

  /** An audio packet leaves, as it comes. @returns The probe that it is part of, −1 for none. */
  audio(bytes: number, nowMs: number): number {
    this.#count(nowMs);
    this.#debt += bytes;
    return this.#partOfProbe(bytes);
  }

  /** A video packet: sent now when nothing waits and the slot has room, otherwise in its turn. Hot path. */
  media(packet: Packet, nowMs: number): void {
    const askedMs = this.#givenUp.size > 0 ? this.#givenUp.get(packet.stream) : undefined;
    if (askedMs !== undefined) {
      if (!packet.startsKeyframe) {
        this.#drop(packet);
        if (nowMs - askedMs >= ASK_AGAIN_MS) this.#ask(packet.stream, nowMs);
        return;
      }
      this.#givenUp.delete(packet.stream);
    }
    this.#count(nowMs);
    if (packet.startsKeyframe) this.#onKeyframe(packet.stream, askedMs !== undefined, nowMs);
    if (this.#media.length === 0 && this.#repairs.length === 0 && this.#debt <= 0) {
      this.#sendMedia(packet, nowMs);
      return;
    }
    this.#media.push(packet);
    if (nowMs - this.#burstMs < BURST_MS && nowMs - this.#burstOf(packet.stream) < BURST_MS) {
      const first = this.#media.length > QUEUE_MAX_PACKETS ? this.#media.shift() : undefined;
      if (first !== undefined) this.#sendMedia(first, nowMs);
      return;
    }
    const limit = Math.max(QUEUE_MIN_BYTES, (this.#estimateBps * QUEUE_MAX_MS) / 8000);
    if (this.#media.bytes > limit || this.#media.length > QUEUE_MAX_PACKETS) this.#giveUp(nowMs);
  }

  /** A packet is asked for again. @returns false when repairs take too much already. */
  repair(packet: Packet, nowMs: number): boolean {
    this.#count(nowMs);
    if (this.#repairCredit < packet.wireBytes) {
      this.refusedRepairs += 1;
      this.#output.discard(packet);
      return false;
    }
    this.#repairCredit -= packet.wireBytes;
    if (this.#repairs.length === 0 && this.#debt <= 0) this.#sendRepair(packet, nowMs);
    else this.#repairs.push(packet);
    return true;
  }

  /** Starts a probe; one that still runs ends. */
  probe(cluster: ProbeCluster, nowMs: number): void {
    this.#probe = cluster;
    this.#probeStartMs = nowMs;
    this.#probeBytes = 0;
    this.#probePackets = 0;
    this.process(nowMs);
  }

  /** Lets go what this slot has room for. */
  process(nowMs: number): void {
    this.#count(nowMs);
    while (this.#debt <= 0) {
      const repair = this.#repairs.shift();
      if (repair !== undefined) {
        this.#sendRepair(repair, nowMs);
        continue;
      }
      const packet = this.#media.shift();
      if (packet === undefined) break;
      this.#sendMedia(packet, nowMs);
    }
    if (this.#probe !== undefined) this.#fillProbe(this.#probe, nowMs);
  }

  /** The stream is gone: what waits of it goes nowhere. */
  forget(stream: number): void {
    const discard = (packet: Packet): void => this.#output.discard(packet);
    this.#media.remove((packet) => packet.stream === stream, discard);
    this.#repairs.remove((packet) => packet.stream === stream, discard);
    this.#givenUp.delete(stream);
    this.#bursts.delete(stream);
    this.#keyframes.delete(stream);
  }

  #sendMedia(packet: Packet, nowMs: number): void {
    this.#debt += packet.wireBytes;
    this.#output.sendMedia(packet, this.#partOfProbe(packet.wireBytes), nowMs);
  }

  #sendRepair(packet: Packet, nowMs: number): void {
    const bytes = this.#output.sendRepair(packet, this.#probe?.id ?? -1, nowMs);
    this.#debt += bytes;
    if (bytes > 0) this.#partOfProbe(bytes);
  }

  /** Time passes: debt is paid, a slot's credit saved at most. */
  #count(nowMs: number): void {
    if (this.#countedMs < 0) this.#countedMs = nowMs;
    const elapsedMs = nowMs - this.#countedMs;
    if (elapsedMs <= 0) return;
    this.#countedMs = nowMs;
    const bytesPerMs = this.#bytesPerMs(nowMs);
    this.#debt = Math.max(-bytesPerMs * PACER_SLOT_MS, this.#debt - bytesPerMs * elapsedMs);
    const repairBytesPerMs = (this.#estimateBps * REPAIR_SHARE) / 8000;
    const most = Math.max(REPAIR_MIN_BYTES, repairBytesPerMs * REPAIR_SAVED_MS);
    this.#repairCredit = Math.min(most, this.#repairCredit + repairBytesPerMs * elapsedMs);
  }

  /** How fast media leaves now. */
  #bytesPerMs(nowMs: number): number {
    const { bytes } = this.#media;
    const drainMs = nowMs - this.#burstMs < BURST_MS ? BURST_DRAIN_MS : DRAIN_MS;
    const paced = Math.max(this.#pacingBps / 8000, bytes / drainMs);
    if (this.#pacingBps < FREE_FACTOR * this.#estimateBps) return paced;
    return Math.max(paced, Math.min(bytes / FREE_DRAIN_MS, (FREE_DRAIN_FACTOR * this.#estimateBps) / 8000));
  }

  #drop(packet: Packet): void {
    this.dropped += 1;
    this.#output.discard(packet);
  }

  #partOfProbe(bytes: number): number {
    if (this.#probe === undefined) return -1;
    this.#probeBytes += bytes;
    this.#probePackets += 1;
    return this.#probe.id;
  }

  /** Sends at the probe's rate: media ahead of its turn, then padding. */
  #fillProbe(probe: ProbeCluster, nowMs: number): void {
    const elapsedMs = nowMs - this.#probeStartMs;
    const due = (probe.bitrateBps * elapsedMs) / 8000;
    while (this.#probeBytes <= due && !this.#probeIsDone(probe)) {
      const packet = this.#media.shift();
      if (packet !== undefined) {
        this.#sendMedia(packet, nowMs);
        continue;
      }
      const bytes = this.#output.sendPadding(Math.ceil(probe.bytesMin / probe.packetsMin), probe.id, nowMs);
      if (bytes <= 0) break;
      this.#debt += bytes;
      this.#partOfProbe(bytes);
    }
    if (this.#probeIsDone(probe) || elapsedMs > PROBE_MAX_MS) this.#probe = undefined;
  }

  #probeIsDone({ bytesMin, packetsMin }: ProbeCluster): boolean {
    return this.#probeBytes >= bytesMin && this.#probePackets >= packetsMin;
  }

  #burstOf(stream: number): number {
    return this.#bursts.get(stream) ?? Number.NEGATIVE_INFINITY;
  }

  /** A decoder goes on with what comes now. */
  #onKeyframe(stream: number, wasGivenUp: boolean, nowMs: number): void {
    const isFirst = !this.#bursts.has(stream);
    if (isFirst || (wasGivenUp && nowMs - this.#burstOf(stream) >= BURST_AGAIN_MS)) {
      this.#bursts.set(stream, nowMs);
      this.#burstMs = nowMs;
    }
    const before = this.#keyframes.get(stream) ?? Number.NEGATIVE_INFINITY;
    this.#keyframes.set(stream, nowMs);
    if (nowMs - before < OVERTAKE_AGAIN_MS || this.#media.bytes * 8000 <= OVERTAKE_MS * this.#estimateBps)
      return;
    this.#media.remove(
      (waiting) => waiting.stream === stream,
      (waiting) => this.#drop(waiting),
    );
  }

  /** Too much waits: the streams that wait start again at a keyframe; one that waits already is kept. */
  #giveUp(nowMs: number): void {
    const streams = new Set<number>();
    let kept: Map<number, Packet> | undefined;
    this.#media.forEach((packet) => {
      streams.add(packet.stream);
      if (packet.startsKeyframe) kept = (kept ?? new Map<number, Packet>()).set(packet.stream, packet);
    });
    const drop = (packet: Packet): void => this.#drop(packet);
    const before = this.#media.length;
    const reached = new Set<number>();
    this.#media.remove((packet) => {
      if (kept?.get(packet.stream) === packet) reached.add(packet.stream);
      return !reached.has(packet.stream);
    }, drop);
    // A keyframe at the head of the queue is itself what is too much.
    if (this.#media.length === before) this.#media.remove(() => true, drop);
    const waiting = new Set<number>();
    this.#media.forEach((packet) => {
      waiting.add(packet.stream);
    });
    for (const stream of streams) {
      if (!waiting.has(stream)) this.#ask(stream, nowMs);
    }
  }

  #ask(stream: number, nowMs: number): void {
    this.#givenUp.set(stream, nowMs);
    this.#output.onGivenUp(stream);
  }
}

/** A queue that reuses its array. */
class Fifo<Packet extends PacedPacket> {
  #items: Packet[] = [];
  #head = 0;
  bytes = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(packet: Packet): void {
    this.#items.push(packet);
    this.bytes += packet.wireBytes;
  }

  shift(): Packet | undefined {
    const packet = this.#items[this.#head];
    if (packet === undefined) return undefined;
    this.#head += 1;
    this.bytes -= packet.wireBytes;
    if (this.#head === this.#items.length) {
      this.#items.length = 0;
      this.#head = 0;
    } else if (this.#head >= 256) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return packet;
  }

  forEach(visit: (packet: Packet) => void): void {
    for (let i = this.#head; i < this.#items.length; i += 1) {
      const packet = this.#items[i];
      if (packet !== undefined) visit(packet);
    }
  }

  remove(matches: (packet: Packet) => boolean, removed: (packet: Packet) => void): void {
    const kept: Packet[] = [];
    let bytes = 0;
    this.forEach((packet) => {
      if (matches(packet)) {
        removed(packet);
        return;
      }
      kept.push(packet);
      bytes += packet.wireBytes;
    });
    this.#items = kept;
    this.#head = 0;
    this.bytes = bytes;
  }
}
