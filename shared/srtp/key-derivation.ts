import { createCipheriv } from 'node:crypto';

/** Labels of the key derivation (RFC 3711 §4.3.2). */
export const LABELS = { rtpKey: 0, rtpAuth: 1, rtpSalt: 2, rtcpKey: 3, rtcpAuth: 4, rtcpSalt: 5 } as const;

/**
 * AES-CM key derivation with a key derivation rate of 0 (RFC 3711 §4.3.1, §4.3.3).
 * @param salt 14 bytes; a GCM salt of 12 bytes is padded with zeros on the right (RFC 7714 §11).
 */
export function deriveKey(masterKey: Uint8Array, salt: Uint8Array, label: number, bytes: number): Buffer {
  const counter = Buffer.alloc(16);
  counter.set(salt.subarray(0, 14));
  counter[7] = (counter[7] ?? 0) ^ label;
  return createCipheriv('aes-128-ctr', masterKey, counter).update(Buffer.alloc(bytes));
}
