import {
  type Codec,
  clockRateOf,
  DependencyDescriptorReader,
  DescriptorMask,
  type ExtensionElement,
  emptyMediaPacket,
  findExtension,
  keyframeSize,
  type MediaPacket,
  NO_AUDIO_LEVEL,
  nextExtension,
  type PictureSize,
  type ReportBlock,
  type RtpHeader,
  readPayload,
  readU16,
  type SenderInfo,
  trimPadding,
  writeNack,
  writePli,
  writeReceiverReport,
  writeRemb,
} from '@switchyard/shared/media';
import type { LayerInfo } from '@switchyard/shared/protocol';
import type { NegotiatedMedia } from '../peer-contract.ts';
import { CaptureClock, CaptureTimestamps } from './capture-clock.ts';
import { KeyframeThrottle } from './keyframe-throttle.ts';
import { NackGenerator } from './nack-generator.ts';
import { Reception } from './reception.ts';
import { RedReader } from './red-reader.ts';
import { SeqWindow } from './seq-window.ts';
import { TrackLayers } from './track-layers.ts';
import { type Binding, type PayloadMeaning, type StreamHints, TrackMap } from './track-map.ts';
import { TwccFeedback } from './twcc-feedback.ts';

const REPORT_INTERVAL_MS = 1000;
const REPORT_BLOCKS_MAX = 31;
/** OSN of RTX (RFC 4588 §4). */
const OSN_BYTES = 2;

export interface ReceiverListener {
  onMedia(mid: string, packet: MediaPacket): void;
  onTrackFacts(mid: string, codec: Codec, layers: readonly LayerInfo[]): void;
  /** RTCP to the client, plain. */
  sendRtcp(packet: Uint8Array): void;
}

/** One incoming encoding. */
interface Stream {
  readonly ssrc: number;
  readonly binding: Binding;
  readonly layers: TrackLayers;
  readonly reception: Reception;
  readonly timestamps: CaptureTimestamps;
  readonly nacks: NackGenerator | undefined;
  /** What was delivered. */
  readonly seen: SeqWindow;
  readonly descriptors: DependencyDescriptorReader;
  readonly keyframes: KeyframeThrottle;
  /** Made by the first packet with copies. */
  red: RedReader | undefined;
  /** Nothing of it went to the room yet. */
  isNew: boolean;
}

/** Everything that one client sends to us: streams to packets of tracks, repair, and feedback. Time is an argument. */
export class Receiver {
  readonly #listener: ReceiverListener;
  /** SSRC of our RTCP. */
  readonly #ssrc: number;
  readonly #tracks = new TrackMap();
  readonly #streams = new Map<number, Stream>();
  /** By MID. */
  readonly #layers = new Map<string, TrackLayers>();
  readonly #clock = new CaptureClock();
  readonly #twcc = new TwccFeedback();
  readonly #codecs = new Map<string, Codec>();
  readonly #packet: MediaPacket = emptyMediaPacket('opus');
  readonly #mask = new DescriptorMask();
  readonly #element: ExtensionElement = { id: 0, offset: 0, length: 0 };
  #twccMedia = 0;
  #reportedMs = 0;
  #limitBps = 0;
  /** Packets that belong to nothing negotiated, or make no sense. */
  refused = 0;

  constructor(ssrc: number, listener: ReceiverListener) {
    this.#ssrc = ssrc;
    this.#listener = listener;
  }

