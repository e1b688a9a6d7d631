import { expect, it } from 'vitest';
import { isWellFormedSctp } from './is-well-formed-sctp.ts';

const HEADER = '138813885265ad3c00000000';
it.each([
  ['a chunk of data', '0003001100000001000000010000003368000000', true],
  ['two chunks', '0b0000040b000004', true],
  ['a chunk of length 0', '0b000000', false],
  ['a chunk beyond the end', '0b000008', false],
  ['a parameter of length 0', `01000018${'00'.repeat(16)}80000000`, false],
  ['an INIT with a parameter', `01000018${'00'.repeat(16)}c0000004`, true],
])('%s', (_name, hex, right) => {
  expect(isWellFormedSctp(Buffer.from(HEADER + hex, 'hex'))).toBe(right);
});
