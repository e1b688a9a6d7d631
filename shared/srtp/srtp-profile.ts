/** Protection profiles as DTLS numbers them (RFC 5764 §4.1.2, RFC 7714 §14.2). */
export const SRTP_PROFILES = { aes128CmSha1_80: 1, aeadAes128Gcm: 7 } as const;
export type SrtpProfile = (typeof SRTP_PROFILES)[keyof typeof SRTP_PROFILES];

/** Master key and salt of one direction. */
export interface SrtpKeys {
  /** 16 bytes. */
  readonly masterKey: Uint8Array;
  /** 14 bytes, with GCM 12. */
  readonly masterSalt: Uint8Array;
}

export const SRTP_KEY_BYTES: number = 16;
export const srtpSaltBytes = (profile: SrtpProfile): number =>
  profile === SRTP_PROFILES.aeadAes128Gcm ? 12 : 14;

/** Most bytes that protection adds to RTP or RTCP: tag 16 and index 4. */
export const SRTP_OVERHEAD_MAX_BYTES: number = 20;
