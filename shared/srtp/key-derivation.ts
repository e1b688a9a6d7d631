import { createCipheriv } from 'node:crypto';
import type { SrtpKeys } from './srtp-profile.ts';

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

/** One direction's session keys (RFC 3711 §4.3); 12 bytes of the salts count with GCM. */
export interface SrtpSessionKeys {
  /** 16 bytes, as is `rtcpKey`. */
  readonly rtpKey: Uint8Array;
  /** 14 bytes, as is `rtcpSalt`. */
  readonly rtpSalt: Uint8Array;
  /** 20 bytes, as is `rtcpAuth`; not used with GCM. */
  readonly rtpAuth: Uint8Array;
  readonly rtcpKey: Uint8Array;
  readonly rtcpSalt: Uint8Array;
  readonly rtcpAuth: Uint8Array;
}

export function deriveSessionKeys({ masterKey, masterSalt }: SrtpKeys): SrtpSessionKeys {
  const derive = (label: number, bytes: number): Buffer => deriveKey(masterKey, masterSalt, label, bytes);
  return {
    rtpKey: derive(LABELS.rtpKey, 16),
    rtpSalt: derive(LABELS.rtpSalt, 14),
    rtpAuth: derive(LABELS.rtpAuth, 20),
    rtcpKey: derive(LABELS.rtcpKey, 16),
    rtcpSalt: derive(LABELS.rtcpSalt, 14),
    rtcpAuth: derive(LABELS.rtcpAuth, 20),
  };
}
