import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { readU16, readU32, writeU16, writeU32 } from '@switchyard/shared/media';
import type { SrtpSessionKeys } from './key-derivation.ts';
import type { SrtpTransform } from './srtp-transform.ts';

const TAG_BYTES = 16;
const INDEX_BYTES = 4;
const RTCP_HEADER_BYTES = 8;
const OPTIONS = { authTagLength: TAG_BYTES };

/** AEAD_AES_128_GCM (RFC 7714). */
export class AesGcmTransform implements SrtpTransform {
  readonly #rtpKey: KeyObject;
  readonly #rtpSalt: Uint8Array;
  readonly #rtcpKey: KeyObject;
  readonly #rtcpSalt: Uint8Array;
  readonly #iv = Buffer.alloc(12);
  readonly #rtcpAad = Buffer.alloc(RTCP_HEADER_BYTES + INDEX_BYTES);

  constructor(keys: SrtpSessionKeys) {
    this.#rtpKey = createSecretKey(keys.rtpKey);
    this.#rtpSalt = keys.rtpSalt;
    this.#rtcpKey = createSecretKey(keys.rtcpKey);
    this.#rtcpSalt = keys.rtcpSalt;
  }

  protectRtp(
    bytes: Buffer,
    headerLength: number,
    length: number,
    ssrc: number,
    roc: number,
    seq: number,
  ): number {
    const cipher = createCipheriv('aes-128-gcm', this.#rtpKey, this.#rtpIv(ssrc, roc, seq), OPTIONS);
    cipher.setAAD(bytes.subarray(0, headerLength));
    cipher.update(bytes.subarray(headerLength, length)).copy(bytes, headerLength);
    cipher.final();
    cipher.getAuthTag().copy(bytes, length);
    return length + TAG_BYTES;
  }

  unprotectRtp(
    bytes: Buffer,
    headerLength: number,
    length: number,
    ssrc: number,
    roc: number,
    seq: number,
  ): number {
    const end = length - TAG_BYTES;
    if (end < headerLength) return -1;
    const decipher = createDecipheriv('aes-128-gcm', this.#rtpKey, this.#rtpIv(ssrc, roc, seq), OPTIONS);
    decipher.setAAD(bytes.subarray(0, headerLength));
    decipher.setAuthTag(bytes.subarray(end, length));
    const plain = decipher.update(bytes.subarray(headerLength, end));
    try {
      decipher.final();
    } catch {
      return -1;
    }
    plain.copy(bytes, headerLength);
    return end;
  }

  protectRtcp(bytes: Buffer, length: number, ssrc: number, index: number): number {
    const word = index | 0x8000_0000;
    const cipher = createCipheriv('aes-128-gcm', this.#rtcpKey, this.#rtcpIv(ssrc, index), OPTIONS);
    cipher.setAAD(this.#aad(bytes, word));
    cipher.update(bytes.subarray(RTCP_HEADER_BYTES, length)).copy(bytes, RTCP_HEADER_BYTES);
    cipher.final();
    cipher.getAuthTag().copy(bytes, length);
    writeU32(bytes, length + TAG_BYTES, word);
    return length + TAG_BYTES + INDEX_BYTES;
  }

  unprotectRtcp(bytes: Buffer, length: number, ssrc: number): number {
    const indexAt = length - INDEX_BYTES;
    const end = indexAt - TAG_BYTES;
    if (end < RTCP_HEADER_BYTES) return -1;
    const word = readU32(bytes, indexAt);
    // Browsers always encrypt RTCP; unencrypted SRTCP (RFC 7714 §9.3) is not accepted.
    if (word < 0x8000_0000) return -1;
    const decipher = createDecipheriv(
      'aes-128-gcm',
      this.#rtcpKey,
      this.#rtcpIv(ssrc, word & 0x7fff_ffff),
      OPTIONS,
    );
    decipher.setAAD(this.#aad(bytes, word));
    decipher.setAuthTag(bytes.subarray(end, indexAt));
    const plain = decipher.update(bytes.subarray(RTCP_HEADER_BYTES, end));
    try {
      decipher.final();
    } catch {
      return -1;
    }
    plain.copy(bytes, RTCP_HEADER_BYTES);
    return end;
  }

  rtcpIndex(bytes: Buffer, length: number): number {
    return length < RTCP_HEADER_BYTES + TAG_BYTES + INDEX_BYTES
      ? -1
      : readU32(bytes, length - INDEX_BYTES) & 0x7fff_ffff;
  }

  #aad(bytes: Buffer, word: number): Buffer {
    bytes.copy(this.#rtcpAad, 0, 0, RTCP_HEADER_BYTES);
    writeU32(this.#rtcpAad, RTCP_HEADER_BYTES, word);
    return this.#rtcpAad;
  }

  /** RFC 7714 §8.1 */
  #rtpIv(ssrc: number, roc: number, seq: number): Buffer {
    const salt = this.#rtpSalt;
    writeU16(this.#iv, 0, readU16(salt, 0));
    writeU32(this.#iv, 2, readU32(salt, 2) ^ ssrc);
    writeU32(this.#iv, 6, readU32(salt, 6) ^ roc);
    writeU16(this.#iv, 10, readU16(salt, 10) ^ seq);
    return this.#iv;
  }

  /** RFC 7714 §9.1 */
  #rtcpIv(ssrc: number, index: number): Buffer {
    const salt = this.#rtcpSalt;
    writeU16(this.#iv, 0, readU16(salt, 0));
    writeU32(this.#iv, 2, readU32(salt, 2) ^ ssrc);
    writeU16(this.#iv, 6, readU16(salt, 6));
    writeU32(this.#iv, 8, readU32(salt, 8) ^ index);
    return this.#iv;
  }
}
