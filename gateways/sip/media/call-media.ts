import { randomBytes } from 'node:crypto';
import type { RemoteInfo, Socket } from 'node:dgram';
import {
  emptyRtpHeader,
  RTP_HEADER_BYTES,
  readRtpHeader,
  seqDiff,
  trimPadding,
  writeReceiverReport,
  writeRtpHeader,
  writeSenderReport,
  writeSourceDescription,
} from '@switchyard/shared/media';
import { audioLevelDbov, OpusEncoder } from '@switchyard/shared/transcode';
import type { NegotiatedAudio } from '../sdp-negotiation.ts';
import { FRAME_SAMPLES, JitterBuffer } from './jitter-buffer.ts';
import { mix } from './mix.ts';
import { createPhoneTranscoder, type PhoneTranscoder } from './phone-codec.ts';
import type { Speakers } from './speakers.ts';
import { RTP_SILENCE_MS } from './worker-messages.ts';

const FRAME_MS = 20;
/** After a stall longer than this the line to the phone goes on at the present, milliseconds. */
const STALL_MS = 200;
const REPORT_MS = 5000;
const VOICE_BITRATE_BPS = 32_000;
/** A packet that jumps this far back is a restarted phone, not a late one. */
const RESTART_SEQ = 100;

interface Slot {
  speaker: string | undefined;
  readonly buffer: JitterBuffer;
}

export interface CallMediaListener {
  onVoice(payload: Uint8Array, timestamp: number, levelDbov: number): void;
  onSilent(): void;
}

/** The media of one call: the phone's RTP in, the mix of its slots out. Time is an argument. */
export class CallMedia {
  readonly #socket: Socket;
  readonly #listener: CallMediaListener;
  readonly #speakers: Speakers;
  readonly #slots = new Map<number, Slot>();
  readonly #header = emptyRtpHeader();
  readonly #encoder = new OpusEncoder({ channels: 1, bitrateBps: VOICE_BITRATE_BPS, application: 'voip' });
  readonly #mixed = new Int16Array(FRAME_SAMPLES);
  readonly #out: Buffer = Buffer.alloc(RTP_HEADER_BYTES + 1500);
  readonly #ssrc = randomBytes(4).readUInt32BE();
  #audio: NegotiatedAudio | undefined;
  #phone: PhoneTranscoder | undefined;
  /** Where the phone's packets come from: its SDP's address until the first one, then only that source. */
  #remote: { readonly address: string; readonly port: number } | undefined;
  #latched = false;
  #pending = new Int16Array(0);
  #lastSeq = -1;
  #voiceTimestamp = 0;
  #nextFrameMs = -1;
  #seq = randomBytes(2).readUInt16BE() & 0x7fff;
  #timestamp = randomBytes(4).readUInt32BE();
  #sent = 0;
  #octets = 0;
  #reportedMs = 0;
  #heardMs: number;
  #silentSaid = false;