  apply(media: readonly NegotiatedMedia[]): void {
    this.#tracks.apply(media);
    for (const [ssrc] of this.#streams) if (this.#tracks.find(ssrc) === undefined) this.#streams.delete(ssrc);
    for (const [mid] of this.#layers) {
      if (this.#tracks.mediaOf(mid) !== undefined) continue;
      this.#layers.delete(mid);
      this.#codecs.delete(mid);
    }
  }

  /** A decrypted RTP packet. Hot path. */
  handleRtp(bytes: Uint8Array, header: RtpHeader, nowMs: number): void {
    const binding = this.#tracks.find(header.ssrc) ?? this.#bind(bytes, header);
    const media = binding === undefined ? undefined : this.#tracks.mediaOf(binding.mid);
    if (binding === undefined || media === undefined) {
      this.refused += 1;
      return;
    }
    const { extensions } = media;
    if (extensions['transport-cc'] !== undefined && this.#find(bytes, header, extensions['transport-cc'])) {
      this.#twccMedia = header.ssrc;
      this.#twcc.received(readU16(bytes, this.#element.offset), nowMs);
    }
    const meaning = this.#tracks.meaningOf(media, header.payloadType);
    if (meaning === undefined || !trimPadding(bytes, header)) {
      this.refused += 1;
      return;
    }
    if (binding.isRtx || meaning.isRtx) this.#repair(bytes, header, media, binding, meaning.codec, nowMs);
    else this.#primary(bytes, header, media, binding, meaning, nowMs);
  }

  senderReport(info: SenderInfo, nowMs: number): void {
    const stream = this.#streams.get(info.ssrc);
    if (stream === undefined) return;
    this.#clock.senderReport(info.ntpMs, nowMs);
    stream.timestamps.senderReport(info.ntpMs, info.timestamp);
    stream.reception.senderReport(info, nowMs);
  }

  requestKeyframe(mid: string, spatial: number, nowMs: number): void {
    for (const stream of this.#streams.values()) {
      if (stream.binding.mid !== mid || stream.layers.layerOf(stream.binding.encoding) !== spatial) continue;
      if (stream.keyframes.request(nowMs)) this.#listener.sendRtcp(writePli(this.#ssrc, stream.ssrc));
    }
  }

  /** Limit of all streams together, told by REMB with every report. */
  limit(bitrateBps: number): void {
    this.#limitBps = bitrateBps;
  }

  tick(nowMs: number): void {
    if (this.#streams.size === 0) return;
    const feedback = this.#twcc.due(this.#ssrc, this.#twccMedia, nowMs);
    if (feedback !== undefined) this.#listener.sendRtcp(feedback);
    for (const layers of this.#layers.values()) layers.tick(nowMs);
    for (const { nacks, ssrc, keyframes } of this.#streams.values()) {
      if (keyframes.due(nowMs)) this.#listener.sendRtcp(writePli(this.#ssrc, ssrc));
      const lost = nacks?.due(nowMs);
      if (lost !== undefined && lost.length > 0) this.#listener.sendRtcp(writeNack(this.#ssrc, ssrc, lost));
    }
    if (nowMs - this.#reportedMs < REPORT_INTERVAL_MS) return;
    this.#reportedMs = nowMs;
    this.#report(nowMs);
  }

  #report(nowMs: number): void {
    const blocks: ReportBlock[] = [];
    for (const { reception } of this.#streams.values()) {
      const block = reception.report(nowMs);
      if (block !== undefined) blocks.push(block);
    }
    for (let at = 0; at < blocks.length; at += REPORT_BLOCKS_MAX)
      this.#listener.sendRtcp(writeReceiverReport(this.#ssrc, blocks.slice(at, at + REPORT_BLOCKS_MAX)));
    if (this.#limitBps > 0)
      this.#listener.sendRtcp(writeRemb(this.#ssrc, this.#limitBps, [...this.#streams.keys()].slice(0, 255)));
  }

  #primary(
    bytes: Uint8Array,
    header: RtpHeader,
    media: NegotiatedMedia,
    binding: Binding,
    { codec, isRed, payloadType }: PayloadMeaning,
    nowMs: number,
  ): void {
    const stream = this.#streams.get(header.ssrc) ?? this.#open(header.ssrc, binding, media, codec);
    stream.reception.packet(header.seq, header.timestamp, nowMs);
    // Not of repairs: those come again and again as probes, with what was true long ago.
    const allocationId = media.extensions['video-layers-allocation'];
    if (allocationId !== undefined && this.#find(bytes, header, allocationId)) {
      const { offset, length } = this.#element;
      stream.layers.allocated(binding.encoding, bytes.subarray(offset, offset + length), nowMs);
    }
    const repairable = stream.nacks?.received(header.seq, nowMs) ?? true;
    if (!repairable) this.requestKeyframe(binding.mid, stream.layers.layerOf(binding.encoding), nowMs);
    if (isRed) this.#redundant(bytes, header, media, stream, codec, payloadType, nowMs);
    else if (stream.seen.isNew(header.seq))
      this.#deliver(bytes, header, header.payloadOffset, header.seq, stream, media, codec, nowMs);
  }

  /** RFC 2198: the payload, and copies of those before it. */
  #redundant(
    bytes: Uint8Array,
    header: RtpHeader,
    media: NegotiatedMedia,
    stream: Stream,
    codec: Codec,
    payloadType: number,
    nowMs: number,
  ): void {
    const { payloadOffset, payloadEnd, seq, timestamp } = header;
    if (payloadEnd === payloadOffset) return;
    stream.red ??= new RedReader(stream.seen);
    const read = stream.red.read(
      bytes,
      payloadOffset,
      payloadEnd,
      payloadType,
      seq,
      timestamp,
      (from, end, blockSeq, blockTimestamp) => {
        header.timestamp = blockTimestamp;
        header.payloadEnd = end;
        this.#deliver(bytes, header, from, blockSeq, stream, media, codec, nowMs);
      },
    );
    if (!read) this.refused += 1;
  }

  /** RFC 4588: the payload begins with the sequence number of what it repairs. An empty one is a probe. */
  #repair(
    bytes: Uint8Array,
    header: RtpHeader,
    media: NegotiatedMedia,
    binding: Binding,
    codec: Codec,
    nowMs: number,
  ): void {
    if (header.payloadEnd - header.payloadOffset <= OSN_BYTES) return;
    const { mid, encoding } = binding;
    const seq = readU16(bytes, header.payloadOffset);
    for (const stream of this.#streams.values()) {
      if (stream.binding.mid !== mid || stream.binding.encoding !== encoding) continue;
      stream.nacks?.received(seq, nowMs);
      // Browsers probe their bandwidth with RTX of what arrived.
      if (!stream.seen.isNew(seq)) return;
      this.#deliver(bytes, header, header.payloadOffset + OSN_BYTES, seq, stream, media, codec, nowMs);
      return;
    }
  }

  #deliver(
    bytes: Uint8Array,
    header: RtpHeader,
    payloadOffset: number,
    seq: number,
    stream: Stream,
    media: NegotiatedMedia,
    codec: Codec,
    nowMs: number,
  ): void {
    // Padding only: probes of the client's bandwidth estimation.
    if (header.payloadEnd === payloadOffset) return;
    const packet = this.#packet;
    const { extensions } = media;
    const { layers } = stream;
    const { mid, encoding } = stream.binding;
    packet.codec = codec;
    packet.timestamp = header.timestamp;
    packet.marker = header.marker;
    packet.captureMs = stream.timestamps.captureMs(header.timestamp, nowMs);
    packet.spatial = layers.layerOf(encoding);
    packet.audioLevel = NO_AUDIO_LEVEL;
    packet.payload = bytes.subarray(payloadOffset, header.payloadEnd);
    packet.dependencyDescriptor = EMPTY;
    packet.maskBits = 0;
    const levelId = extensions['audio-level'];
    if (levelId !== undefined && this.#find(bytes, header, levelId))
      packet.audioLevel = -((bytes[this.#element.offset] ?? 0) & 127);
    const simulcast = layers.count > 1;
    if (!readPayload(packet, simulcast)) {
      this.refused += 1;
      return;
    }
    const descriptorId = extensions['dependency-descriptor'];
    // VP8 and VP9 say themselves what the descriptor would, when they say anything.
    if (descriptorId !== undefined && packet.pictureIdBits === 0 && this.#find(bytes, header, descriptorId)) {
      const { offset, length } = this.#element;
      const descriptor = bytes.subarray(offset, offset + length);
      if (stream.descriptors.read(descriptor)) {
        stream.descriptors.apply(packet, simulcast);
        this.#mask.apply(packet, descriptor, stream.descriptors);
      }
    }
    if (packet.keyframe && packet.frameStart) {
      stream.keyframes.arrived();
      const size = sizeOf(packet, stream.descriptors);
      if (size !== undefined) layers.sized(encoding, size, nowMs);
    }
    this.#announce(stream, codec, nowMs);
    if (simulcast) packet.spatial = layers.layerOf(encoding);
    packet.seq = layers.packet(encoding, seq, packet.payload.length, nowMs);
    this.#listener.onMedia(mid, packet);
  }

  /** Tells the room what the track is, before the packet that brought the news. */
  #announce(stream: Stream, codec: Codec, nowMs: number): void {
    const { layers, binding } = stream;
    const { mid } = binding;
    const isFirst = stream.isNew && this.#codecs.get(mid) !== codec;
    stream.isNew = false;
    const news = isFirst ? layers.tell(nowMs) : layers.takeNews(nowMs);
    if (news === undefined) return;
    if (isFirst) this.#codecs.set(mid, codec);
    for (const each of this.#streams.values())
      if (each.binding.mid === mid) each.keyframes.place(layers.layerOf(each.binding.encoding), layers.count);
    this.#listener.onTrackFacts(mid, this.#codecs.get(mid) ?? codec, news);
  }

  #open(ssrc: number, binding: Binding, media: NegotiatedMedia, codec: Codec): Stream {
    const clockRate = clockRateOf(codec);
    const layers = this.#layers.get(binding.mid) ?? new TrackLayers(media);
    this.#layers.set(binding.mid, layers);
    const stream: Stream = {
      ssrc,
      binding,
      layers,
      reception: new Reception(ssrc, clockRate),
      timestamps: new CaptureTimestamps(this.#clock, clockRate),
      nacks: media.kind === 'video' ? new NackGenerator() : undefined,
      seen: new SeqWindow(),
      descriptors: new DependencyDescriptorReader(),
      keyframes: new KeyframeThrottle(layers.layerOf(binding.encoding), layers.count),
      red: undefined,
      isNew: true,
    };
    this.#streams.set(ssrc, stream);
    return stream;
  }

  /** An SSRC that is new: MID and RID are in its first packets. */
  #bind(bytes: Uint8Array, header: RtpHeader): Binding | undefined {
    const hints: StreamHints = { mid: '', rid: '', repairedRid: '' };
    for (const name of ['mid', 'rid', 'repaired-rid'] as const) {
      const id = this.#extensionId(name);
      if (id === undefined) continue;
      let at = header.extensionLength === 0 ? -1 : header.extensionOffset;
      while (at >= 0) {
        at = nextExtension(bytes, header, at, this.#element);
        if (at < 0 || this.#element.id !== id) continue;
        const { offset, length } = this.#element;
        const text = String.fromCharCode(...bytes.subarray(offset, offset + Math.min(length, 32)));
        if (name === 'mid') hints.mid = text;
        else if (name === 'rid') hints.rid = text;
        else hints.repairedRid = text;
      }
    }
    return this.#tracks.bind(header.ssrc, header.payloadType, hints);
  }

  /** In a bundle an id means the same on every m-line. */
  #extensionId(name: 'mid' | 'rid' | 'repaired-rid'): number | undefined {
    for (const { extensions } of this.#tracks.media)
      if (extensions[name] !== undefined) return extensions[name];
    return undefined;
  }

  #find(bytes: Uint8Array, header: RtpHeader, id: number): boolean {
    return findExtension(bytes, header, id, this.#element);
  }
}

/** Of a keyframe; the highest spatial layer's where the descriptor tells several. */
const sizeOf = (packet: MediaPacket, descriptors: DependencyDescriptorReader): PictureSize | undefined =>
  keyframeSize(packet) ?? (packet.codec === 'av1' ? descriptors.structure.resolutions.at(-1) : undefined);

const EMPTY = new Uint8Array(0);
