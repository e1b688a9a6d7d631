import {
  type Codec,
  clockRateOf,
  type MediaPacket,
  NO_AUDIO_LEVEL,
  ONE_BYTE_PROFILE,
  RTP_HEADER_BYTES,
  TWO_BYTE_PROFILE,
  writeDescriptorPatches,
  writePatches,
  writeRtpHeader,
  writeU16,
  writeU24,
} from '@switchyard/shared/media';
import type { FanoutTarget } from '@switchyard/shared/protocol';
import { SrtpSendStream } from '@switchyard/shared/srtp';
import type { NegotiatedMedia } from '../peer-contract.ts';
import { PacketHistory, type SentPacket } from './packet-history.ts';
import type { PayloadRing } from './payload-ring.ts';
import { StreamShift } from './stream-shift.ts';

/** A packet is sent again at most this often, and not sooner than this after the last time, milliseconds. */
const RESENDS_MAX = 6;
const RESEND_INTERVAL_MS = 30;
const OSN_BYTES = 2;
/** Longest element of a one-byte extension header (RFC 8285 §4.2). */
const SHORT_ELEMENT_MAX_BYTES = 16;

/** What a slot sends through: the client's transport. */
export interface SlotTransport {
  /** An empty packet buffer with room for tag and headers. */
  buffer(): Buffer;
  /** Protects `bytes` in place and sends it. */
  send(
    stream: SrtpSendStream,
    bytes: Buffer,
    headerLength: number,
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
  readonly #cname: string;
  readonly #transport: SlotTransport;
  readonly #ring: PayloadRing;
  readonly #stream = new SrtpSendStream();
  readonly #rtxStream = new SrtpSendStream();
  readonly #history: PacketHistory | undefined;
  readonly #midBytes: Uint8Array;
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
  /** The core was restarted and nothing of the new one was sent yet. */
  #resuming = false;
  #shift: StreamShift | undefined;
  /** Where the header that was written last has room for the dependency descriptor. */
  #descriptorAt = 0;
  bytesSent = 0;

  constructor(
    media: NegotiatedMedia,
    send: NonNullable<NegotiatedMedia['send']>,
    ring: PayloadRing,
    transport: SlotTransport,
  ) {
    this.mid = media.mid;
    this.ssrc = send.ssrc;
    this.rtxSsrc = send.rtxSsrc;
    this.#cname = send.cname;
    this.#media = media;
    this.#ring = ring;
    this.#transport = transport;
    this.#history = media.kind === 'video' ? new PacketHistory() : undefined;
    this.#midBytes = Uint8Array.from(media.mid, (letter) => letter.charCodeAt(0) & 127);
    // RTX counts on its own; any start is right.
    this.#rtxSeq = send.rtxSsrc & 0x7fff;
  }

  /** A later negotiation of the same m-line. */
  apply(media: NegotiatedMedia): void {
    this.#media = media;
    this.#codec = undefined;
  }

  /** Another core counts from here on: its numbers are moved behind what was sent. */
  resume(): void {
    this.#resuming = this.#packets > 0;
  }

  get isVideo(): boolean {
    return this.#history !== undefined;
  }

  /** Hot path: one viewer's copy of a packet. `position` is its payload's in the ring, −1 when it was not kept. */
  send(packet: MediaPacket, target: FanoutTarget, position: number, nowMs: number): void {
    if (packet.codec !== this.#codec) this.#choose(packet.codec);
    if (this.#payloadType < 0 || this.#media.direction !== 'send') return;
    if (this.#resuming) this.#beginShift(packet);
    this.#shift?.apply(target);
    const bytes = this.#transport.buffer();
    const { dependencyDescriptor: descriptor } = packet;
    const descriptorLength =
      target.empty || this.#media.extensions['dependency-descriptor'] === undefined ? 0 : descriptor.length;
    const header = this.#writeHeader(
      bytes,
      this.#payloadType,
      target.marker,
      target.seq,
      target.timestamp,
      this.ssrc,
      packet.audioLevel,
      descriptorLength,
      nowMs,
    );
    if (target.empty) {
      this.#sendPadding(bytes, header, target);
      return;
    }
    if (descriptorLength > 0) {
      bytes.set(descriptor, this.#descriptorAt);
      const { frameNumber, decodeTargets } = target;
      const { maskBit, maskBits } = packet;
      writeDescriptorPatches(bytes, this.#descriptorAt, maskBit, maskBits, frameNumber, decodeTargets);
    }
    bytes.set(packet.payload, header);
    writePatches(bytes, header, packet, target.pictureId, target.tl0PicIdx);
    const length = header + packet.payload.length;
    this.#packets += 1;
    this.#octets += packet.payload.length;
    this.#seq = target.seq;
    this.#timestamp = target.timestamp;
    this.#captureMs = packet.captureMs;
    if (packet.pictureId >= 0) this.#pictureId = target.pictureId;
    if (packet.tl0PicIdx >= 0) this.#tl0PicIdx = target.tl0PicIdx;
    if (descriptor.length > 0) this.#frameNumber = target.frameNumber;
    this.bytesSent += length;
    if (this.#history !== undefined && this.#rtxPayloadType >= 0 && position >= 0)
      this.#remember(this.#history.claim(target.seq), packet, target, position, nowMs);
    this.#transport.send(this.#stream, bytes, header, length, this.ssrc, target.seq);
  }

  /** A NACK for `seq` (RFC 4588): the packet once more on the RTX stream. @returns Whether it went out. */
  resend(seq: number, nowMs: number): boolean {
    const sent = this.#history?.find(seq);
    if (sent === undefined || sent.resent >= RESENDS_MAX || nowMs - sent.lastSentMs < RESEND_INTERVAL_MS)
      return false;
    const bytes = this.#transport.buffer();
    this.#rtxSeq = (this.#rtxSeq + 1) & 0xffff;
    const header = this.#writeHeader(
      bytes,
      sent.rtxPayloadType,
      sent.marker,
      this.#rtxSeq,
      sent.timestamp,
      this.rtxSsrc,
      NO_AUDIO_LEVEL,
      sent.descriptorLength,
      nowMs,
    );
    writeU16(bytes, header, sent.seq);
    const payloadAt = header + OSN_BYTES;
    if (!this.#ring.read(sent.position, sent.length, bytes, payloadAt)) return false;
    if (sent.descriptorLength > 0) {
      const at = this.#descriptorAt;
      this.#ring.read(sent.position + sent.length, sent.descriptorLength, bytes, at);
      writeDescriptorPatches(bytes, at, sent.maskBit, sent.maskBits, sent.frameNumber, sent.decodeTargets);
    }
    patchAgain(bytes, payloadAt, sent);
    sent.lastSentMs = nowMs;
    sent.resent += 1;
    const length = payloadAt + sent.length;
    this.bytesSent += length;
    this.#transport.send(this.#rtxStream, bytes, header, length, this.rtxSsrc, this.#rtxSeq);
    return true;
  }

  /** One byte of padding (RFC 3550 §5.1, P) where a packet was left out too late to close the gap. */
  #sendPadding(bytes: Buffer, header: number, target: FanoutTarget): void {
    bytes[0] = (bytes[0] ?? 0) | 0x20;
    bytes[header] = 1;
    this.#seq = target.seq;
    this.#packets += 1;
    this.bytesSent += header + 1;
    this.#transport.send(this.#stream, bytes, header, header + 1, this.ssrc, target.seq);
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

  #beginShift(packet: MediaPacket): void {
    this.#resuming = false;
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
  }

  /**
   * RTP header with the extensions of the m-line: in one-byte form, or in two-byte form when the dependency descriptor
   * is too long for that. Room for the descriptor is left at `#descriptorAt`. @returns Where the payload begins.
   */
  #writeHeader(
    bytes: Buffer,
    payloadType: number,
    marker: boolean,
    seq: number,
    timestamp: number,
    ssrc: number,
    audioLevel: number,
    descriptorLength: number,
    nowMs: number,
  ): number {
    const { extensions } = this.#media;
    writeRtpHeader(bytes, 0, payloadType, marker, seq, timestamp, ssrc, true);
    const wide = descriptorLength > SHORT_ELEMENT_MAX_BYTES;
    const start = RTP_HEADER_BYTES + 4;
    let at = start;
    if (extensions.mid !== undefined) {
      at = writeElement(bytes, at, extensions.mid, this.#midBytes.length, wide);
      bytes.set(this.#midBytes, at);
      at += this.#midBytes.length;
    }
    if (extensions['abs-send-time'] !== undefined) {
      at = writeElement(bytes, at, extensions['abs-send-time'], 3, wide);
      // 24 bits of seconds, 18 of them fraction.
      writeU24(bytes, at, Math.floor((nowMs % 64_000) * 262.144) & 0xff_ffff);
      at += 3;
    }
    if (extensions['audio-level'] !== undefined && audioLevel !== NO_AUDIO_LEVEL) {
      at = writeElement(bytes, at, extensions['audio-level'], 1, wide);
      bytes[at] = -audioLevel & 127;
      at += 1;
    }
    if (descriptorLength > 0) {
      at = writeElement(bytes, at, extensions['dependency-descriptor'] ?? 0, descriptorLength, wide);
      this.#descriptorAt = at;
      at += descriptorLength;
    }
    while (((at - start) & 3) !== 0) bytes[at++] = 0;
    writeU16(bytes, RTP_HEADER_BYTES, wide ? TWO_BYTE_PROFILE : ONE_BYTE_PROFILE);
    writeU16(bytes, RTP_HEADER_BYTES + 2, (at - start) / 4);
    return at;
  }

  #remember(
    sent: SentPacket,
    packet: MediaPacket,
    target: FanoutTarget,
    position: number,
    nowMs: number,
  ): void {
    sent.position = position;
    sent.length = packet.payload.length;
    sent.timestamp = target.timestamp;
    sent.marker = target.marker;
    sent.rtxPayloadType = this.#rtxPayloadType;
    sent.pictureId = target.pictureId;
    sent.tl0PicIdx = packet.tl0PicIdx < 0 ? -1 : target.tl0PicIdx;
    sent.pictureIdBits = packet.pictureIdBits;
    sent.pictureIdOffset = packet.pictureIdOffset;
    sent.tl0PicIdxOffset = packet.tl0PicIdxOffset;
    sent.descriptorLength =
      this.#media.extensions['dependency-descriptor'] === undefined ? 0 : packet.dependencyDescriptor.length;
    sent.maskBit = packet.maskBit;
    sent.maskBits = packet.maskBits;
    sent.frameNumber = target.frameNumber;
    sent.decodeTargets = target.decodeTargets;
    sent.lastSentMs = nowMs - RESEND_INTERVAL_MS;
  }
}

/** Head of one element (RFC 8285 §4.2, or §4.3 when `wide`). @returns Where its data goes. */
function writeElement(bytes: Buffer, at: number, id: number, length: number, wide: boolean): number {
  if (!wide) {
    bytes[at] = (id << 4) | (length - 1);
    return at + 1;
  }
  bytes[at] = id;
  bytes[at + 1] = length;
  return at + 2;
}

function patchAgain(bytes: Buffer, at: number, sent: SentPacket): void {
  if (sent.pictureIdBits === 15)
    writeU16(bytes, at + sent.pictureIdOffset, 0x8000 | (sent.pictureId & 0x7fff));
  else if (sent.pictureIdBits === 7) bytes[at + sent.pictureIdOffset] = sent.pictureId & 0x7f;
  if (sent.tl0PicIdx >= 0) bytes[at + sent.tl0PicIdxOffset] = sent.tl0PicIdx;
}
