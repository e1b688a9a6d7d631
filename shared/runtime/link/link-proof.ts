import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * How both ends of a link over TCP show that they know its secret, without saying it: each proves it over the nonces
 * of both, so that neither an old conversation nor the other's own proof is of any use.
 *
 *     core     ── challenge {nonce C}                            ─▶ gateway
 *     gateway  ── hello {…, nonce G, HMAC(secret, gateway C G)}  ─▶ core
 *     core     ── welcome {…, HMAC(secret, core C G)}            ─▶ gateway
 */
export function linkProof(
  secret: string,
  side: 'gateway' | 'core',
  nonces: { readonly core: string; readonly gateway: string },
): string {
  return createHmac('sha256', secret)
    .update(`switchyard link\n${side}\n${nonces.core}\n${nonces.gateway}`)
    .digest('base64url');
}

/** 256 random bits. */
export const linkNonce = (): string => randomBytes(32).toString('base64url');

/** Compares in constant time. */
export function isSameProof(expected: string, given: string | undefined): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given ?? '')];
  return a.length === b.length && timingSafeEqual(a, b);
}
