import { expect, it } from 'vitest';
import { useNativeX25519, weriftNacl } from './native-x25519.ts';

const tweetnacl = weriftNacl();
const native = { ...tweetnacl, box: { ...tweetnacl.box } };
useNativeX25519(native);

it('agrees with what it replaces', () => {
  for (let i = 0; i < 5; i += 1) {
    const [mine, theirs] = [native.box.keyPair(), tweetnacl.box.keyPair()];
    expect([mine.publicKey.buffer.byteLength, mine.secretKey.buffer.byteLength]).toEqual([32, 32]);
    // As werift keeps it.
    const kept = Buffer.from(mine.secretKey.buffer);
    expect(Buffer.from(native.scalarMult(kept, theirs.publicKey))).toEqual(
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

it('computes for its own keys only', () => {
  expect(() => native.scalarMult(new Uint8Array(32).fill(1), native.box.keyPair().publicKey)).toThrow();
});
