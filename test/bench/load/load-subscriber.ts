import { emptyRtpHeader, readRtpHeader, writePli, writeRemb } from '@switchyard/shared/media';
import type { Certificate } from '../../../gateways/webrtc/server/transport/certificate.ts';
import { Acknowledger } from './acknowledger.ts';
import type { Histogram } from './histogram.ts';
import type { SubscribeOptions } from './load-messages.ts';
import { PAYLOAD_TYPES } from './load-sdp.ts';
import { LoadTransport } from './load-transport.ts';
import { STAMP_OFFSET } from './synthetic-vp8.ts';

const VERIFY_EVERY = 16;
const HALF = 0x8000;
const SENDER_SSRC = 1;
export const ESTIMATE_BPS = 20_000_000;

/** Counted together for all subscribers of a process. */
export interface SubscriberTotals {
  received: number;
  receivedBytes: number;
  verified: number;
  authenticationFailures: number;
  gaps: number;
  late: number;
  readonly delays: Histogram;
}

interface IncomingStream {
  ssrc: number;
  seq: number;
}

/** Watches by WHEP and counts, with as little work as possible: every packet's sequence number, some packets' SRTP. */
export class LoadSubscriber {
  readonly #options: SubscribeOptions;
  readonly #totals: SubscriberTotals;
  readonly #transport: LoadTransport;
  readonly #verifyEvery: number;
  readonly #streams: IncomingStream[] = [];
  readonly #header = emptyRtpHeader();
  readonly #acknowledger: Acknowledger | undefined;
  #reported = 0;
  #receivedMs = performance.now();
  #longestGapMs = 0;
  #startMs = 0;
  /** Since the last reset of the process. */
  received = 0;
  connectMs = -1;
  firstPacketMs = -1;

  constructor(options: SubscribeOptions, certificate: Certificate, totals: SubscriberTotals) {
    this.#options = options;
    this.#totals = totals;
    this.#verifyEvery = options.verifyEvery ?? VERIFY_EVERY;
    this.#acknowledger = options.feedback === 'transport-cc' ? new Acknowledger() : undefined;
    this.#transport = new LoadTransport({
      transportCc: options.feedback === 'transport-cc',
      url: options.url,
      token: options.token,
      direction: 'recvonly',
      video: options.video,
      audio: options.audio,
      ssrcs: { video: 0, audio: 0 },
      certificate,
      onRtp: (datagram) => this.#onRtp(datagram),
      onRtcp: () => {},
    });
  }

  get transport(): LoadTransport {
    return this.#transport;
  }

  /** Longest time without a packet since the last {@link resetGap}, milliseconds. */
  get longestGapMs(): number {
    return Math.max(this.#longestGapMs, performance.now() - this.#receivedMs);
  }

  resetGap(): void {
    this.#longestGapMs = 0;
    this.#receivedMs = performance.now();
  }

  async connect(): Promise<void> {
    this.#startMs = performance.now();
    await this.#transport.connect();
    this.connectMs = performance.now() - this.#startMs;
    this.report();
  }

  /** Once a second: consent, what the client can receive, and a keyframe request when its stream stands still. */
  report(): void {
    this.#transport.check();
    const ssrcs = this.#streams.map(({ ssrc }) => ssrc);
    if (this.#acknowledger === undefined)
      this.#transport.sendRtcp(writeRemb(SENDER_SSRC, this.#options.estimateBps ?? ESTIMATE_BPS, ssrcs));
    if (this.received === this.#reported)
      for (const ssrc of ssrcs) this.#transport.sendRtcp(writePli(SENDER_SSRC, ssrc));
    this.#reported = this.received;
  }

  /** Acknowledges what came since the last time. */
  acknowledge(): void {
    const [first] = this.#streams;
    const feedback = first === undefined ? undefined : this.#acknowledger?.feedback(SENDER_SSRC, first.ssrc);
    if (feedback !== undefined) this.#transport.sendRtcp(feedback);
  }

  #onRtp(datagram: Buffer): void {
    const totals = this.#totals;
    totals.received += 1;
    totals.receivedBytes += datagram.length;
    this.received += 1;
    // Probes of the bandwidth go on while the source is silent: they are sent again, as RTX.
    if (((datagram[1] ?? 0) & 0x7f) !== PAYLOAD_TYPES.vp8Rtx) {
      const nowMs = performance.now();
      this.#longestGapMs = Math.max(this.#longestGapMs, nowMs - this.#receivedMs);
      this.#receivedMs = nowMs;
    }
    if (this.firstPacketMs < 0) this.firstPacketMs = performance.now() - this.#startMs;
    const seq = ((datagram[2] ?? 0) << 8) | (datagram[3] ?? 0);
    this.#count(datagram.readUInt32BE(8), seq);
    this.#acknowledger?.received(datagram);
    if (seq % this.#verifyEvery === 0) this.#verify(datagram, seq);
  }

  #count(ssrc: number, seq: number): void {
    for (const stream of this.#streams) {
      if (stream.ssrc !== ssrc) continue;
      const distance = (seq - stream.seq) & 0xffff;
      if (distance === 0 || distance >= HALF) {
        this.#totals.late += 1;
        this.#totals.gaps -= 1;
        return;
      }
      this.#totals.gaps += distance - 1;
      stream.seq = seq;
      return;
    }
    this.#streams.push({ ssrc, seq });
  }

  #verify(datagram: Buffer, seq: number): void {
    const header = this.#header;
    const receiver = this.#transport.srtpIn;
    if (receiver === undefined || !readRtpHeader(datagram, datagram.length, header)) return;
    const nowMs = Number(process.hrtime.bigint()) / 1e6;
    const length = receiver.unprotectRtp(datagram, header.payloadOffset, datagram.length, header.ssrc, seq);
    if (length < 0) {
      this.#totals.authenticationFailures += 1;
      return;
    }
    this.#totals.verified += 1;
    const at = header.payloadOffset + STAMP_OFFSET;
    if (header.payloadType !== PAYLOAD_TYPES.vp8Rtx && at + 8 <= length)
      this.#totals.delays.add(nowMs - datagram.readDoubleBE(at));
  }
}
