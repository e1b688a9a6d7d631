/** DTLS 1.2 on the wire, before anything is known to be authentic (RFC 6347 §4.1, §4.2.2). Pure. */

export const DTLS_RECORD = {
  changeCipherSpec: 20,
  alert: 21,
  handshake: 22,
  applicationData: 23,
} as const;

/** Handshake types (RFC 5246 §7.4, RFC 6347 §4.3.2). */
export const HANDSHAKE = {
  clientHello: 1,
  serverHello: 2,
  helloVerify: 3,
  certificate: 11,
  serverKeyExchange: 12,
  certificateRequest: 13,
  serverHelloDone: 14,
  certificateVerify: 15,
  clientKeyExchange: 16,
  finished: 20,
} as const;

export const RECORD_HEADER_BYTES = 13;
const MESSAGE_HEADER_BYTES = 12;
/** Longest handshake message, bytes: a chain of certificates fits. */
const MESSAGE_MAX_BYTES = 16_384;
/** Messages that are put together at a time. */
const MESSAGES_MAX = 8;

/** Visits the records of a datagram, header included; what follows a record that is cut is dropped. */
export function forEachRecord(datagram: Buffer, visit: (record: Buffer) => void): void {
  let at = 0;
  while (at + RECORD_HEADER_BYTES <= datagram.length) {
    const end = at + RECORD_HEADER_BYTES + datagram.readUInt16BE(at + 11);
    if (end > datagram.length) return;
    visit(datagram.subarray(at, end));
    at = end;
  }
}

interface Partial {
  readonly type: number;
  readonly body: Buffer;
  /** 1 where a byte has come. */
  readonly have: Uint8Array;
  missing: number;
}

/**
 * Puts fragments of handshake messages together. Bounded: {@link MESSAGES_MAX} messages of {@link MESSAGE_MAX_BYTES};
 * fragments may come in any order and overlap, but must agree on type and length.
 *
 *      0                   1                   2                   3
 *     |   msg_type    |                    length                     |
 *     |          message_seq          |        fragment_offset ...    |
 *     | ...           |                fragment_length                |
 */
export class HandshakeAssembler {
  readonly #partials = new Map<number, Partial>();

  /**
   * Takes the body of a plaintext handshake record.
   * @param complete Called with each whole message as one plaintext record.
   * @returns false when something in it is malformed or beyond the bounds.
   */
  add(body: Buffer, complete: (record: Buffer) => void): boolean {
    let at = 0;
    while (at < body.length) {
      if (at + MESSAGE_HEADER_BYTES > body.length) return false;
      const length = body.readUIntBE(at + 1, 3);
      const offset = body.readUIntBE(at + 6, 3);
      const size = body.readUIntBE(at + 9, 3);
      const end = at + MESSAGE_HEADER_BYTES + size;
      if (length > MESSAGE_MAX_BYTES || offset + size > length || end > body.length) return false;
      const [type, seq] = [body[at] ?? 0, body.readUInt16BE(at + 4)];
      const fragment = body.subarray(at + MESSAGE_HEADER_BYTES, end);
      if (size === length) {
        this.#partials.delete(seq);
        complete(messageRecord(type, seq, fragment));
      } else if (!this.#addFragment(type, seq, length, offset, fragment, complete)) return false;
      at = end;
    }
    return true;
  }

  #addFragment(
    type: number,
    seq: number,
    length: number,
    offset: number,
    fragment: Buffer,
    complete: (record: Buffer) => void,
  ): boolean {
    let partial = this.#partials.get(seq);
    if (partial === undefined) {
      if (this.#partials.size >= MESSAGES_MAX) return false;
      partial = { type, body: Buffer.alloc(length), have: new Uint8Array(length), missing: length };
      this.#partials.set(seq, partial);
    }
    if (partial.type !== type || partial.body.length !== length) return false;
    for (let i = 0; i < fragment.length; i += 1) {
      if (partial.have[offset + i] === 1) continue;
      partial.have[offset + i] = 1;
      partial.body[offset + i] = fragment[i] ?? 0;
      partial.missing -= 1;
    }
    if (partial.missing > 0) return true;
    this.#partials.delete(seq);
    complete(messageRecord(type, seq, partial.body));
    return true;
  }
}

/** A whole handshake message as a plaintext record, as if it had never been fragmented. */
export function messageRecord(type: number, seq: number, body: Uint8Array): Buffer {
  const record = Buffer.alloc(RECORD_HEADER_BYTES + MESSAGE_HEADER_BYTES + body.length);
  record[0] = DTLS_RECORD.handshake;
  record.writeUInt16BE(0xfefd, 1);
  record.writeUInt16BE(MESSAGE_HEADER_BYTES + body.length, 11);
  record[RECORD_HEADER_BYTES] = type;
  record.writeUIntBE(body.length, RECORD_HEADER_BYTES + 1, 3);
  record.writeUInt16BE(seq, RECORD_HEADER_BYTES + 4);
  record.writeUIntBE(body.length, RECORD_HEADER_BYTES + 9, 3);
  record.set(body, RECORD_HEADER_BYTES + MESSAGE_HEADER_BYTES);
  return record;
}

/** Whether a ClientHello carries a cookie (RFC 6347 §4.2.1): version 2, random 32, session id, cookie. */
export function hasCookie(clientHello: Uint8Array): boolean {
  const sessionIdLength = clientHello[34] ?? 0;
  return (clientHello[35 + sessionIdLength] ?? 0) > 0;
}
