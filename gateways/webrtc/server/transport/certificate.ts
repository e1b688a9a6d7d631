import { X509Certificate } from 'node:crypto';
import { CipherContext, HashAlgorithm, NamedCurveAlgorithm, SignatureAlgorithm } from 'werift';
import type { Fingerprint } from '../peer-contract.ts';

type SelfSigned = Awaited<ReturnType<typeof CipherContext.createSelfSignedCertificateWithKey>>;

/** The process's DTLS certificate: self-signed ECDSA P-256, new at each start. */
export interface Certificate extends SelfSigned {
  readonly fingerprint: Fingerprint;
}

export async function createCertificate(): Promise<Certificate> {
  const selfSigned = await CipherContext.createSelfSignedCertificateWithKey(
    { signature: SignatureAlgorithm.ecdsa_3, hash: HashAlgorithm.sha256_4 },
    NamedCurveAlgorithm.secp256r1_23,
  );
  const value = new X509Certificate(selfSigned.certPem).fingerprint256;
  return { ...selfSigned, fingerprint: { algorithm: 'sha-256', value } };
}
