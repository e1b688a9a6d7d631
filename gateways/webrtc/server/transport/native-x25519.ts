import { createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createRequire } from 'node:module';

const KEY_BYTES = 32;
const CURVE = { kty: 'OKP', crv: 'X25519' } as const;

/** The part of tweetnacl that werift uses. */
interface Nacl {
  readonly box: { keyPair(): { publicKey: Uint8Array; secretKey: Uint8Array } };
  scalarMult(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array;
}

/** tweetnacl as werift has it. */
export function weriftNacl(): Nacl {
  const require = createRequire(import.meta.url);
  return createRequire(require.resolve('werift'))('tweetnacl') as Nacl;
}

/**
 * werift agrees on keys with tweetnacl: X25519 in JavaScript, twice a handshake, a third of what a join costs. Here Node's
 * own takes its place. To be called once, before the first handshake.
 */
export function useNativeX25519(nacl: Nacl = weriftNacl()): void {
  nacl.box.keyPair = nativeKeyPair;
  nacl.scalarMult = nativeScalarMult;
}

/** Keys that were made here, by the memory of their raw form: to parse one costs ten times as much as to use it. */
const privateKeys = new WeakMap<ArrayBufferLike, KeyObject>();

/** @returns Raw keys, each in memory of its own: werift takes the whole. */
function nativeKeyPair(): { publicKey: Uint8Array; secretKey: Uint8Array } {
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  const { x = '' } = publicKey.export({ format: 'jwk' });
  // The handle stays here: nobody needs the bytes.
  const secretKey = new Uint8Array(KEY_BYTES);
  privateKeys.set(secretKey.buffer, privateKey);
  return { publicKey: Uint8Array.from(Buffer.from(x, 'base64url')), secretKey };
}

/**
 * @param secretKey Of {@link nativeKeyPair}, or a view of the same memory.
 * @throws when that is not so, when the other key has another length, and when the result would be zero (RFC 7748 §6.1): the
 *   handshake fails.
 */
function nativeScalarMult(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const privateKey = privateKeys.get(secretKey.buffer);
  if (privateKey === undefined) throw new Error('a secret key of somebody else');
  if (publicKey.length !== KEY_BYTES) throw new Error('an X25519 key has 32 bytes');
  const x = Buffer.from(publicKey).toString('base64url');
  return diffieHellman({ privateKey, publicKey: createPublicKey({ key: { ...CURVE, x }, format: 'jwk' }) });
}
