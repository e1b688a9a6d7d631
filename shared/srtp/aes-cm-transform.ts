import {
  type Cipher,
  createCipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto';
import { readU32, writeU32 } from '@switchyard/shared/media';
import type { SrtpSessionKeys } from './key-derivation.ts';
import type { SrtpTransform } from './srtp-transform.ts';

const TAG_BYTES = 10;
const INDEX_BYTES = 4;
const RTCP_HEADER_BYTES = 8;
const BLOCK_BYTES = 16;
/** Longest packet: a UDP datagram. */
const BLOCKS_MAX = 4096;
/** Counter blocks of the packet at hand, whosever it is. */
let scratch = Buffer.alloc(BLOCK_BYTES * 96);

/** The keystream of one key: a persistent ECB cipher over counter blocks costs a third of a new CTR cipher a packet. */
class CounterKeystream {
  readonly #cipher: Cipher;
  readonly #salt: Uint8Array;

  constructor(key: Uint8Array, salt: Uint8Array) {
    this.#cipher = createCipheriv('aes-128-ecb', createSecretKey(key), null).setAutoPadding(false);
    this.#salt = salt;
  }

  /** XORs the keystream of (ssrc, 48-bit index) over `bytes` (RFC 3711 §4.1.1). */
  apply(bytes: Buffer, from: number, to: number, ssrc: number, indexHigh: number, indexLow: number): void {
    const count = Math.min(BLOCKS_MAX, Math.ceil((to - from) / BLOCK_BYTES));
    if (count * BLOCK_BYTES > scratch.length) scratch = Buffer.alloc(count * BLOCK_BYTES);
    const blocks = scratch;
    const salt = this.#salt;
    const word0 = readU32(salt, 0);
    const word1 = readU32(salt, 4) ^ ssrc;
    const word2 = readU32(salt, 8) ^ indexHigh;
    const word3 = (((salt[12] ?? 0) << 24) | ((salt[13] ?? 0) << 16)) ^ (indexLow << 16);
    for (let i = 0, at = 0; i < count; i += 1, at += BLOCK_BYTES) {
      writeU32(blocks, at, word0);
      writeU32(blocks, at + 4, word1);
      writeU32(blocks, at + 8, word2);
      writeU32(blocks, at + 12, word3 | i);
    }
    const stream = this.#cipher.update(blocks.subarray(0, count * BLOCK_BYTES));
    for (let i = from, j = 0; i < to; i += 1, j += 1) bytes[i] = (bytes[i] ?? 0) ^ (stream[j] ?? 0);
  }
}

/** AES_CM_128_HMAC_SHA1_80 (RFC 3711 §4). */
export class AesCmTransform implements SrtpTransform {
  readonly #rtp: CounterKeystream;
  readonly #rtcp: CounterKeystream;
  readonly #rtpAuth: KeyObject;
  readonly #rtcpAuth: KeyObject;
  readonly #roc = Buffer.alloc(4);

  constructor(keys: SrtpSessionKeys) {
    this.#rtp = new CounterKeystream(keys.rtpKey, keys.rtpSalt);
    this.#rtcp = new CounterKeystream(keys.rtcpKey, keys.rtcpSalt);
    this.#rtpAuth = createSecretKey(keys.rtpAuth);
    this.#rtcpAuth = createSecretKey(keys.rtcpAuth);
  }

  protectRtp(
    bytes: Buffer,
    headerLength: number,
    length: number,
    ssrc: number,
    roc: number,
    seq: number,
  ): number {
    this.#rtp.apply(bytes, headerLength, length, ssrc, roc, seq);
    this.#rtpTag(bytes, length, roc).copy(bytes, length, 0, TAG_BYTES);
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
    const tag = this.#rtpTag(bytes, end, roc);
    if (!timingSafeEqual(tag.subarray(0, TAG_BYTES), bytes.subarray(end, length))) return -1;
    this.#rtp.apply(bytes, headerLength, end, ssrc, roc, seq);
    return end;
  }

  protectRtcp(bytes: Buffer, length: number, ssrc: number, index: number): number {
    this.#rtcp.apply(bytes, RTCP_HEADER_BYTES, length, ssrc, index >>> 16, index & 0xffff);
    // E: encrypted (RFC 3711 §3.4).
    writeU32(bytes, length, index | 0x8000_0000);
    const end = length + INDEX_BYTES;
    createHmac('sha1', this.#rtcpAuth).update(bytes.subarray(0, end)).digest().copy(bytes, end, 0, TAG_BYTES);
    return end + TAG_BYTES;
  }

  unprotectRtcp(bytes: Buffer, length: number, ssrc: number): number {
    const end = length - TAG_BYTES;
    const body = end - INDEX_BYTES;
    if (body < RTCP_HEADER_BYTES) return -1;
    const tag = createHmac('sha1', this.#rtcpAuth).update(bytes.subarray(0, end)).digest();
    if (!timingSafeEqual(tag.subarray(0, TAG_BYTES), bytes.subarray(end, length))) return -1;
    const word = readU32(bytes, body);
    const index = word & 0x7fff_ffff;
    if (word >= 0x8000_0000)
      this.#rtcp.apply(bytes, RTCP_HEADER_BYTES, body, ssrc, index >>> 16, index & 0xffff);
    return body;
  }

  rtcpIndex(bytes: Buffer, length: number): number {
    const at = length - TAG_BYTES - INDEX_BYTES;
    return at < RTCP_HEADER_BYTES ? -1 : readU32(bytes, at) & 0x7fff_ffff;
  }

  #rtpTag(bytes: Buffer, end: number, roc: number): Buffer {
    writeU32(this.#roc, 0, roc);
    return createHmac('sha1', this.#rtpAuth).update(bytes.subarray(0, end)).update(this.#roc).digest();
  }
}
