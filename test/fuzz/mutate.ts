import type { SeededRandom } from './seeded-random.ts';

/** Values at which parsers go wrong. */
const EDGES = [0, 1, 0x7f, 0x80, 0xfe, 0xff] as const;
const GROWTH_MAX_BYTES = 2000;

type Mutation = (bytes: Buffer, random: SeededRandom, other: Buffer) => Buffer;

const setByte: Mutation = (bytes, random) => {
  bytes[random.below(bytes.length)] = random.chance(0.5) ? random.pick(EDGES) : random.next() & 255;
  return bytes;
};
const flipBit: Mutation = (bytes, random) => {
  const at = random.below(bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
  return bytes;
};
/** A length or count of two bytes. */
const setWord: Mutation = (bytes, random) => {
  if (bytes.length >= 2)
    bytes.writeUInt16BE(random.pick([0, 1, 0x7fff, 0x8000, 0xffff]), random.below(bytes.length - 1));
  return bytes;
};
const cut: Mutation = (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1));
const cutFront: Mutation = (bytes, random) => bytes.subarray(random.below(bytes.length + 1));
const remove: Mutation = (bytes, random) => {
  const at = random.below(bytes.length);
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(16))]);
};
const insert: Mutation = (bytes, random) => {
  const at = random.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(16)), bytes.subarray(at)]);
};
const repeat: Mutation = (bytes, random) => {
  const at = random.below(bytes.length);
  const part = bytes.subarray(at, at + 1 + random.below(64));
  const times = random.below(8);
  return Buffer.concat([
    bytes.subarray(0, at),
    ...Array.from({ length: times }, () => part),
    bytes.subarray(at),
  ]);
};
const splice: Mutation = (bytes, random, other) =>
  Buffer.concat([
    bytes.subarray(0, random.below(bytes.length + 1)),
    other.subarray(random.below(other.length + 1)),
  ]);

const MUTATIONS = [
  setByte,
  setByte,
  flipBit,
  flipBit,
  setWord,
  cut,
  cutFront,
  remove,
  insert,
  repeat,
  splice,
] as const;

/** A copy of one of `seeds` with one to eight things wrong; now and then bytes of no sense at all. */
export function mutate(seeds: readonly [Buffer, ...Buffer[]], random: SeededRandom): Buffer {
  if (random.chance(0.03)) return random.bytes(random.below(200));
  let bytes: Buffer = Buffer.from(random.pick(seeds));
  const limit = bytes.length + GROWTH_MAX_BYTES;
  for (let left = 1 + random.below(8); left > 0 && bytes.length > 0; left -= 1)
    bytes = random.pick(MUTATIONS)(bytes, random, random.pick(seeds));
  return Buffer.from(bytes.subarray(0, limit));
}
