import { expect, it } from 'vitest';
import { useNativeX25519, weriftNacl } from './native-x25519.ts';

const tweetnacl = weriftNacl();
const native = { ...tweetnacl, box: { ...tweetnacl.box } };
useNativeX25519(native);

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

it('computes the vectors of RFC 7748 §5.2', () => {
  expect(
    Buffer.from(
      native.scalarMult(
        hex('a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4'),
        hex('e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c'),
      ),
    ).toString('hex'),
  ).toBe('c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552');
});

it('agrees with what it replaces', () => {
  for (let i = 0; i < 5; i += 1) {
    const [mine, theirs] = [native.box.keyPair(), tweetnacl.box.keyPair()];
    for (const { publicKey, secretKey } of [mine, theirs]) {
      expect([publicKey.buffer.byteLength, secretKey.buffer.byteLength]).toEqual([32, 32]);
    }
    expect(Buffer.from(native.scalarMult(mine.secretKey, theirs.publicKey))).toEqual(
      Buffer.from(tweetnacl.scalarMult(theirs.secretKey, mine.publicKey)),
    );
  }
});

it.each([
  ['a point of low order', new Uint8Array(32)],
  ['a short key', new Uint8Array(31)],
  ['a long key', new Uint8Array(65)],
])('refuses %s', (_, publicKey) => {
  expect(() => native.scalarMult(native.box.keyPair().secretKey, publicKey)).toThrow();
});
