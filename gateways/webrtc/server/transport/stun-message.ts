/** STUN as an ICE-lite agent needs it: binding requests in, responses out (RFC 8489, RFC 8445). */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { ipBytes } from '@switchyard/shared/runtime';

const COOKIE = 0x2112_a442;
const HEADER_BYTES = 20;
const INTEGRITY_BYTES = 24;
const FINGERPRINT_BYTES = 8;
const FINGERPRINT_XOR = 0x5354_554e;
const USERNAME_MAX_BYTES = 513;

const ATTRIBUTES = {
  username: 0x0006,
  messageIntegrity: 0x0008,
  errorCode: 0x0009,
  xorMappedAddress: 0x0020,
  priority: 0x0024,
  useCandidate: 0x0025,
  fingerprint: 0x8028,
  iceControlled: 0x8029,
  iceControlling: 0x802a,
} as const;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit += 1) c = (c & 1) !== 0 ? (c >>> 1) ^ 0xedb8_8320 : c >>> 1;
  return c >>> 0;
});

function crc32(bytes: Uint8Array, length: number): number {
  let crc = 0xffff_ffff;
  for (let i = 0; i < length; i += 1) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ (bytes[i] ?? 0)) & 255] ?? 0);
  return (crc ^ 0xffff_ffff) >>> 0;
}

/** A binding request whose form is right; its integrity is not checked yet. */
export interface StunRequest {
  /** 12 bytes. */
  readonly transactionId: Buffer;
  readonly username: string;
  readonly useCandidate: boolean;
  /** The client says that it is controlled too: a role conflict (RFC 8445 §7.3.1.1). */
  readonly controlled: boolean;
  readonly integrityOffset: number;
}

/** @returns undefined for everything but a binding request with USERNAME, MESSAGE-INTEGRITY and a right FINGERPRINT. */
export function readStunRequest(bytes: Buffer): StunRequest | undefined {
  const { length } = bytes;
  if (length < HEADER_BYTES || bytes.readUInt32BE(4) !== COOKIE || bytes.readUInt16BE(0) !== 1)
    return undefined;
  const bodyLength = bytes.readUInt16BE(2);
  if (bodyLength + HEADER_BYTES !== length || (bodyLength & 3) !== 0) return undefined;
  let username: string | undefined;
  let useCandidate = false;
  let controlled = false;
  let integrityOffset = 0;
  let at = HEADER_BYTES;
  while (at + 4 <= length) {
    const type = bytes.readUInt16BE(at);
    const size = bytes.readUInt16BE(at + 2);
    const value = at + 4;
    if (value + size > length) return undefined;
    if (type === ATTRIBUTES.fingerprint) {
      const isLast = size === 4 && value + 4 === length;
      const matches = isLast && (crc32(bytes, at) ^ FINGERPRINT_XOR) >>> 0 === bytes.readUInt32BE(value);
      if (!matches || username === undefined || integrityOffset === 0) return undefined;
      const transactionId = Buffer.from(bytes.subarray(8, HEADER_BYTES));
      return { transactionId, username, useCandidate, controlled, integrityOffset };
    }
    // What stands between MESSAGE-INTEGRITY and FINGERPRINT is not protected and not read.
    if (integrityOffset === 0) {
      if (type === ATTRIBUTES.username) {
        if (size > USERNAME_MAX_BYTES) return undefined;
        username = bytes.toString('latin1', value, value + size);
      } else if (type === ATTRIBUTES.messageIntegrity) {
        if (size !== INTEGRITY_BYTES - 4) return undefined;
        integrityOffset = at;
      } else if (type === ATTRIBUTES.useCandidate) useCandidate = true;
      else if (type === ATTRIBUTES.iceControlled) controlled = true;
    }
    at = value + ((size + 3) & ~3);
  }
  return undefined;
}

