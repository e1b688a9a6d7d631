import { timestampDiff } from '@switchyard/shared/media';
import type { OutgoingPacket } from './outgoing-packet.ts';
import type { PayloadRing, StoredPayload } from './payload-ring.ts';
import { mayBeCopy, writeRedHeaders } from './redundancy.ts';

/** The audio packet that a slot sent last, to go out once more with the next one (RFC 2198). */
export class AudioCopy {
  readonly #ring: PayloadRing;
  #before: StoredPayload | undefined;
  #number = 0;
  #timestamp = 0;

  constructor(ring: PayloadRing) {
    this.#ring = ring;
  }

  /** Whether the packet before `packet` is still there and may go with it. */
  fits({ timestamp, empty, payload }: OutgoingPacket): boolean {
    const before = this.#before;
    return (
      !empty &&
      before !== undefined &&
      this.#ring.holds(before, this.#number) &&
      mayBeCopy(before.length, payload.length, timestampDiff(timestamp, this.#timestamp))
    );
  }

  /** Writes the headers and the copy at `at`. @returns Where the packet's own payload begins. */
  write(bytes: Buffer, at: number, { timestamp, payloadType }: OutgoingPacket): number {
    const before = this.#before;
    if (before === undefined) return at;
    const delta = timestampDiff(timestamp, this.#timestamp);
    const from = writeRedHeaders(bytes, at, payloadType, delta, before.length);
    bytes.copyWithin(from, before.offset, before.offset + before.length);
    return from + before.length;
  }

  /** `packet` leaves: it is the one before from now on. */
  sent({ payload, payloadNumber, timestamp }: OutgoingPacket): void {
    this.#before = payload;
    this.#number = payloadNumber;
    this.#timestamp = timestamp;
  }
}
