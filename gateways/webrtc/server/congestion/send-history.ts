import type { TransportCcFeedback } from '@switchyard/shared/media';
import type { PacketResult } from './packet-result.ts';

/** Ring sizes, powers of two: an idle client keeps little, a fast one on a long path what is under way. */
const SIZE_MIN = 128;
const SIZE_MAX = 8192;
/** The reference time of feedback wraps here: 24 bits of 64 ms. */
const REFERENCE_WRAP_MS = 2 ** 24 * 64;

/**
 * What one client was sent, by transport-wide sequence number, until it is acknowledged
 * (draft-holmer-rmcat-transport-wide-cc-extensions-01). Allocates when it grows, never per packet.
 */
export class SendHistory {
  #size = SIZE_MIN;
  #sentMs = new Float64Array(SIZE_MIN);
  #bytes = new Uint16Array(SIZE_MIN);
  #clusters = new Int32Array(SIZE_MIN);
  /** The next sequence number, unwrapped. It starts at 1: 0 reads as "none" in some receivers' logs. */
  #next = 1;
  /** The first one that was not reported yet. */
  #unreported = 1;
  #bytesInFlight = 0;
  #referenceMs: number | undefined;
  #lastReference = 0;

  /** Bytes that were sent and not reported. */
  get bytesInFlight(): number {
    return this.#bytesInFlight;
  }

  /** Hot path. @returns The sequence number to write into the packet, 16 bits. */
  sent(bytes: number, cluster: number, nowMs: number): number {
    if (this.#next - this.#unreported >= this.#size) this.#makeRoom();
    const index = this.#next & (this.#size - 1);
    this.#sentMs[index] = nowMs;
    this.#bytes[index] = bytes;
    this.#clusters[index] = cluster;
    this.#bytesInFlight += bytes;
    const seq = this.#next & 0xffff;
    this.#next += 1;
    return seq;
  }

  /**
   * @returns One result a packet, in order of sending; those reported before are left out. A packet that is told lost
   * and comes later counts as lost.
   */
  report(feedback: TransportCcFeedback): PacketResult[] {
    const { arrivalsMs, baseSeq } = feedback;
    const referenceMs = this.#unwrapReference(feedback.referenceMs);
    const base = this.#unwrap(baseSeq);
    const results: PacketResult[] = [];
    const until = Math.min(base + arrivalsMs.length, this.#next);
    // Packets that no feedback ever told of: the feedback itself was lost. They are not counted as losses.
    for (; this.#unreported < Math.min(base, this.#next); this.#unreported += 1)
      this.#forget(this.#unreported);
    for (let seq = Math.max(base, this.#unreported); seq < until; seq += 1) {
      const index = seq & (this.#size - 1);
      const arrival = arrivalsMs[seq - base] ?? -1;
      results.push({
        seq,
        sentMs: this.#sentMs[index] ?? 0,
        arrivalMs: arrival < 0 ? -1 : referenceMs + arrival,
        bytes: this.#bytes[index] ?? 0,
        cluster: this.#clusters[index] ?? -1,
      });
      this.#forget(seq);
      this.#unreported = seq + 1;
    }
    return results;
  }

  #forget(seq: number): void {
    this.#bytesInFlight -= this.#bytes[seq & (this.#size - 1)] ?? 0;
  }

  /** The number nearest to what is awaited. */
  #unwrap(seq: number): number {
    const distance = ((seq - (this.#unreported & 0xffff)) << 16) >> 16;
    return this.#unreported + distance;
  }

  #unwrapReference(reference: number): number {
    if (this.#referenceMs === undefined) this.#referenceMs = REFERENCE_WRAP_MS + reference;
    else {
      let step = (reference - this.#lastReference) % REFERENCE_WRAP_MS;
      if (step > REFERENCE_WRAP_MS / 2) step -= REFERENCE_WRAP_MS;
      else if (step < -REFERENCE_WRAP_MS / 2) step += REFERENCE_WRAP_MS;
      this.#referenceMs += step;
    }
    this.#lastReference = reference;
    return this.#referenceMs;
  }

  #makeRoom(): void {
    if (this.#size >= SIZE_MAX) {
      this.#forget(this.#unreported);
      this.#unreported += 1;
      return;
    }
    const [sentMs, bytes, clusters, size] = [this.#sentMs, this.#bytes, this.#clusters, this.#size];
    this.#size *= 2;
    this.#sentMs = new Float64Array(this.#size);
    this.#bytes = new Uint16Array(this.#size);
    this.#clusters = new Int32Array(this.#size);
    for (let seq = this.#unreported; seq < this.#next; seq += 1) {
      const from = seq & (size - 1);
      const to = seq & (this.#size - 1);
      this.#sentMs[to] = sentMs[from] ?? 0;
      this.#bytes[to] = bytes[from] ?? 0;
      this.#clusters[to] = clusters[from] ?? -1;
    }
  }
}