  constructor(
    socket: Socket,
    slots: readonly number[],
    speakers: Speakers,
    listener: CallMediaListener,
    nowMs: number,
  ) {
    this.#socket = socket;
    this.#speakers = speakers;
    this.#listener = listener;
    this.#heardMs = nowMs;
    for (const slot of slots) this.#slots.set(slot, { speaker: undefined, buffer: new JitterBuffer() });
    socket.on('message', (bytes, from) => this.#receive(bytes, from));
  }

  /** First or later negotiation: hold, resume, another codec or address. */
  negotiated(audio: NegotiatedAudio, nowMs: number): void {
    const before = this.#audio;
    this.#audio = audio;
    if (before?.codec !== audio.codec) this.#phone = createPhoneTranscoder(audio.codec);
    if (before?.address !== audio.address || before.port !== audio.port) {
      this.#remote = { address: audio.address, port: audio.port };
      this.#latched = false;
      this.#lastSeq = -1;
    }
    this.#heardMs = nowMs;
    this.#silentSaid = false;
  }

  /** Whom a slot plays; undefined for nobody. */
  speakerOf(slotId: number): string | undefined {
    return this.#slots.get(slotId)?.speaker;
  }

  setSlot(slotId: number, speaker: string | undefined): void {
    const slot = this.#slots.get(slotId);
    if (slot === undefined || slot.speaker === speaker) return;
    if (speaker !== undefined) this.#speakers.take(speaker);
    if (slot.speaker !== undefined) this.#speakers.release(slot.speaker);
    slot.speaker = speaker;
    if (speaker === undefined) slot.buffer.reset();
  }

  /** What the speaker of a slot says. @param pcm Mono at 48 kHz; shared with other calls. */
  play(slotId: number, pcm: Int16Array, timestamp: number): void {
    const slot = this.#slots.get(slotId);
    if (slot === undefined) return;
    for (let at = 0; at + FRAME_SAMPLES <= pcm.length; at += FRAME_SAMPLES)
      slot.buffer.push((timestamp + at) >>> 0, pcm.subarray(at, at + FRAME_SAMPLES));
  }

  /** Sends every frame that is due: by the clock, however late the tick. */
  tick(nowMs: number): void {
    const audio = this.#audio;
    if (audio === undefined) return;
    if (this.#nextFrameMs < 0 || nowMs - this.#nextFrameMs > STALL_MS) this.#nextFrameMs = nowMs;
    while (this.#nextFrameMs <= nowMs) {
      this.#nextFrameMs += FRAME_MS;
      this.#sendFrame(audio);
    }
    if (nowMs - this.#reportedMs >= REPORT_MS) this.#report(audio, nowMs);
    const isHeld = audio.direction === 'inactive' || audio.direction === 'sendonly';
    if (isHeld) this.#heardMs = nowMs;
    else if (nowMs - this.#heardMs > RTP_SILENCE_MS && !this.#silentSaid) {
      this.#silentSaid = true;
      this.#listener.onSilent();
    }
  }

  close(): void {
    for (const slotId of this.#slots.keys()) this.setSlot(slotId, undefined);
    this.#socket.removeAllListeners('message');
    this.#socket.close();
  }

  #receive(bytes: Buffer, from: RemoteInfo): void {
    const audio = this.#audio;
    const header = this.#header;
    if (audio === undefined || !readRtpHeader(bytes, bytes.length, header)) return;
    const isKnown = header.payloadType === audio.payloadType || header.payloadType === audio.dtmfPayloadType;
    if (!isKnown || !trimPadding(bytes, header)) return;
    if (!this.#latched) {
      this.#latched = true;
      this.#remote = { address: from.address, port: from.port };
    } else if (from.address !== this.#remote?.address || from.port !== this.#remote.port) return;
    this.#heardMs = performance.now();
    if (header.payloadType !== audio.payloadType || audio.direction !== 'sendrecv') return;
    const step = this.#lastSeq < 0 ? 1 : seqDiff(header.seq, this.#lastSeq);
    if (step <= 0 && step > -RESTART_SEQ) return;
    this.#lastSeq = header.seq;
    const pcm = this.#phone?.decode(bytes.subarray(header.payloadOffset, header.payloadEnd));
    if (pcm === undefined) return;
    // What was lost leaves a gap in time, so that the room's listeners conceal it.
    if (step > 1 && step < RESTART_SEQ) this.#voiceTimestamp += (step - 1) * pcm.length;
    this.#speak(pcm);
  }

  /** Cuts what the phone says into frames of 20 ms, whatever its packets last. */
  #speak(pcm: Int16Array): void {
    const joined = new Int16Array(this.#pending.length + pcm.length);
    joined.set(this.#pending);
    joined.set(pcm, this.#pending.length);
    let at = 0;
    for (; at + FRAME_SAMPLES <= joined.length; at += FRAME_SAMPLES) {
      const frame = joined.subarray(at, at + FRAME_SAMPLES);
      this.#listener.onVoice(this.#encoder.encode(frame), this.#voiceTimestamp >>> 0, audioLevelDbov(frame));
      this.#voiceTimestamp += FRAME_SAMPLES;
    }
    this.#pending = joined.slice(at);
  }

  #sendFrame(audio: NegotiatedAudio): void {
    const frames: Int16Array[] = [];
    for (const { buffer } of this.#slots.values()) {
      const frame = buffer.pull();
      if (frame !== undefined) frames.push(frame);
    }
    const phone = this.#phone;
    const isHeld = audio.direction === 'inactive' || audio.direction === 'recvonly';
    if (phone === undefined || this.#remote === undefined || isHeld || this.#remote.port === 0) return;
    mix(frames, this.#mixed);
    const payload = phone.encode(this.#mixed);
    this.#seq = (this.#seq + 1) & 0xffff;
    this.#timestamp = (this.#timestamp + phone.clockRate / 50) >>> 0;
    const at = writeRtpHeader(
      this.#out,
      0,
      audio.payloadType,
      this.#sent === 0,
      this.#seq,
      this.#timestamp,
      this.#ssrc,
      false,
    );
    this.#out.set(payload, at);
    this.#sent += 1;
    this.#octets += payload.length;
    this.#socket.send(
      this.#out.subarray(0, at + payload.length),
      this.#remote.port,
      this.#remote.address,
      () => {},
    );
  }

  #report(audio: NegotiatedAudio, nowMs: number): void {
    this.#reportedMs = nowMs;
    const remote = this.#remote;
    if (remote === undefined || this.#sent === 0) return;
    const { timeOrigin } = performance;
    const report = Buffer.concat([
      writeSenderReport({
        ssrc: this.#ssrc,
        ntpMs: timeOrigin + nowMs,
        timestamp: this.#timestamp,
        packets: this.#sent,
        octets: this.#octets,
      }),
      writeSourceDescription(this.#ssrc, 'switchyard'),
      writeReceiverReport(this.#ssrc, []),
    ]);
    // Behind a NAT the RTCP port follows the RTP port that was seen.
    const port = audio.rtcpMux ? remote.port : remote.port + (audio.rtcpPort - audio.port);
    if (port > 0 && port <= 65_535) this.#socket.send(report, port, remote.address, () => {});
  }
}
