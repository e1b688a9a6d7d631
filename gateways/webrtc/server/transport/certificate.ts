import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { CipherContext, HashAlgorithm, NamedCurveAlgorithm, SignatureAlgorithm } from 'werift';
import type { Fingerprint } from '../peer-contract.ts';

type SelfSigned = Awaited<ReturnType<typeof CipherContext.createSelfSignedCertificateWithKey>>;

/** The process's DTLS certificate: self-signed ECDSA P-256, new at each start. */
export interface Certificate extends SelfSigned {
  readonly fingerprint: Fingerprint;
  /** Of the certificate, DER. */
  readonly der: Buffer;
  /** Parsed once: werift would parse both texts for every client. */
  readonly privateKey: KeyObject;
}

export async function createCertificate(): Promise<Certificate> {
  const selfSigned = await CipherContext.createSelfSignedCertificateWithKey(
    { signature: SignatureAlgorithm.ecdsa_3, hash: HashAlgorithm.sha256_4 },
    NamedCurveAlgorithm.secp256r1_23,
  );
  const { fingerprint256: value, raw: der } = new X509Certificate(selfSigned.certPem);
  const privateKey = createPrivateKey(selfSigned.keyPem);
  return { ...selfSigned, fingerprint: { algorithm: 'sha-256', value }, der, privateKey };
}
