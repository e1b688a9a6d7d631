import { expect, it } from 'vitest';
import { AesCmTransform } from './aes-cm-transform.ts';
import { AesGcmTransform } from './aes-gcm-transform.ts';
import { deriveSessionKeys } from './key-derivation.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');

/** Session keys as they are, without derivation. */
const sessionKeys = (key: string, salt: string) => ({
  rtpKey: hex(key),
  rtpSalt: hex(salt),
  rtpAuth: Buffer.alloc(20),
  rtcpKey: hex(key),
  rtcpSalt: hex(salt),
  rtcpAuth: Buffer.alloc(20),
});
const withRoom = (packet: Buffer): Buffer => Buffer.concat([packet, Buffer.alloc(32)]);

it('seals and opens the AES_CM_128_HMAC_SHA1_80 packet of libsrtp’s test driver, keys as in RFC 3711 B.3', () => {
  const transform = new AesCmTransform(
    deriveSessionKeys({
      masterKey: hex('e1f97a0d3e018be0d64fa32c06de4139'),
      masterSalt: hex('0ec675ad498afeebb6960b3aabe6'),
    }),
  );
  const plain = hex('800f1234decafbadcafebabe abababababababababababababababab');
  const sealed = hex('800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb');
  const bytes = withRoom(plain);
  const length = transform.protectRtp(bytes, 12, plain.length, 0xcafe_babe, 0, 0x1234);
  expect(bytes.subarray(0, length)).toEqual(sealed);
  expect(transform.unprotectRtp(bytes, 12, length, 0xcafe_babe, 0, 0x1234)).toBe(plain.length);
  expect(bytes.subarray(0, plain.length)).toEqual(plain);
});

it('seals and opens the AEAD_AES_128_GCM packet of RFC 7714 §16.1', () => {
  const transform = new AesGcmTransform(
    sessionKeys('000102030405060708090a0b0c0d0e0f', '517569642070726f2071756f'),
  );
  const plain = hex(
    `8040f17b8041f8d35501a0b2 47616c6c696120657374206f6d6e697320646976697361
     20696e207061727465732074726573`,
  );
  const sealed = hex(
    `8040f17b8041f8d35501a0b2 f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a
     51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce`,
  );
  const bytes = withRoom(plain);
  const length = transform.protectRtp(bytes, 12, plain.length, 0x5501_a0b2, 0, 0xf17b);
  expect(bytes.subarray(0, length)).toEqual(sealed);
  expect(transform.unprotectRtp(bytes, 12, length, 0x5501_a0b2, 0, 0xf17b)).toBe(plain.length);
  expect(bytes.subarray(0, plain.length)).toEqual(plain);
});
