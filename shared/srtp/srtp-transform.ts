import { AesCmTransform } from './aes-cm-transform.ts';
import { AesGcmTransform } from './aes-gcm-transform.ts';
import type { SrtpSessionKeys } from './key-derivation.ts';
import type { SrtpProfile } from './srtp-profile.ts';
import { SRTP_PROFILES } from './srtp-profile.ts';

/**
 * One direction's cryptography without state: RTP and RTCP packets in place. `bytes` has room for
 * {@link SRTP_OVERHEAD_MAX_BYTES} behind the packet when protecting.
 */
export interface SrtpTransform {
  /** @returns The new length. */
  protectRtp(
    bytes: Buffer,
    headerLength: number,
    length: number,
    ssrc: number,
    roc: number,
    seq: number,
  ): number;
  /** @returns The new length, −1 when authentication fails. */
  unprotectRtp(
    bytes: Buffer,
    headerLength: number,
    length: number,
    ssrc: number,
    roc: number,
    seq: number,
  ): number;
  protectRtcp(bytes: Buffer, length: number, ssrc: number, index: number): number;
  unprotectRtcp(bytes: Buffer, length: number, ssrc: number): number;
  /** SRTCP index of a packet, before authentication; −1 when it is too short. */
  rtcpIndex(bytes: Buffer, length: number): number;
}

export const createSrtpTransform = (profile: SrtpProfile, keys: SrtpSessionKeys): SrtpTransform =>
  profile === SRTP_PROFILES.aeadAes128Gcm ? new AesGcmTransform(keys) : new AesCmTransform(keys);
