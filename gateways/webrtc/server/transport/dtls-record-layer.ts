import type { DtlsServer } from 'werift';
import { RECORD_HEADER_BYTES } from './dtls-record.ts';

type WeriftCipher = Pick<DtlsServer['cipher'], 'decryptPacket' | 'encryptPacket'>;
type WeriftRecord = Parameters<WeriftCipher['decryptPacket']>[0];

/** Explicit nonce 8 and tag 16 of AEAD records. */
const AEAD_OVERHEAD_BYTES = 24;
const REPLAY_WINDOW = 64;
const DTLS_1_2 = 0xfefd;

/** Records of epoch 1 once the handshake is through (RFC 6347 §4.1): only encrypted ones, each once. */
export class DtlsRecordLayer {
  readonly #cipher: WeriftCipher;
  readonly #seen = new Float64Array(REPLAY_WINDOW).fill(-1);
  #highest = -1;

  constructor(cipher: WeriftCipher) {
    this.#cipher = cipher;
  }

  /** @returns The plaintext, undefined for a record that is plain, old, replayed or forged. */
  open(record: Buffer): Buffer | undefined {
    const seq = record.readUIntBE(5, 6);
    if (record.length <= RECORD_HEADER_BYTES + AEAD_OVERHEAD_BYTES) return undefined;
    if (record.readUInt16BE(1) !== DTLS_1_2 || record.readUInt16BE(3) !== 1) return undefined;
    if (seq <= this.#highest - REPLAY_WINDOW || this.#seen[seq % REPLAY_WINDOW] === seq) return undefined;
    let data: Buffer;
    try {
      const fragment = record.subarray(RECORD_HEADER_BYTES);
      data = this.#cipher.decryptPacket(weriftRecord(record[0] ?? 0, seq, fragment));
    } catch {
      return undefined;
    }
    this.#seen[seq % REPLAY_WINDOW] = seq;
    if (seq > this.#highest) this.#highest = seq;
    return data;
  }

  /** @param seq Sequence number that was not used before. */
  seal(type: number, seq: number, data: Buffer): Buffer {
    const { fragment } = this.#cipher.encryptPacket(weriftRecord(type, seq, data));
    const record = Buffer.alloc(RECORD_HEADER_BYTES + fragment.length);
    record[0] = type;
    record.writeUInt16BE(DTLS_1_2, 1);
    record.writeUInt16BE(1, 3);
    record.writeUIntBE(seq, 5, 6);
    record.writeUInt16BE(fragment.length, 11);
    record.set(fragment, RECORD_HEADER_BYTES);
    return record;
  }
}

/** A record as werift's cipher reads it, which looks at nothing but these fields. */
const weriftRecord = (contentType: number, sequenceNumber: number, fragment: Buffer): WeriftRecord =>
  ({
    recordLayerHeader: {
      contentType,
      protocolVersion: { major: DTLS_1_2 >> 8, minor: DTLS_1_2 & 255 },
      epoch: 1,
      sequenceNumber,
      contentLen: fragment.length,
    },
    fragment,
  }) as unknown as WeriftRecord;
