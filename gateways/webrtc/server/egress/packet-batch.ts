import type { SrtpBatch, SrtpSender, SrtpSendStream } from '@switchyard/shared/srtp';
import type { Path } from '../transport/ice-lite.ts';

/** Datagrams that may wait in the sockets; above it packets are given up. */
const WAITING_MAX = 512;

/** Where sealed packets leave. */
export interface DatagramSink {
  /** Datagrams that the kernel has not taken yet. */
  readonly waiting: number;
  /** Hot path: `datagram` stays as it is while it waits. */
  sendDatagram(datagram: Buffer, path: Path): void;
}

/** Gathers the packets of one turn of the event loop, seals up to 64 of them together and hands them to the sockets. */
export class PacketBatch {
  readonly srtp: SrtpBatch;
  readonly #sink: DatagramSink;
  readonly #paths: Path[] = [];
  /** By index in the batch: made again only when a length changes. */
  readonly #views: Buffer[] = [];
  readonly #offsets: number[] = [];
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
    if (this.#sink.waiting > WAITING_MAX) this.dropped += count;
    else {
      for (let index = 0; index < count; index += 1) {
        const path = this.#paths[index];
        if (path !== undefined) this.#sink.sendDatagram(this.#view(index), path);
      }
      this.sent += count;
    }
    srtp.clear(this.#sink.waiting > 0);
  }

  #view(index: number): Buffer {
    const at = this.srtp.offsetOf(index);
    const length = this.srtp.lengthOf(index);
    const known = this.#views[index];
    if (known !== undefined && known.length === length && this.#offsets[index] === at) return known;
    const view = this.srtp.bytes.subarray(at, at + length);
    this.#views[index] = view;
    this.#offsets[index] = at;
    return view;
  }
}
