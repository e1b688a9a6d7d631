import { randomInt } from 'node:crypto';
import {
  forEachRtcp,
  ONE_BYTE_PROFILE,
  PSFB_FORMATS,
  RTCP_TYPES,
  RTP_HEADER_BYTES,
  writeRtpHeader,
  writeSenderReport,
  writeSourceDescription,
  writeU16,
} from '@switchyard/shared/media';
import { SRTP_OVERHEAD_MAX_BYTES, SrtpSendStream } from '@switchyard/shared/srtp';
import type { Certificate } from '../../../gateways/webrtc/server/transport/certificate.ts';
import type { PublishOptions } from './load-messages.ts';
import { EXTENSION_IDS, PAYLOAD_TYPES } from './load-sdp.ts';
import { LoadTransport } from './load-transport.ts';
import { PAYLOAD_MIN_BYTES, STAMP_OFFSET, SyntheticVp8 } from './synthetic-vp8.ts';

const HEADER_BYTES = RTP_HEADER_BYTES + 4 + 8;
const REPORT_INTERVAL_MS = 1000;
/** Packets that are made before the kernel has them: more than any burst. */
const BUFFERS = 256;
const AUDIO_PACKETS_PER_SECOND = 50;
/** Never more than so many frames at once after a pause of the machine. */
const CATCH_UP_FRAMES = 50;
/** Opus TOC: CELT, 20 ms, mono. */
const OPUS_TOC = 0xf8;
const AUDIO_LEVEL = 20;

interface Stream {
  readonly mid: string;
  readonly ssrc: number;
  readonly payloadType: number;
  readonly clockRate: number;
  readonly srtp: SrtpSendStream;
  seq: number;
  timestamp: number;
  packets: number;
  octets: number;
}

/** Publishes synthetic media by WHIP at a given rate, in bursts, and answers keyframe requests. */
export class LoadPublisher {
  readonly #options: PublishOptions;
  readonly #transport: LoadTransport;
  readonly #vp8: SyntheticVp8 | undefined;
  readonly #audioPayload: Buffer | undefined;
  readonly #video: Stream;
  readonly #audio: Stream;
  readonly #buffers: readonly Buffer[];
  #next = 0;
  #twccSeq = 0;
  #startMs = 0;
  #packetsPerSecond: number;
  #tickedMs = 0;
  /** Frames that are due, as the rate has it; and those that were sent. */
  #videoDue = 0;
  #videoFrames = 0;
  #audioFrames = 0;
  #keyframeWanted = true;
  #reportedMs = 0;
  #timer: NodeJS.Timeout | undefined;
  sent = 0;
  keyframeRequests = 0;