/** MESSAGE-INTEGRITY with a short-term credential (RFC 8489 §14.5). */
export function hasIntegrity(bytes: Buffer, request: StunRequest, password: string): boolean {
  const { integrityOffset } = request;
  const covered = Buffer.from(bytes.subarray(0, integrityOffset));
  covered.writeUInt16BE(integrityOffset - HEADER_BYTES + INTEGRITY_BYTES, 2);
  const expected = createHmac('sha1', password).update(covered).digest();
  return timingSafeEqual(expected, bytes.subarray(integrityOffset + 4, integrityOffset + INTEGRITY_BYTES));
}

/** Success response with XOR-MAPPED-ADDRESS. */
export function writeBindingSuccess(
  transactionId: Buffer,
  address: string,
  port: number,
  password: string,
): Buffer {
  const mapped = ipBytes(address.split('%')[0] ?? '');
  const value = Buffer.alloc(4 + mapped.length);
  value[1] = mapped.length === 16 ? 2 : 1;
  value.writeUInt16BE(port ^ (COOKIE >>> 16), 2);
  const mask = Buffer.alloc(16);
  mask.writeUInt32BE(COOKIE, 0);
  transactionId.copy(mask, 4);
  mapped.forEach((byte, i) => {
    value[4 + i] = byte ^ (mask[i] ?? 0);
  });
  return seal(0x0101, transactionId, ATTRIBUTES.xorMappedAddress, value, password);
}

/** Error response, e.g. 487 Role Conflict. */
export function writeBindingError(
  transactionId: Buffer,
  code: number,
  reason: string,
  password: string,
): Buffer {
  const text = Buffer.from(reason);
  const value = Buffer.alloc(4 + text.length);
  value[2] = Math.floor(code / 100);
  value[3] = code % 100;
  text.copy(value, 4);
  return seal(0x0111, transactionId, ATTRIBUTES.errorCode, value, password);
}

/** Binding request as a controlling agent sends it: for clients in tests and in the bench. */
export function writeBindingRequest(
  transactionId: Buffer,
  username: string,
  password: string,
  useCandidate = true,
  role: 'controlling' | 'controlled' = 'controlling',
): Buffer {
  const name = Buffer.from(username);
  const attributes = [
    attribute(ATTRIBUTES.username, name),
    attribute(ATTRIBUTES.priority, Buffer.from([0x6e, 0, 0, 0xff])),
    attribute(
      role === 'controlling' ? ATTRIBUTES.iceControlling : ATTRIBUTES.iceControlled,
      Buffer.alloc(8, 1),
    ),
  ];
  return finish(
    0x0001,
    transactionId,
    Buffer.concat(
      useCandidate ? [...attributes, attribute(ATTRIBUTES.useCandidate, Buffer.alloc(0))] : attributes,
    ),
    password,
  );
}

function attribute(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(4 + ((value.length + 3) & ~3));
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt16BE(value.length, 2);
  value.copy(bytes, 4);
  return bytes;
}

const seal = (type: number, transactionId: Buffer, name: number, value: Buffer, password: string): Buffer =>
  finish(type, transactionId, attribute(name, value), password);

/** Header, attributes, MESSAGE-INTEGRITY, FINGERPRINT. */
function finish(type: number, transactionId: Buffer, attributes: Buffer, password: string): Buffer {
  const integrityAt = HEADER_BYTES + attributes.length;
  const fingerprintAt = integrityAt + INTEGRITY_BYTES;
  const bytes = Buffer.alloc(fingerprintAt + FINGERPRINT_BYTES);
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt32BE(COOKIE, 4);
  transactionId.copy(bytes, 8);
  attributes.copy(bytes, HEADER_BYTES);
  bytes.writeUInt16BE(fingerprintAt - HEADER_BYTES, 2);
  const mac = createHmac('sha1', password).update(bytes.subarray(0, integrityAt)).digest();
  attribute(ATTRIBUTES.messageIntegrity, mac).copy(bytes, integrityAt);
  bytes.writeUInt16BE(bytes.length - HEADER_BYTES, 2);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE((crc32(bytes, fingerprintAt) ^ FINGERPRINT_XOR) >>> 0);
  attribute(ATTRIBUTES.fingerprint, crc).copy(bytes, fingerprintAt);
  return bytes;
}
