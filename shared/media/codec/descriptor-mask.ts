import type { MediaPacket } from '../media-packet.ts';
import type { DependencyDescriptorReader } from './dependency-descriptor.ts';

const FLAGS_BIT = 24;
const FLAG_BITS = 5;
const HAS_MASK_BIT = FLAGS_BIT + 1;
/** Longest descriptor that a two-byte extension header carries (RFC 8285 §4.3). */
const DESCRIPTOR_MAX_BYTES = 255;

/**
 * Makes descriptors ready for viewers who take other layers than are sent: the descriptor of every base layer frame
 * carries a mask of active decode targets (§A.8.2) that can be overwritten in place. One per receiving process; what it
 * gives is valid until the next call.
 */
export class DescriptorMask {
  readonly #bytes = new Uint8Array(DESCRIPTOR_MAX_BYTES);

  /** Puts the packet's descriptor, which `reader` has just read, into the packet, with the place of its mask. */
  apply(packet: MediaPacket, descriptor: Uint8Array, reader: DependencyDescriptorReader): void {
    const { maskBit, maskBits, structure } = reader;
    packet.dependencyDescriptor = descriptor;
    packet.maskBit = maskBit;
    packet.maskBits = maskBits;
    if (maskBits > 0 || (!reader.hasStructure && reader.spatial + reader.temporal > 0)) return;
    const targets = structure.decodeTargets.length;
    const oldBits = Math.max(descriptor.length * 8, FLAGS_BIT + FLAG_BITS);
    const length = (oldBits + targets + 7) >> 3;
    if (length > DESCRIPTOR_MAX_BYTES) return;
    const bytes = this.#bytes;
    bytes.fill(0, 0, length);
    bytes.set(descriptor);
    for (let bit = oldBits - 1; bit >= maskBit; bit -= 1)
      setBit(bytes, bit + targets, bitAt(descriptor, bit));
    writeBits(bytes, maskBit, targets, reader.activeDecodeTargets);
    setBit(bytes, HAS_MASK_BIT, 1);
    packet.dependencyDescriptor = bytes.subarray(0, length);
    packet.maskBits = targets;
  }
}

/** Writes a viewer's frame number and active decode targets into a copy of the packet's descriptor at `at`. */
export function writeDescriptorPatches(
  bytes: Uint8Array,
  at: number,
  maskBit: number,
  maskBits: number,
  frameNumber: number,
  decodeTargets: number,
): void {
  bytes[at + 1] = frameNumber >> 8;
  bytes[at + 2] = frameNumber;
  if (maskBits > 0) writeBits(bytes, at * 8 + maskBit, maskBits, decodeTargets);
}

const bitAt = (bytes: Uint8Array, bit: number): number => ((bytes[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1;

function setBit(bytes: Uint8Array, bit: number, value: number): void {
  const mask = 0x80 >> (bit & 7);
  const before = bytes[bit >> 3] ?? 0;
  bytes[bit >> 3] = value === 0 ? before & ~mask : before | mask;
}

function writeBits(bytes: Uint8Array, at: number, count: number, value: number): void {
  for (let i = 0; i < count; i += 1) setBit(bytes, at + i, (value >> (count - 1 - i)) & 1);
}
