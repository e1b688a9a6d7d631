import {
  type Codec,
  clockRateOf,
  type MediaPacket,
  NO_AUDIO_LEVEL,
  seqDiff,
  writeDescriptorPatches,
  writePatches,
  writeU16,
} from '@switchyard/shared/media';
import type { FanoutTarget } from '@switchyard/shared/protocol';
import { type SrtpBatch, SrtpSendStream } from '@switchyard/shared/srtp';
import type { NegotiatedMedia } from '../peer-contract.ts';
import { AudioCopy } from './audio-copy.ts';
import { HeaderWriter } from './header-writer.ts';
import type { OutgoingPacket, OutgoingPackets } from './outgoing-packet.ts';
import { PacketHistory } from './packet-history.ts';
import { PaddingShift } from './padding-shift.ts';
import type { PayloadRing, StoredPayload } from './payload-ring.ts';
import type { SendCounters } from './send-counters.ts';
import { StreamShift } from './stream-shift.ts';

/** A packet is sent again at most this often, and not sooner than this after the last time, milliseconds. */
const RESENDS_MAX = 6;
const RESEND_INTERVAL_MIN_MS = 20;
const RESEND_INTERVAL_MAX_MS = 500;
/** A probe packet of at least this size is made of media that was sent lately. */
const FILLING_MIN_BYTES = 200;
/** How far back media for that is looked for, packets. */
const FILLING_BACK = 24;
/** Original sequence number in front of a repaired payload (RFC 4588 §4). */
const OSN_BYTES = 2;
/** RTP header with its extensions and SRTP tag, about. */
const HEADER_ESTIMATE_BYTES = 36;
const PADDING_MAX_BYTES = 255;
const PADDING_FLAG = 0x20;
/** Milliseconds that fit a small integer. */
const MS_MASK = 0x3fff_ffff;

/** What the slots of a process share. */
export interface SlotHome {
  readonly ring: PayloadRing;
  readonly packets: OutgoingPackets;
  readonly batch: SrtpBatch;
  readonly counters: SendCounters;
}

/** What a slot sends through: the client's transport. */
export interface SlotTransport {
  /** Keys and a path are there. */
  readonly isOpen: boolean;
  /** A packet is to be sent now, or in its turn: by {@link Slot.transmit}. @returns false when it was discarded. */
  enqueue(packet: OutgoingPacket, nowMs: number): boolean;
  /** The next transport-wide sequence number, for a packet of `wireBytes` that leaves now (TWCC). */
  transportSeq(wireBytes: number, cluster: number, nowMs: number): number;
  /** Makes room in the batch: afterwards one more packet fits. */
  reserve(): void;
  /** Seals and sends the packet whose header was written into the batch; see SrtpBatch.add. */
  send(
    stream: SrtpSendStream,
    headerLength: number,
    prefixLength: number,
    source: number,
    length: number,
    ssrc: number,
    seq: number,
  ): void;
}

/** What sender reports say of a slot (RFC 3550 §6.4.1). */
export interface SlotReport {
  readonly ssrc: number;
  readonly cname: string;
  readonly packets: number;
  readonly octets: number;
  readonly timestamp: number;
  /** Capture time of that timestamp, milliseconds of Unix time. */
  readonly captureMs: number;
  readonly clockRate: number;
}

