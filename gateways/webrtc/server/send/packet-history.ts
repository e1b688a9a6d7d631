/** Packets that can be repaired: about two seconds of 4 Mbps. */
export const HISTORY_PACKETS: number = 1024;

/** One packet of a slot as it was sent. */
export interface SentPacket {
  seq: number;
  /** Of its payload in the {@link PayloadRing}. */
  position: number;
  length: number;
  timestamp: number;
  marker: boolean;
  rtxPayloadType: number;
  pictureId: number;
  tl0PicIdx: number;
  pictureIdBits: number;
  pictureIdOffset: number;
  tl0PicIdxOffset: number;
  /** Of the dependency descriptor, which lies behind the payload; 0 for none. */
  descriptorLength: number;
  maskBit: number;
  maskBits: number;
  frameNumber: number;
  decodeTargets: number;
  lastSentMs: number;
  resent: number;
}

/** What a slot sent last, by sequence number; entries are made once and reused. */
export class PacketHistory {
  readonly #entries: SentPacket[] = [];

  /** The entry to fill for `seq`. */
  claim(seq: number): SentPacket {
    const index = seq % HISTORY_PACKETS;
    let entry = this.#entries[index];
    if (entry === undefined) {
      // Filled from below, so that the array stays dense.
      while (this.#entries.length <= index) this.#entries.push(emptySentPacket());
      entry = this.#entries[index] ?? emptySentPacket();
    }
    entry.seq = seq;
    entry.resent = 0;
    return entry;
  }

  find(seq: number): SentPacket | undefined {
    const entry = this.#entries[seq % HISTORY_PACKETS];
    return entry?.seq === seq ? entry : undefined;
  }
}

const emptySentPacket = (): SentPacket => ({
  seq: -1,
  position: -1,
  length: 0,
  timestamp: 0,
  marker: false,
  rtxPayloadType: 0,
  pictureId: -1,
  tl0PicIdx: -1,
  pictureIdBits: 0,
  pictureIdOffset: 0,
  tl0PicIdxOffset: 0,
  descriptorLength: 0,
  maskBit: 0,
  maskBits: 0,
  frameNumber: 0,
  decodeTargets: 0,
  lastSentMs: 0,
  resent: 0,
});
