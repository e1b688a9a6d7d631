import {
  emptyRtpHeader,
  findExtension,
  readRtpHeader,
  readU16,
  SeqUnwrapper,
  writeTransportCc,
} from '@switchyard/shared/media';
import { EXTENSION_IDS } from './load-sdp.ts';

/** Statuses of one feedback packet: it must fit a datagram. */
const STATUSES_MAX = 400;

/** Transport-wide feedback of a viewer: when each packet came. */
export class Acknowledger {
  readonly #header = emptyRtpHeader();
  readonly #element = { id: 0, offset: 0, length: 0 };
  readonly #unwrapper = new SeqUnwrapper();
  #arrivalsMs: number[] = [];
  /** Unwrapped transport sequence number of the first arrival. */
  #base = -1;
  #count = 0;

  /** Of the header only, which SRTP leaves readable. Hot path. */
  received(datagram: Buffer): void {
    if (!readRtpHeader(datagram, datagram.length, this.#header)) return;
    if (!findExtension(datagram, this.#header, EXTENSION_IDS.transportCc, this.#element)) return;
    const seq = this.#unwrapper.unwrap(readU16(datagram, this.#element.offset));
    if (this.#base < 0) this.#base = seq;
    const index = seq - this.#base;
    if (index < 0 || index >= STATUSES_MAX) return;
    while (this.#arrivalsMs.length < index) this.#arrivalsMs.push(-1);
    this.#arrivalsMs[index] = performance.now();
  }

  /** @returns Undefined when nothing came. */
  feedback(senderSsrc: number, mediaSsrc: number): Uint8Array | undefined {
    if (this.#arrivalsMs.length === 0) return undefined;
    const written = writeTransportCc(
      senderSsrc,
      mediaSsrc,
      this.#count,
      this.#base & 0xffff,
      this.#arrivalsMs,
    );
    this.#count = (this.#count + 1) & 0xff;
    this.#base += written?.statuses ?? this.#arrivalsMs.length;
    this.#arrivalsMs = [];
    return written?.packet;
  }
}
