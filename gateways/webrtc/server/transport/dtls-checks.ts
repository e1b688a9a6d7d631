/** What werift leaves out of a DTLS 1.2 handshake: who signed, and whether both saw the same messages. */
import {
  constants,
  createHash,
  createHmac,
  type KeyObject,
  timingSafeEqual,
  verify,
  X509Certificate,
} from 'node:crypto';
import type { Fingerprint } from '../peer-contract.ts';

/** Hash functions that a fingerprint may use (RFC 8122 §5): nothing below SHA-256. */
const FINGERPRINT_HASHES: ReadonlyMap<string, string> = new Map([
  ['sha-256', 'sha256'],
  ['sha-384', 'sha384'],
  ['sha-512', 'sha512'],
]);

export function matchesFingerprint(certificate: Uint8Array, fingerprints: readonly Fingerprint[]): boolean {
  return fingerprints.some(({ algorithm, value }) => {
    const hash = FINGERPRINT_HASHES.get(algorithm.toLowerCase());
    if (hash === undefined) return false;
    const digest = createHash(hash).update(certificate).digest('hex').toUpperCase();
    return digest === value.replaceAll(':', '').toUpperCase();
  });
}

const HASHES: ReadonlyMap<number, string> = new Map([
  [4, 'sha256'],
  [5, 'sha384'],
  [6, 'sha512'],
]);
const PSS_HASHES: ReadonlyMap<number, string> = new Map([
  [0x0804, 'sha256'],
  [0x0805, 'sha384'],
  [0x0806, 'sha512'],
]);
const RSA = 1;
const ECDSA = 3;

/** A signature of TLS 1.2 (RFC 5246 §4.7, RFC 8446 §4.2.3 for PSS): `scheme` is hash and signature byte. */
export function isSignedBy(
  certificate: Uint8Array,
  scheme: number,
  signature: Uint8Array,
  data: Uint8Array,
): boolean {
  const key = publicKeyOf(certificate);
  if (key === undefined) return false;
  const hash = HASHES.get(scheme >> 8);
  try {
    if ((scheme & 255) === ECDSA && hash !== undefined) return verify(hash, data, key, signature);
    if ((scheme & 255) === RSA && hash !== undefined)
      return verify(hash, data, { key, padding: constants.RSA_PKCS1_PADDING }, signature);
    const pss = PSS_HASHES.get(scheme);
    if (pss === undefined) return false;
    const padding = {
      key,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
    };
    return verify(pss, data, padding, signature);
  } catch {
    return false;
  }
}

function publicKeyOf(certificate: Uint8Array): KeyObject | undefined {
  try {
    return new X509Certificate(certificate).publicKey;
  } catch {
    return undefined;
  }
}

/** verify_data of a Finished message (RFC 5246 §7.4.9): 12 bytes of PRF-SHA256. */
export function isFinished(
  verifyData: Uint8Array,
  masterSecret: Uint8Array,
  label: 'client finished' | 'server finished',
  transcript: Uint8Array,
): boolean {
  const seed = Buffer.concat([Buffer.from(label), createHash('sha256').update(transcript).digest()]);
  const a1 = createHmac('sha256', masterSecret).update(seed).digest();
  const expected = createHmac('sha256', masterSecret).update(a1).update(seed).digest().subarray(0, 12);
  return verifyData.length === 12 && timingSafeEqual(expected, verifyData);
}
