import type { MediaPacket } from '@switchyard/shared/media';
import {
  FRAME_LENGTH_BYTES,
  type MediaFrameAddress,
  mediaFrameBytes,
  readMediaFrame,
  writeMediaFrame,
} from '@switchyard/shared/protocol';

/** Bytes of a media frame before what its reader takes: length and type. */
const PREFIX_BYTES = FRAME_LENGTH_BYTES + 1;

/** A packet as it crosses the mesh: the media frame of the link between gateway and core, without endpoint and track. */
export class MediaBody {
  #buffer = Buffer.alloc(2048);
  readonly #address: MediaFrameAddress = { endpoint: 0, track: 0 };

  /** @returns A view that holds until the next call. */
  write(packet: MediaPacket): Uint8Array {
    const length = mediaFrameBytes(packet);
    if (length > this.#buffer.length) this.#buffer = Buffer.alloc(length);
    writeMediaFrame(this.#buffer, 0, 0, 0, packet);
    return this.#buffer.subarray(PREFIX_BYTES, length);
  }

  /** @param into Its buffers become views of `bytes`. @returns false when it is malformed. */
  read(bytes: Uint8Array, into: MediaPacket): boolean {
    return readMediaFrame(bytes, this.#address, into);
  }
}