/** One `send` m-line: constant SSRCs, whatever source and codec flow through it. */
export class Slot {
  readonly mid: string;
  readonly ssrc: number;
  readonly rtxSsrc: number;
  /** Number of this slot at its client. */
  readonly stream: number;
  readonly #cname: string;
  readonly #transport: SlotTransport;
  readonly #home: SlotHome;
  readonly #header: HeaderWriter;
  readonly #srtp = new SrtpSendStream();
  readonly #rtxSrtp = new SrtpSendStream();
  readonly #history: PacketHistory | undefined;
  #media: NegotiatedMedia;
  #codec: Codec | undefined;
  #payloadType = -1;
  #rtxPayloadType = -1;
  #rtxSeq: number;
  #packets = 0;
  #octets = 0;
  #seq = 0;
  #timestamp = 0;
  #pictureId = -1;
  #tl0PicIdx = -1;
  #frameNumber = -1;
  #captureMs = 0;
  #fillFrom = 0;
  #keyframeTimestamp = -1;
  /** Audio goes out with the packet before it, where that was negotiated (RFC 2198). */
  redundant = false;
  #redPayloadType = -1;
  readonly #copy: AudioCopy | undefined;
  /** The core was restarted and nothing of the new one was sent yet. */
  #resuming = false;
  #shift: StreamShift | undefined;
  /** Without RTX, from the first packet of padding on. */
  #padding: PaddingShift | undefined;
  /** The last packet of media ended its frame: padding may follow. */
  #ended = false;
  bytesSent = 0;

  constructor(
    media: NegotiatedMedia,
    send: NonNullable<NegotiatedMedia['send']>,
    stream: number,
    home: SlotHome,
    transport: SlotTransport,
  ) {
    this.mid = media.mid;
    this.ssrc = send.ssrc;
    this.rtxSsrc = send.rtxSsrc;
    this.stream = stream;
    this.#cname = send.cname;
    this.#media = media;
    this.#home = home;
    this.#header = new HeaderWriter(media);
    this.#transport = transport;
    this.#history = media.kind === 'video' ? new PacketHistory() : undefined;
    this.#copy = media.kind === 'audio' ? new AudioCopy(home.ring) : undefined;
    // RTX counts on its own; any start is right.
    this.#rtxSeq = send.rtxSsrc & 0x7fff;
  }

  /** A later negotiation of the same m-line. */
  apply(media: NegotiatedMedia): void {
    this.#media = media;
    this.#header.apply(media);
    this.#codec = undefined;
  }

  /** See {@link HeaderWriter.setPlayoutDelay}. */
  setPlayoutDelay(minMs: number, maxMs: number): void {
    this.#header.setPlayoutDelay(minMs, maxMs);
  }

  /** Gives the memory of its streams back. */
  close(): void {
    this.#srtp.close();
    this.#rtxSrtp.close();
  }

  /** Another core counts from here on: its numbers are moved behind what was sent. */
  resume(): void {
    this.#resuming = this.#packets > 0;
  }

  get isVideo(): boolean {
    return this.#history !== undefined;
  }

