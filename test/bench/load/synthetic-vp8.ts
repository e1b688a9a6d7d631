import { writeU16 } from '@switchyard/shared/media';

/** Where {@link SyntheticVp8} writes when the packet was sent: a float64, milliseconds of the machine's monotonic clock. */
export const STAMP_OFFSET = 20;
/** Descriptor, frame header and stamp. */
export const PAYLOAD_MIN_BYTES: number = STAMP_OFFSET + 8;
const DESCRIPTOR_BYTES = 6;
/** X with I, L and T: 15 bits of PictureID, TL0PICIDX, TID (RFC 7741 §4.2). */
const EXTENDED = 0x80;
const FRAME_START = 0x10;
const FLAGS = 0xe0;

/** VP8 that looks right to a forwarding server (descriptor, frame header, keyframes) and holds no picture. */
export class SyntheticVp8 {
  readonly #payload: Buffer;
  readonly #packetsPerFrame: number;
  #pictureId = 0;
  #tl0PicIdx = 0;
  #keyframe = false;

  /** @param payloadBytes Of every packet, at least {@link PAYLOAD_MIN_BYTES}. */
  constructor(payloadBytes: number, packetsPerFrame: number) {
    this.#payload = Buffer.alloc(Math.max(payloadBytes, PAYLOAD_MIN_BYTES), 0x55);
    this.#packetsPerFrame = packetsPerFrame;
  }

  get payloadBytes(): number {
    return this.#payload.length;
  }

  /** Begins the next frame. */
  nextFrame(keyframe: boolean): void {
    this.#pictureId = (this.#pictureId + 1) & 0x7fff;
    this.#tl0PicIdx = (this.#tl0PicIdx + 1) & 0xff;
    this.#keyframe = keyframe;
  }

  /** Writes packet `index` of the frame. @returns Whether it is the last: its marker. */
  write(into: Buffer, at: number, index: number, stampMs: number): boolean {
    const payload = this.#payload;
    payload[0] = index === 0 ? EXTENDED | FRAME_START : EXTENDED;
    payload[1] = FLAGS;
    writeU16(payload, 2, 0x8000 | this.#pictureId);
    payload[4] = this.#tl0PicIdx;
    payload[5] = 0;
    // Frame tag (RFC 6386 §9.1): bit 0 is 0 for a keyframe, which start code and size follow.
    const tag = index === 0 && this.#keyframe ? [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0, 5, 0xd0, 2] : [0x11, 0, 0];
    payload.set(tag, DESCRIPTOR_BYTES);
    payload.writeDoubleBE(stampMs, STAMP_OFFSET);
    payload.copy(into, at);
    return index === this.#packetsPerFrame - 1;
  }
}
