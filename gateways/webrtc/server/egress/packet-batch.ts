import {
  SRTP_WAITING_MAX,
  type SrtpBatch,
  type SrtpSender,
  type SrtpSendStream,
} from '@switchyard/shared/srtp';
import type { Path } from '../transport/ice-lite.ts';

/** Packets that are ready to be sent; they lie in one memory. */
export interface SealedPackets {
  readonly count: number;
  offsetOf(index: number): number;
  lengthOf(index: number): number;
  viewOf(index: number): Buffer;
}

/** Where sealed packets leave. */
export interface DatagramSink {
  /** Datagrams that the kernel has not taken yet. */
  readonly waiting: number;
  /** Hot path: packet `i` goes to `paths[i]`. Those that wait afterwards stay as they are meanwhile. */
  sendPackets(packets: SealedPackets, paths: readonly Path[]): void;
}

/** Gathers the packets of one turn of the event loop, has them sealed many at a time and hands them to the sockets together. */
export class PacketBatch {
  readonly srtp: SrtpBatch;
  readonly #sink: DatagramSink;
  readonly #paths: Path[] = [];
  #scheduled = false;
  readonly #flush = (): void => {
    this.#scheduled = false;
    this.flush();
  };
  sent = 0;
  /** Given up because the kernel takes no more. */
  dropped = 0;

  constructor(srtp: SrtpBatch, sink: DatagramSink) {
    this.srtp = srtp;
    this.#sink = sink;
  }

  /** Makes room for one more packet, whose header is to be written at `srtp.at`. */
  reserve(): void {
    if (this.srtp.isFull) this.flush();
  }

  /** The packet whose header was written after {@link reserve}; see SrtpBatch.add. */
  add(
    path: Path,
    sender: SrtpSender,
    stream: SrtpSendStream,
    headerLength: number,
    prefixLength: number,
    source: number,
    length: number,
    ssrc: number,
    seq: number,
  ): void {
    this.#paths[this.srtp.count] = path;
    this.srtp.add(sender, stream, headerLength, prefixLength, source, length, ssrc, seq);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#flush);
  }

  flush(): void {
    const { srtp } = this;
    const { count } = srtp;
    if (count === 0) return;
    srtp.seal();
    if (this.#sink.waiting > SRTP_WAITING_MAX) this.dropped += count;
    else {
      this.#sink.sendPackets(srtp, this.#paths);
      this.sent += count;
    }
    srtp.clear(this.#sink.waiting > 0);
  }
}