  /** Hot path: one viewer's copy of a packet whose payload is in the ring. */
  send(packet: MediaPacket, payload: StoredPayload, target: FanoutTarget, nowMs: number): void {
    if (packet.codec !== this.#codec) this.#choose(packet.codec);
    if (this.#payloadType < 0 || this.#media.direction !== 'send' || !this.#transport.isOpen) return;
    if (this.#resuming) this.#beginShift(packet);
    this.#shift?.apply(target);
    if (this.#padding !== undefined) {
      target.seq = this.#padding.apply(target.seq);
      if (target.seq < 0) return;
    }
    const outgoing = this.#home.packets.take(this, payload);
    outgoing.stream = this.stream;
    outgoing.wireBytes = HEADER_ESTIMATE_BYTES + (target.empty ? 1 : payload.length);
    // Layers of one picture have its timestamp in common, and only the lowest stands alone.
    outgoing.startsKeyframe =
      packet.keyframe && packet.frameStart && target.timestamp !== this.#keyframeTimestamp;
    if (outgoing.startsKeyframe) {
      this.#keyframeTimestamp = target.timestamp;
      this.#history?.clear();
    }
    outgoing.seq = target.seq;
    outgoing.timestamp = target.timestamp;
    outgoing.marker = target.marker;
    outgoing.empty = target.empty;
    outgoing.isRepair = false;
    outgoing.payloadType = this.#payloadType;
    outgoing.pictureId = target.pictureId;
    outgoing.tl0PicIdx = target.tl0PicIdx;
    outgoing.frameNumber = target.frameNumber;
    outgoing.decodeTargets = target.decodeTargets;
    this.#transport.enqueue(outgoing, nowMs);
  }

  /**
   * A NACK for `seq` (RFC 4588): the packet once more on the RTX stream. One that comes within a round trip of the last
   * answer is about what is still under way. What was before the last keyframe is forgotten: its repair would only hold up
   * that keyframe, with which a decoder goes on. @returns Whether it goes out.
   */
  resend(seq: number, rttMs: number, nowMs: number): boolean {
    const history = this.#history;
    const at = history?.find(seq) ?? -1;
    if (history === undefined || at < 0 || !this.#transport.isOpen) return false;
    const ms = nowMs & MS_MASK;
    // Not so soon after the first time either: what was asked for has then been under way.
    const elapsedMs = (ms - history.sentMs(at)) & MS_MASK;
    const times = history.timesResent(at);
    const intervalMs = Math.max(RESEND_INTERVAL_MIN_MS, Math.min(RESEND_INTERVAL_MAX_MS, rttMs));
    if (times >= RESENDS_MAX || (times > 0 && elapsedMs < intervalMs)) return false;
    const payload = this.#home.ring.find(history.payloadNumber(at));
    if (payload === undefined) return false;
    const outgoing = this.#home.packets.take(this, payload);
    history.read(at, outgoing);
    outgoing.stream = this.stream;
    outgoing.wireBytes = HEADER_ESTIMATE_BYTES + OSN_BYTES + payload.length;
    outgoing.startsKeyframe = false;
    outgoing.empty = false;
    outgoing.isRepair = true;
    if (!this.#transport.enqueue(outgoing, nowMs)) return false;
    history.resent(at, ms);
    return true;
  }

  /**
   * Seals and sends a packet that this slot enqueued, with the time and numbers of now.
   * @param cluster Number of the probe that it is part of, −1 for none.
   * @returns Its size on the wire, 0 when its payload is gone or nobody can be sent to.
   */
  transmit(outgoing: OutgoingPacket, cluster: number, nowMs: number): number {
    const bytes =
      this.#transport.isOpen &&
      this.#home.ring.holds(outgoing.payload, outgoing.payloadNumber) &&
      !(outgoing.isRepair && this.#history?.find(outgoing.seq) === -1)
        ? this.#seal(outgoing, cluster, nowMs)
        : 0;
    this.#home.packets.giveBack(outgoing);
    return bytes;
  }

  /** Gives up a packet that this slot enqueued. */
  discard(outgoing: OutgoingPacket): void {
    this.#home.packets.giveBack(outgoing);
  }

  /** Packets for measuring can be sent: video flows. */
  get canPad(): boolean {
    return (
      this.#history !== undefined && this.#payloadType >= 0 && this.#packets > 0 && this.#transport.isOpen
    );
  }

  /**
   * A packet of about `bytes` for measuring: media that was sent lately once more, which repairs what was lost unnoticed,
   * or padding. @returns Its size on the wire, 0 when nothing can be sent now.
   */
  transmitFilling(bytes: number, cluster: number, nowMs: number): number {
    const history = this.#history;
    if (history !== undefined && this.canPad && bytes >= FILLING_MIN_BYTES)
      for (let back = 0; back < FILLING_BACK; back += 1) {
        this.#fillFrom = (this.#fillFrom + 1) % FILLING_BACK;
        const at = history.find((this.#seq - this.#fillFrom) & 0xffff);
        const payload = at < 0 ? undefined : this.#home.ring.find(history.payloadNumber(at));
        if (payload === undefined || payload.length < bytes / 2 || payload.length > bytes * 2) continue;
        const outgoing = this.#home.packets.take(this, payload);
        history.read(at, outgoing);
        outgoing.empty = false;
        outgoing.isRepair = true;
        return this.transmit(outgoing, cluster, nowMs);
      }
    return this.transmitPadding(bytes - HEADER_ESTIMATE_BYTES, cluster, nowMs);
  }

  /**
   * A packet of nothing but padding, for measuring: on the RTX stream, or, where that was not negotiated, among the media
   * between two frames. A probe asks for a fraction of bytes: it is cut off.
   * @returns Its size on the wire, 0 when it cannot be sent now.
   */
  transmitPadding(paddingBytes: number, cluster: number, nowMs: number): number {
    const onRtx = this.#rtxPayloadType >= 0;
    if (!this.canPad || (!onRtx && !this.#ended)) return 0;
    this.#transport.reserve();
    const padding = Math.max(1, Math.min(PADDING_MAX_BYTES, Math.floor(paddingBytes)));
    const seq = onRtx ? (this.#rtxSeq + 1) & 0xffff : this.#paddingSeq();
    if (onRtx) this.#rtxSeq = seq;
    const ssrc = onRtx ? this.rtxSsrc : this.ssrc;
    const payloadType = onRtx ? this.#rtxPayloadType : this.#payloadType;
    const { bytes, at } = this.#home.batch;
    const end = this.#writeHeader(payloadType, false, seq, this.#timestamp, ssrc, NO_AUDIO_LEVEL, 0, nowMs);
    const wireBytes = this.#numbered(end - at + padding, cluster, nowMs);
    this.#pad(bytes, at, end, padding);
    const srtp = onRtx ? this.#rtxSrtp : this.#srtp;
    this.#transport.send(srtp, end - at, padding, 0, 0, ssrc, seq);
    return wireBytes;
  }

  #paddingSeq(): number {
    this.#padding ??= new PaddingShift(this.#seq);
    this.#seq = this.#padding.pad();
    return this.#seq;
  }

  /** @returns undefined while nothing was sent. */
  report(): SlotReport | undefined {
    if (this.#packets === 0 || this.#codec === undefined) return undefined;
    return {
      ssrc: this.ssrc,
      cname: this.#cname,
      packets: this.#packets,
      octets: this.#octets,
      timestamp: this.#timestamp,
      captureMs: this.#captureMs,
      clockRate: clockRateOf(this.#codec),
    };
  }

  #seal(outgoing: OutgoingPacket, cluster: number, nowMs: number): number {
    const { payload, isRepair, empty } = outgoing;
    this.#transport.reserve();
    const { bytes, at } = this.#home.batch;
    if (isRepair) this.#rtxSeq = (this.#rtxSeq + 1) & 0xffff;
    const seq = isRepair ? this.#rtxSeq : outgoing.seq;
    const ssrc = isRepair ? this.rtxSsrc : this.ssrc;
    const hasCopy = this.redundant && this.#redPayloadType >= 0 && this.#copy?.fits(outgoing) === true;
    const descriptorLength = empty || !this.#header.hasDescriptor ? 0 : payload.descriptorLength;
    const end = this.#writeHeader(
      hasCopy ? this.#redPayloadType : outgoing.payloadType,
      outgoing.marker,
      seq,
      outgoing.timestamp,
      ssrc,
      isRepair ? NO_AUDIO_LEVEL : payload.audioLevel,
      descriptorLength,
      nowMs,
    );
    if (descriptorLength > 0) this.#writeDescriptor(bytes, outgoing, descriptorLength);
    if (empty) {
      this.#pad(bytes, at, end, 1);
      this.#sent(outgoing, 0);
      const wireBytes = this.#numbered(end - at + 1, cluster, nowMs);
      this.#transport.send(this.#srtp, end - at, 1, 0, 0, ssrc, seq);
      return wireBytes;
    }
    let from = end;
    if (isRepair) {
      writeU16(bytes, from, outgoing.seq);
      from += OSN_BYTES;
    } else this.#sent(outgoing, payload.length);
    // What differs between the copies is written here, the rest is taken from the ring when it is encrypted.
    const { patchedLength, offset } = payload;
    if (hasCopy && this.#copy !== undefined) from = this.#copy.write(bytes, from, outgoing);
    this.#copy?.sent(outgoing);
    for (let i = 0; i < patchedLength; i += 1) bytes[from + i] = bytes[offset + i] ?? 0;
    writePatches(bytes, from, payload, outgoing.pictureId, outgoing.tl0PicIdx);
    const prefix = from + patchedLength - end;
    const rest = payload.length - patchedLength;
    if (!isRepair && this.#history !== undefined && this.#rtxPayloadType >= 0)
      this.#history.add(outgoing, this.#rtxPayloadType, nowMs & MS_MASK);
    const wireBytes = this.#numbered(end - at + prefix + rest, cluster, nowMs);
    const srtp = isRepair ? this.#rtxSrtp : this.#srtp;
    this.#transport.send(srtp, end - at, prefix, offset + patchedLength, rest, ssrc, seq);
    return wireBytes;
  }

  #writeHeader(
    payloadType: number,
    marker: boolean,
    seq: number,
    timestamp: number,
    ssrc: number,
    audioLevel: number,
    descriptorLength: number,
    nowMs: number,
  ): number {
    const { bytes, at } = this.#home.batch;
    const header = this.#header;
    return header.write(
      bytes,
      at,
      payloadType,
      marker,
      seq,
      timestamp,
      ssrc,
      audioLevel,
      descriptorLength,
      nowMs,
    );
  }

  #writeDescriptor(bytes: Buffer, outgoing: OutgoingPacket, length: number): void {
    const { payload, frameNumber, decodeTargets } = outgoing;
    const at = this.#header.descriptorAt;
    const from = payload.offset + payload.length;
    bytes.copyWithin(at, from, from + length);
    writeDescriptorPatches(bytes, at, payload.maskBit, payload.maskBits, frameNumber, decodeTargets);
  }

  /** Padding (RFC 3550 §5.1, P) behind the header that begins at `at`. */
  #pad(bytes: Buffer, at: number, from: number, padding: number): void {
    bytes[at] = (bytes[at] ?? 0) | PADDING_FLAG;
    bytes.fill(0, from, from + padding - 1);
    bytes[from + padding - 1] = padding;
  }

  /** Counts a packet that leaves, and writes its transport-wide number where the header has room for it. */
  #numbered(length: number, cluster: number, nowMs: number): number {
    this.bytesSent += length;
    if (this.#header.hasTransportSeq)
      writeU16(
        this.#home.batch.bytes,
        this.#header.transportSeqAt,
        this.#transport.transportSeq(length, cluster, nowMs),
      );
    return length;
  }

  #sent(outgoing: OutgoingPacket, octets: number): void {
    const { payload } = outgoing;
    this.#packets += 1;
    // A late one is not where the stream goes on from.
    if (this.#packets === 1 || seqDiff(outgoing.seq, this.#seq) > 0) {
      this.#seq = outgoing.seq;
      this.#ended = outgoing.marker;
    }
    if (outgoing.empty) return;
    this.#octets += octets;
    this.#timestamp = outgoing.timestamp;
    this.#captureMs = payload.captureMs;
    if (payload.pictureIdBits > 0) this.#pictureId = outgoing.pictureId;
    if (payload.tl0PicIdx >= 0) this.#tl0PicIdx = outgoing.tl0PicIdx;
    if (payload.descriptorLength > 0) this.#frameNumber = outgoing.frameNumber;
  }

  #beginShift(packet: MediaPacket): void {
    this.#resuming = false;
    // Numbered from what was sent last, padding included.
    this.#padding = undefined;
    const last = {
      seq: this.#seq,
      timestamp: this.#timestamp,
      pictureId: this.#pictureId,
      tl0PicIdx: this.#tl0PicIdx,
      frameNumber: this.#frameNumber,
    };
    this.#shift = new StreamShift(
      last,
      ((packet.captureMs - this.#captureMs) * clockRateOf(packet.codec)) / 1000,
    );
  }

  #choose(codec: Codec): void {
    this.#codec = codec;
    const chosen = this.#media.codecs.find((each) => each.codec === codec);
    this.#payloadType = chosen?.payloadType ?? -1;
    this.#rtxPayloadType = chosen?.rtxPayloadType ?? -1;
    this.#redPayloadType = chosen?.redPayloadType ?? -1;
  }
}
