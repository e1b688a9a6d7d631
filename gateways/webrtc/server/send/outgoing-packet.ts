import type { StoredPayload } from './payload-ring.ts';
import type { Slot } from './slot.ts';

/** Packets that are kept for reuse: what the pacers of a process hold back. */
const SPARE_MAX = 4096;

/**
 * A packet that a slot has decided to send and that is not sealed yet: it may wait, its payload stays in the ring. It
 * goes back to {@link OutgoingPackets} by {@link Slot.transmit} or {@link Slot.discard}.
 */
export interface OutgoingPacket {
  /** Whose it is; undefined while it waits for its next use, so that it does not keep a client that is gone. */
  slot: Slot | undefined;
  /** Number of its slot at this client. */
  stream: number;
  /** Size on the wire, about. */
  wireBytes: number;
  /** The first packet of a keyframe: a decoder may start here. */
  startsKeyframe: boolean;
  payload: StoredPayload;
  payloadNumber: number;
  seq: number;
  timestamp: number;
  marker: boolean;
  /** Padding instead of the payload. */
  empty: boolean;
  /** It was sent before, and goes out on the RTX stream. */
  isRepair: boolean;
  payloadType: number;
  pictureId: number;
  tl0PicIdx: number;
  frameNumber: number;
  decodeTargets: number;
}

/** The outgoing packets of a process, used again and again. */
export class OutgoingPackets {
  readonly #spare: OutgoingPacket[] = [];

  take(slot: Slot, payload: StoredPayload): OutgoingPacket {
    const packet = this.#spare.pop() ?? newPacket(slot, payload);
    packet.slot = slot;
    packet.payload = payload;
    packet.payloadNumber = payload.number;
    return packet;
  }

  giveBack(packet: OutgoingPacket): void {
    packet.slot = undefined;
    if (this.#spare.length < SPARE_MAX) this.#spare.push(packet);
  }
}

const newPacket = (slot: Slot, payload: StoredPayload): OutgoingPacket => ({
  slot,
  stream: 0,
  wireBytes: 0,
  startsKeyframe: false,
  payload,
  payloadNumber: 0,
  seq: 0,
  timestamp: 0,
  marker: false,
  empty: false,
  isRepair: false,
  payloadType: 0,
  pictureId: 0,
  tl0PicIdx: 0,
  frameNumber: 0,
  decodeTargets: 0,
});
