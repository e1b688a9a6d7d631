import { type Cipher, createCipheriv, createSecretKey } from 'node:crypto';
import type { SrtpSessionKeys } from '../key-derivation.ts';
import type { SrtpKernel } from './srtp-kernel.ts';

/** A sender's keys in the form that the kernel works with. */
export class KernelKey {
  readonly kernel: SrtpKernel;
  readonly salt: Uint8Array;
  /** A persistent ECB cipher over counter blocks: the keystream of many packets in one call. */
  readonly cipher: Cipher;
  /** Offset of the HMAC state, −1 when the kernel has no room for more senders. */
  readonly hmacState: number;

  constructor(kernel: SrtpKernel, { rtpKey, rtpSalt, rtpAuth }: SrtpSessionKeys) {
    this.kernel = kernel;
    this.salt = rtpSalt;
    this.cipher = createCipheriv('aes-128-ecb', createSecretKey(rtpKey), null).setAutoPadding(false);
    this.hmacState = kernel.senders.take();
    if (this.hmacState >= 0) kernel.hmacInit(this.hmacState, rtpAuth);
  }

  close(): void {
    this.kernel.seal();
    if (this.hmacState >= 0) this.kernel.senders.giveBack(this.hmacState);
  }
}