  constructor(options: PublishOptions, certificate: Certificate) {
    this.#options = options;
    const { video, audio } = options;
    this.#packetsPerSecond = video?.packetsPerSecond ?? 0;
    const audioMid = audio === undefined ? -1 : 0;
    this.#audio = newStream(audioMid, PAYLOAD_TYPES.opus, 48_000);
    this.#video = newStream(audioMid + 1, PAYLOAD_TYPES.vp8, 90_000);
    this.#vp8 = video === undefined ? undefined : new SyntheticVp8(video.payloadBytes, video.burst);
    if (audio !== undefined)
      this.#audioPayload = Buffer.alloc(Math.max(audio.payloadBytes, PAYLOAD_MIN_BYTES), OPUS_TOC);
    const payloadBytes = Math.max(this.#vp8?.payloadBytes ?? 0, this.#audioPayload?.length ?? 0);
    this.#buffers = Array.from({ length: BUFFERS }, () =>
      Buffer.alloc(HEADER_BYTES + payloadBytes + SRTP_OVERHEAD_MAX_BYTES),
    );
    this.#transport = new LoadTransport({
      url: options.url,
      token: options.token,
      direction: 'sendonly',
      video: video !== undefined,
      audio: audio !== undefined,
      ssrcs: { video: this.#video.ssrc, audio: this.#audio.ssrc },
      certificate,
      onRtp: () => {},
      onRtcp: (compound) => this.#handleRtcp(compound),
    });
  }

  async start(): Promise<void> {
    await this.#transport.connect();
    this.#startMs = performance.now();
    this.#tickedMs = this.#startMs;
    this.#timer = setInterval(() => this.#tick(), 1);
  }

  setRate(packetsPerSecond: number): void {
    this.#packetsPerSecond = packetsPerSecond;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#transport.close();
  }

  #handleRtcp(compound: Buffer): void {
    forEachRtcp(compound, (packet) => {
      if (packet.type !== RTCP_TYPES.psfb) return;
      if (packet.count !== PSFB_FORMATS.pli && packet.count !== PSFB_FORMATS.fir) return;
      this.#keyframeWanted = true;
      this.keyframeRequests += 1;
    });
  }

  #tick(): void {
    const nowMs = performance.now();
    const elapsedMs = nowMs - this.#startMs;
    const { video, audio } = this.#options;
    if (video !== undefined && this.#vp8 !== undefined) {
      this.#videoDue += ((nowMs - this.#tickedMs) * this.#packetsPerSecond) / video.burst / 1000;
      const due = Math.floor(this.#videoDue);
      this.#videoFrames = Math.max(this.#videoFrames, due - CATCH_UP_FRAMES);
      while (this.#videoFrames < due) this.#sendFrame(this.#vp8, video.burst);
    }
    this.#tickedMs = nowMs;
    if (audio !== undefined && this.#audioPayload !== undefined) {
      const due = Math.floor((elapsedMs * (audio.packetsPerSecond ?? AUDIO_PACKETS_PER_SECOND)) / 1000);
      this.#audioFrames = Math.max(this.#audioFrames, due - CATCH_UP_FRAMES);
      while (this.#audioFrames < due) this.#sendAudio(this.#audioPayload);
    }
    if (nowMs - this.#reportedMs < REPORT_INTERVAL_MS) return;
    this.#reportedMs = nowMs;
    this.#transport.check();
    for (const stream of [this.#video, this.#audio]) if (stream.packets > 0) this.#report(stream);
  }

  #sendFrame(vp8: SyntheticVp8, burst: number): void {
    this.#videoFrames += 1;
    vp8.nextFrame(this.#keyframeWanted);
    this.#keyframeWanted = false;
    const stream = this.#video;
    stream.timestamp = timestampNow(stream.clockRate);
    for (let index = 0; index < burst; index += 1) {
      const bytes = this.#buffer();
      const marker = vp8.write(bytes, HEADER_BYTES, index, monotonicMs());
      this.#send(stream, bytes, marker, vp8.payloadBytes);
    }
  }

  #sendAudio(payload: Buffer): void {
    this.#audioFrames += 1;
    const stream = this.#audio;
    stream.timestamp = timestampNow(stream.clockRate);
    payload.writeDoubleBE(monotonicMs(), STAMP_OFFSET);
    const bytes = this.#buffer();
    payload.copy(bytes, HEADER_BYTES);
    this.#send(stream, bytes, false, payload.length);
  }

  #send(stream: Stream, bytes: Buffer, marker: boolean, payloadBytes: number): void {
    stream.seq = (stream.seq + 1) & 0xffff;
    writeRtpHeader(bytes, 0, stream.payloadType, marker, stream.seq, stream.timestamp, stream.ssrc, true);
    this.#writeExtensions(bytes, stream);
    stream.packets += 1;
    stream.octets += payloadBytes;
    this.sent += 1;
    const length = HEADER_BYTES + payloadBytes;
    this.#transport.sendRtp(stream.srtp, bytes, HEADER_BYTES, length, stream.ssrc, stream.seq);
  }

  /** MID, transport-wide sequence number and audio level in 8 bytes (RFC 8285 §4.2). */
  #writeExtensions(bytes: Buffer, stream: Stream): void {
    let at = RTP_HEADER_BYTES;
    writeU16(bytes, at, ONE_BYTE_PROFILE);
    writeU16(bytes, at + 2, 2);
    at += 4;
    bytes[at++] = EXTENSION_IDS.mid << 4;
    bytes[at++] = stream.mid.charCodeAt(0);
    bytes[at++] = (EXTENSION_IDS.transportCc << 4) | 1;
    writeU16(bytes, at, this.#twccSeq);
    this.#twccSeq = (this.#twccSeq + 1) & 0xffff;
    at += 2;
    const isAudio = stream === this.#audio;
    bytes[at++] = isAudio ? EXTENSION_IDS.audioLevel << 4 : 0;
    bytes[at++] = isAudio ? AUDIO_LEVEL : 0;
    bytes[at] = 0;
  }

  #report(stream: Stream): void {
    const { ssrc, packets, octets } = stream;
    const ntpMs = performance.timeOrigin + performance.now();
    const timestamp = timestampNow(stream.clockRate);
    this.#transport.sendRtcp(
      Buffer.concat([
        writeSenderReport({ ssrc, ntpMs, timestamp, packets, octets }),
        writeSourceDescription(ssrc, 'load'),
      ]),
    );
  }

  #buffer(): Buffer {
    this.#next = (this.#next + 1) % BUFFERS;
    return this.#buffers[this.#next] ?? Buffer.alloc(0);
  }
}

const newStream = (mid: number, payloadType: number, clockRate: number): Stream => ({
  mid: `${mid}`,
  ssrc: randomInt(1, 2 ** 32 - 1),
  payloadType,
  clockRate,
  srtp: new SrtpSendStream(),
  // RFC 3550 §5.1: random, and low enough that the roll-over counter starts at 0 for everybody.
  seq: randomInt(0, 0x7fff),
  timestamp: 0,
  packets: 0,
  octets: 0,
});

const timestampNow = (clockRate: number): number => Math.floor((performance.now() * clockRate) / 1000) >>> 0;

/** The machine's monotonic clock, the same in every process. */
const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;
