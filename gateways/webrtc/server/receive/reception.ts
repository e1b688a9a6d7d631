import { type ReportBlock, type SenderInfo, SeqUnwrapper } from '@switchyard/shared/media';

/** What a receiver report says of one incoming stream (RFC 3550 §6.4.1, appendix A.3 and A.8). Pure. */
export class Reception {
  readonly ssrc: number;
  readonly #clockRate: number;
  readonly #unwrapper = new SeqUnwrapper();
  #first = -1;
  #received = 0;
  #expectedBefore = 0;
  #receivedBefore = 0;
  #transit: number | undefined;
  #jitter = 0;
  #lastSr = 0;
  #lastSrMs = 0;

  constructor(ssrc: number, clockRate: number) {
    this.ssrc = ssrc;
    this.#clockRate = clockRate;
  }

  packet(seq: number, timestamp: number, nowMs: number): void {
    const unwrapped = this.#unwrapper.unwrap(seq);
    if (this.#first < 0) this.#first = unwrapped;
    this.#received += 1;
    const transit = (nowMs * this.#clockRate) / 1000 - timestamp;
    if (this.#transit !== undefined) {
      const difference = Math.abs(transit - this.#transit);
      // A wrap of the timestamp is no jitter.
      if (difference < this.#clockRate * 10) this.#jitter += (difference - this.#jitter) / 16;
    }
    this.#transit = transit;
  }

  senderReport(info: SenderInfo, nowMs: number): void {
    this.#lastSr = info.ntpMiddle;
    this.#lastSrMs = nowMs;
  }

  /** @returns undefined before the first packet. */
  report(nowMs: number): ReportBlock | undefined {
    if (this.#first < 0) return undefined;
    const expected = this.#unwrapper.highest - this.#first + 1;
    const interval = expected - this.#expectedBefore;
    const lost = interval - (this.#received - this.#receivedBefore);
    this.#expectedBefore = expected;
    this.#receivedBefore = this.#received;
    return {
      ssrc: this.ssrc,
      fractionLost: interval > 0 && lost > 0 ? Math.min(255, Math.floor((lost * 256) / interval)) : 0,
      packetsLost: Math.min(0x7f_ffff, Math.max(-0x80_0000, expected - this.#received)),
      highestSeq: this.#unwrapper.highest >>> 0,
      jitter: Math.round(this.#jitter),
      lastSr: this.#lastSr,
      delaySinceLastSr: this.#lastSr === 0 ? 0 : Math.round((nowMs - this.#lastSrMs) * 65.536),
    };
  }
}
