import type { MediaPacket } from './media-packet.ts';

/** Where a payload has a PictureID and a TL0PICIDX. */
export type PatchPlaces = Pick<
  MediaPacket,
  'pictureIdBits' | 'pictureIdOffset' | 'tl0PicIdx' | 'tl0PicIdxOffset'
>;

/**
 * Writes a viewer's PictureID and TL0PICIDX into a copy of the packet's payload that begins at `at`. The width of
 * the PictureID stays what it was.
 */
export function writePatches(
  bytes: Uint8Array,
  at: number,
  packet: PatchPlaces,
  pictureId: number,
  tl0PicIdx: number,
): void {
  if (packet.pictureIdBits === 15) {
    const offset = at + packet.pictureIdOffset;
    bytes[offset] = 0x80 | ((pictureId >> 8) & 0x7f);
    bytes[offset + 1] = pictureId;
  } else if (packet.pictureIdBits === 7) bytes[at + packet.pictureIdOffset] = pictureId & 0x7f;
  if (packet.tl0PicIdx >= 0) bytes[at + packet.tl0PicIdxOffset] = tl0PicIdx;
}
