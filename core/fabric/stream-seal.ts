import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { StreamKey } from '@switchyard/core/fabric/mesh';

const KEY_BYTES = 16;
/** The seal adds so much. */
export const STREAM_TAG_BYTES: number = 16;
const NONCE_BYTES = 12;

/** A key that has not been used before. */
export const newStreamKey = (epoch: number): StreamKey => ({
  epoch,
  secret: randomBytes(KEY_BYTES).toString('base64'),
});

/** Seals or opens the media of one stream (AES-128-GCM) under one key. The stream sequence number is the nonce. */
export class StreamSeal {
  readonly epoch: number;
  readonly #key: Buffer;
  readonly #nonce = Buffer.alloc(NONCE_BYTES);

  /** @throws when the secret is not 16 bytes. */
  constructor({ epoch, secret }: StreamKey) {
    this.epoch = epoch;
    this.#key = Buffer.from(secret, 'base64');
    if (this.#key.length !== KEY_BYTES) throw new Error('a stream key has 16 bytes');
    this.#nonce.writeUInt16BE(epoch & 0xffff, NONCE_BYTES - 6);
  }

  /** @returns A buffer of its own. */
  seal(streamSeq: number, media: Uint8Array): Uint8Array {
    this.#nonce.writeUInt32BE(streamSeq, NONCE_BYTES - 4);
    const cipher = createCipheriv('aes-128-gcm', this.#key, this.#nonce);
    const sealed = Buffer.allocUnsafe(media.length + STREAM_TAG_BYTES);
    cipher.update(media).copy(sealed);
    cipher.final();
    cipher.getAuthTag().copy(sealed, media.length);
    return sealed;
  }

  /** @returns The media; undefined when it was not sealed with this key. */
  open(streamSeq: number, sealed: Uint8Array): Uint8Array | undefined {
    if (sealed.length < STREAM_TAG_BYTES) return undefined;
    this.#nonce.writeUInt32BE(streamSeq, NONCE_BYTES - 4);
    const decipher = createDecipheriv('aes-128-gcm', this.#key, this.#nonce);
    decipher.setAuthTag(sealed.subarray(sealed.length - STREAM_TAG_BYTES));
    const media = decipher.update(sealed.subarray(0, sealed.length - STREAM_TAG_BYTES));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return media;
  }
}
