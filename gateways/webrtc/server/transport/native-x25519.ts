import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto';
import { createRequire } from 'node:module';

const KEY_BYTES = 32;
/** What stands before a raw key in its DER forms (RFC 8410 §7 and §4). */
const PRIVATE_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');
const PUBLIC_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');

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

/** @returns Raw keys, each in a buffer of its own: werift takes the whole one. */
function nativeKeyPair(): { publicKey: Uint8Array; secretKey: Uint8Array } {
  const { publicKey, privateKey } = generateKeyPairSync('x25519', {
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  });
  return {
    publicKey: Uint8Array.from(publicKey.subarray(-KEY_BYTES)),
    secretKey: Uint8Array.from(privateKey.subarray(-KEY_BYTES)),
  };
}

/** @throws when a key has another length, or the result would be zero (RFC 7748 §6.1): the handshake fails. */
function nativeScalarMult(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  if (publicKey.length !== KEY_BYTES) throw new Error('an X25519 key has 32 bytes');
  return diffieHellman({
    privateKey: createPrivateKey({
      key: Buffer.concat([PRIVATE_PREFIX, secretKey]),
      format: 'der',
      type: 'pkcs8',
    }),
    publicKey: createPublicKey({
      key: Buffer.concat([PUBLIC_PREFIX, publicKey]),
      format: 'der',
      type: 'spki',
    }),
  });
}
