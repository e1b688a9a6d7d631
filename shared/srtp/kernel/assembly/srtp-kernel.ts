/**
 * The inner loops of AES_CM_128_HMAC_SHA1_80 (RFC 3711 §4) in AssemblyScript with 128-bit SIMD: counter blocks, the XOR
 * with a keystream that AES made elsewhere, and HMAC-SHA1 of eight packets at once (two times four lanes, so that the
 * additions of one half fill the waits of the other). All memory is the caller's; nothing is allocated here.
 *
 * `npm run build:kernel -w @switchyard/shared` compiles this file into srtp-kernel-binary.ts.
 */

/** Words of a job: see srtp-kernel.ts. */
// @ts-ignore: decorator
@inline const JOB_BYTES: usize = 48;
// @ts-ignore: decorator
@inline const OUT: usize = 0;
// @ts-ignore: decorator
@inline const CLEAR: usize = 4;
// @ts-ignore: decorator
@inline const PREFIX: usize = 8;
// @ts-ignore: decorator
@inline const SOURCE: usize = 12;
// @ts-ignore: decorator
@inline const LENGTH: usize = 16;
// @ts-ignore: decorator
@inline const KEYSTREAM: usize = 20;
// @ts-ignore: decorator
@inline const HMAC_STATE: usize = 24;
// @ts-ignore: decorator
@inline const ROC: usize = 28;
/** Written here: blocks of SHA-1 that the packet takes, 0 when it is done. */
// @ts-ignore: decorator
@inline const BLOCKS: usize = 32;

/** Scratch memory: 160 vectors of schedule, ten of state, eight pointers to jobs, one block. */
// @ts-ignore: decorator
@inline const STATE_AT: usize = 2560;
// @ts-ignore: decorator
@inline const LANES_AT: usize = 2720;
// @ts-ignore: decorator
@inline const BLOCK_AT: usize = 2752;
/** A job for lanes that have nothing to do. */
// @ts-ignore: decorator
@inline const IDLE_JOB_AT: usize = 2880;
/** What its lane reads and writes: the longest packet. */
// @ts-ignore: decorator
@inline const IDLE_PACKET_AT: usize = 2944;

// @ts-ignore: decorator
@inline const H0: u32 = 0x67452301;
// @ts-ignore: decorator
@inline const H1: u32 = 0xefcdab89;
// @ts-ignore: decorator
@inline const H2: u32 = 0x98badcfe;
// @ts-ignore: decorator
@inline const H3: u32 = 0x10325476;
// @ts-ignore: decorator
@inline const H4: u32 = 0xc3d2e1f0;

// @ts-ignore: decorator
@inline function storeBe(at: usize, value: u32): void {
  store<u32>(at, bswap<u32>(value));
}

// @ts-ignore: decorator
@inline function rotate(x: v128, left: i32): v128 {
  return v128.or(i32x4.shl(x, left), i32x4.shr_u(x, 32 - left));
}

// @ts-ignore: decorator
@inline function bigEndian(x: v128): v128 {
  return v128.shuffle<u8>(x, x, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
}

/** Sixteen words of four messages, transposed into every second vector of the schedule from `to`. */
// @ts-ignore: decorator
@inline function loadFour(to: usize, p0: usize, p1: usize, p2: usize, p3: usize): void {
  for (let quarter: usize = 0; quarter < 64; quarter += 16) {
    const a = bigEndian(v128.load(p0 + quarter));
    const b = bigEndian(v128.load(p1 + quarter));
    const c = bigEndian(v128.load(p2 + quarter));
    const d = bigEndian(v128.load(p3 + quarter));
    const ab = v128.shuffle<u32>(a, b, 0, 4, 1, 5);
    const cd = v128.shuffle<u32>(c, d, 0, 4, 1, 5);
    const ab2 = v128.shuffle<u32>(a, b, 2, 6, 3, 7);
    const cd2 = v128.shuffle<u32>(c, d, 2, 6, 3, 7);
    const at = to + quarter * 8;
    v128.store(at, v128.shuffle<u64>(ab, cd, 0, 2));
    v128.store(at, v128.shuffle<u64>(ab, cd, 1, 3), 32);
    v128.store(at, v128.shuffle<u64>(ab2, cd2, 0, 2), 64);
    v128.store(at, v128.shuffle<u64>(ab2, cd2, 1, 3), 96);
  }
}

// @ts-ignore: decorator
@inline function choose(b: v128, c: v128, d: v128): v128 {
  return v128.xor(d, v128.and(b, v128.xor(c, d)));
}

// @ts-ignore: decorator
@inline function parity(b: v128, c: v128, d: v128): v128 {
  return v128.xor(v128.xor(b, c), d);
}

// @ts-ignore: decorator
@inline function majority(b: v128, c: v128, d: v128): v128 {
  return v128.or(v128.and(b, c), v128.and(d, v128.or(b, c)));
}

// @ts-ignore: decorator
@inline function next(a: v128, f: v128, e: v128, k: v128, w: v128): v128 {
  return i32x4.add(rotate(a, 5), i32x4.add(f, i32x4.add(e, i32x4.add(k, w))));
}

/**
 * One block of SHA-1 (FIPS 180-4 §6.1.2) in eight lanes: the schedule's first 32 vectors are filled in, words of the two
 * halves in turn. The rounds stay in loops: unrolled they are slower, the registers do not suffice.
 */
function compress(scratch: usize): void {
  const s = scratch + STATE_AT;
  const end = scratch + 2560;
  for (let at = scratch + 512; at < end; at += 32) {
    const x = v128.xor(
      v128.xor(v128.load(at - 96), v128.load(at - 256)),
      v128.xor(v128.load(at - 448), v128.load(at - 512)),
    );
    const y = v128.xor(
      v128.xor(v128.load(at - 80), v128.load(at - 240)),
      v128.xor(v128.load(at - 432), v128.load(at - 496)),
    );
    v128.store(at, rotate(x, 1));
    v128.store(at, rotate(y, 1), 16);
  }
  let a = v128.load(s);
  let b = v128.load(s, 16);
  let c = v128.load(s, 32);
  let d = v128.load(s, 48);
  let e = v128.load(s, 64);
  let A = v128.load(s, 80);
  let B = v128.load(s, 96);
  let C = v128.load(s, 112);
  let D = v128.load(s, 128);
  let E = v128.load(s, 144);
  let w = scratch;
  let k = i32x4.splat(0x5a827999);
  for (const stop = scratch + 640; w < stop; w += 160) {
    e = next(a, choose(b, c, d), e, k, v128.load(w));
    E = next(A, choose(B, C, D), E, k, v128.load(w, 16));
    b = rotate(b, 30);
    B = rotate(B, 30);
    d = next(e, choose(a, b, c), d, k, v128.load(w, 32));
    D = next(E, choose(A, B, C), D, k, v128.load(w, 48));
    a = rotate(a, 30);
    A = rotate(A, 30);
    c = next(d, choose(e, a, b), c, k, v128.load(w, 64));
    C = next(D, choose(E, A, B), C, k, v128.load(w, 80));
    e = rotate(e, 30);
    E = rotate(E, 30);
    b = next(c, choose(d, e, a), b, k, v128.load(w, 96));
    B = next(C, choose(D, E, A), B, k, v128.load(w, 112));
    d = rotate(d, 30);
    D = rotate(D, 30);
    a = next(b, choose(c, d, e), a, k, v128.load(w, 128));
    A = next(B, choose(C, D, E), A, k, v128.load(w, 144));
    c = rotate(c, 30);
    C = rotate(C, 30);
  }
  k = i32x4.splat(0x6ed9eba1);
  for (const stop = scratch + 1280; w < stop; w += 160) {
    e = next(a, parity(b, c, d), e, k, v128.load(w));
    E = next(A, parity(B, C, D), E, k, v128.load(w, 16));
    b = rotate(b, 30);
    B = rotate(B, 30);
    d = next(e, parity(a, b, c), d, k, v128.load(w, 32));
    D = next(E, parity(A, B, C), D, k, v128.load(w, 48));
    a = rotate(a, 30);
    A = rotate(A, 30);
    c = next(d, parity(e, a, b), c, k, v128.load(w, 64));
    C = next(D, parity(E, A, B), C, k, v128.load(w, 80));
    e = rotate(e, 30);
    E = rotate(E, 30);
    b = next(c, parity(d, e, a), b, k, v128.load(w, 96));
    B = next(C, parity(D, E, A), B, k, v128.load(w, 112));
    d = rotate(d, 30);
    D = rotate(D, 30);
    a = next(b, parity(c, d, e), a, k, v128.load(w, 128));
    A = next(B, parity(C, D, E), A, k, v128.load(w, 144));
    c = rotate(c, 30);
    C = rotate(C, 30);
  }
  k = i32x4.splat(0x8f1bbcdc);
  for (const stop = scratch + 1920; w < stop; w += 160) {
    e = next(a, majority(b, c, d), e, k, v128.load(w));
    E = next(A, majority(B, C, D), E, k, v128.load(w, 16));
    b = rotate(b, 30);
    B = rotate(B, 30);
    d = next(e, majority(a, b, c), d, k, v128.load(w, 32));
    D = next(E, majority(A, B, C), D, k, v128.load(w, 48));
    a = rotate(a, 30);
    A = rotate(A, 30);
    c = next(d, majority(e, a, b), c, k, v128.load(w, 64));
    C = next(D, majority(E, A, B), C, k, v128.load(w, 80));
    e = rotate(e, 30);
    E = rotate(E, 30);
    b = next(c, majority(d, e, a), b, k, v128.load(w, 96));
    B = next(C, majority(D, E, A), B, k, v128.load(w, 112));
    d = rotate(d, 30);
    D = rotate(D, 30);
    a = next(b, majority(c, d, e), a, k, v128.load(w, 128));
    A = next(B, majority(C, D, E), A, k, v128.load(w, 144));
    c = rotate(c, 30);
    C = rotate(C, 30);
  }
  k = i32x4.splat(0xca62c1d6);
  for (; w < end; w += 160) {
    e = next(a, parity(b, c, d), e, k, v128.load(w));
    E = next(A, parity(B, C, D), E, k, v128.load(w, 16));
    b = rotate(b, 30);
    B = rotate(B, 30);
    d = next(e, parity(a, b, c), d, k, v128.load(w, 32));
    D = next(E, parity(A, B, C), D, k, v128.load(w, 48));
    a = rotate(a, 30);
    A = rotate(A, 30);
    c = next(d, parity(e, a, b), c, k, v128.load(w, 64));
    C = next(D, parity(E, A, B), C, k, v128.load(w, 80));
    e = rotate(e, 30);
    E = rotate(E, 30);
    b = next(c, parity(d, e, a), b, k, v128.load(w, 96));
    B = next(C, parity(D, E, A), B, k, v128.load(w, 112));
    d = rotate(d, 30);
    D = rotate(D, 30);
    a = next(b, parity(c, d, e), a, k, v128.load(w, 128));
    A = next(B, parity(C, D, E), A, k, v128.load(w, 144));
    c = rotate(c, 30);
    C = rotate(C, 30);
  }
  v128.store(s, i32x4.add(v128.load(s), a));
  v128.store(s, i32x4.add(v128.load(s, 16), b), 16);
  v128.store(s, i32x4.add(v128.load(s, 32), c), 32);
  v128.store(s, i32x4.add(v128.load(s, 48), d), 48);
  v128.store(s, i32x4.add(v128.load(s, 64), e), 64);
  v128.store(s, i32x4.add(v128.load(s, 80), A), 80);
  v128.store(s, i32x4.add(v128.load(s, 96), B), 96);
  v128.store(s, i32x4.add(v128.load(s, 112), C), 112);
  v128.store(s, i32x4.add(v128.load(s, 128), D), 128);
  v128.store(s, i32x4.add(v128.load(s, 144), E), 144);
}

// @ts-ignore: decorator
@inline function laneJob(scratch: usize, lane: usize): usize {
  return load<u32>(scratch + LANES_AT + lane * 4);
}

/** The five words at `part` of each lane's HMAC state, as the state that {@link compress} goes on from. */
// @ts-ignore: decorator
@inline function loadState(scratch: usize, part: usize): void {
  for (let lane: usize = 0; lane < 8; lane += 1) {
    const from = <usize>load<u32>(laneJob(scratch, lane), HMAC_STATE) + part;
    const to = scratch + STATE_AT + (lane >> 2) * 80 + (lane & 3) * 4;
    for (let word: usize = 0; word < 5; word += 1) store<u32>(to + word * 16, load<u32>(from + word * 4));
  }
}

/** Payload ⊕ keystream, 16 bytes at a time: up to 15 bytes behind the packet are overwritten. */
// @ts-ignore: decorator
@inline function encrypt(job: usize): void {
  const clear: usize = load<u32>(job, CLEAR);
  const prefix: usize = load<u32>(job, PREFIX);
  const keystream: usize = load<u32>(job, KEYSTREAM);
  const out: usize = <usize>load<u32>(job, OUT) + clear;
  for (let i: usize = 0; i < prefix; i += 1) store<u8>(out + i, load<u8>(out + i) ^ load<u8>(keystream + i));
  const source: usize = load<u32>(job, SOURCE);
  const length: usize = load<u32>(job, LENGTH);
  const to = out + prefix;
  const key = keystream + prefix;
  for (let i: usize = 0; i < length; i += 16)
    v128.store(to + i, v128.xor(v128.load(source + i), v128.load(key + i)));
}

/** Behind the packet: roll-over counter (RFC 3711 §4.2), and the padding of SHA-1. @returns Blocks of 64 bytes. */
// @ts-ignore: decorator
@inline function padMessage(job: usize): u32 {
  const length = load<u32>(job, CLEAR) + load<u32>(job, PREFIX) + load<u32>(job, LENGTH);
  const end: usize = <usize>load<u32>(job, OUT) + length;
  storeBe(end, load<u32>(job, ROC));
  const total = (length + 13 + 63) & ~63;
  store<u8>(end + 4, 0x80);
  const stop: usize = <usize>load<u32>(job, OUT) + total - 4;
  for (let at = end + 5; at < stop; at += 1) store<u8>(at, 0);
  // The first block of the inner hash is the key; a packet is shorter than 2^29 bytes.
  storeBe(stop, (length + 4 + 64) * 8);
  return total >> 6;
}

/** Tags of eight packets of the same number of blocks. */
function authenticate(scratch: usize): void {
  const length = <usize>load<u32>(laneJob(scratch, 0), BLOCKS) << 6;
  const p0: usize = load<u32>(laneJob(scratch, 0), OUT);
  const p1: usize = load<u32>(laneJob(scratch, 1), OUT);
  const p2: usize = load<u32>(laneJob(scratch, 2), OUT);
  const p3: usize = load<u32>(laneJob(scratch, 3), OUT);
  const p4: usize = load<u32>(laneJob(scratch, 4), OUT);
  const p5: usize = load<u32>(laneJob(scratch, 5), OUT);
  const p6: usize = load<u32>(laneJob(scratch, 6), OUT);
  const p7: usize = load<u32>(laneJob(scratch, 7), OUT);
  loadState(scratch, 0);
  for (let at: usize = 0; at < length; at += 64) {
    loadFour(scratch, p0 + at, p1 + at, p2 + at, p3 + at);
    loadFour(scratch + 16, p4 + at, p5 + at, p6 + at, p7 + at);
    compress(scratch);
  }
  // The outer hash: key block, then 20 bytes.
  const s = scratch + STATE_AT;
  for (let word: usize = 0; word < 5; word += 1) {
    v128.store(scratch + word * 32, v128.load(s + word * 16));
    v128.store(scratch + word * 32, v128.load(s + 80 + word * 16), 16);
  }
  const zero = i32x4.splat(0);
  const one = i32x4.splat(0x80000000);
  v128.store(scratch, one, 160);
  v128.store(scratch, one, 176);
  for (let at = scratch + 192; at < scratch + 480; at += 16) v128.store(at, zero);
  const bits = i32x4.splat((64 + 20) * 8);
  v128.store(scratch, bits, 480);
  v128.store(scratch, bits, 496);
  loadState(scratch, 20);
  compress(scratch);
  for (let lane: usize = 0; lane < 8; lane += 1) {
    const job = laneJob(scratch, lane);
    const end: usize =
      <usize>load<u32>(job, OUT) + load<u32>(job, CLEAR) + load<u32>(job, PREFIX) + load<u32>(job, LENGTH);
    const from = s + (lane >> 2) * 80 + (lane & 3) * 4;
    storeBe(end, load<u32>(from));
    storeBe(end + 4, load<u32>(from, 16));
    store<u16>(end + 8, bswap<u16>(<u16>(load<u32>(from, 32) >> 16)));
    store<u32>(job, 0, BLOCKS);
  }
}

/** Encrypts and authenticates `count` packets; see srtp-kernel.ts for a job. */
export function seal(jobs: usize, count: u32, scratch: usize): void {
  const end = jobs + <usize>count * JOB_BYTES;
  for (let job = jobs; job < end; job += JOB_BYTES) {
    encrypt(job);
    store<u32>(job, padMessage(job), BLOCKS);
  }
  const idle = scratch + IDLE_JOB_AT;
  for (let job = jobs; job < end; job += JOB_BYTES) {
    const blocks = load<u32>(job, BLOCKS);
    if (blocks === 0) continue;
    // Eight packets of one length in blocks, wherever they are among the rest.
    let lanes: usize = 0;
    for (let other = job; other < end && lanes < 8; other += JOB_BYTES) {
      if (load<u32>(other, BLOCKS) !== blocks) continue;
      store<u32>(scratch + LANES_AT + lanes * 4, <u32>other);
      lanes += 1;
    }
    if (lanes < 8) {
      // Idle lanes work on memory of their own, with a key that is there.
      store<u32>(idle, <u32>(scratch + IDLE_PACKET_AT), OUT);
      store<u32>(idle, 0, CLEAR);
      store<u32>(idle, 0, PREFIX);
      store<u32>(idle, 0, LENGTH);
      store<u32>(idle, load<u32>(job, HMAC_STATE), HMAC_STATE);
      for (; lanes < 8; lanes += 1) store<u32>(scratch + LANES_AT + lanes * 4, <u32>idle);
    }
    authenticate(scratch);
  }
}

/** Inner and outer SHA-1 state of a key of 20 bytes (RFC 2104): ten words at `state`. */
export function hmacInit(state: usize, key: usize, scratch: usize): void {
  const block = scratch + BLOCK_AT;
  for (let part: usize = 0; part < 2; part += 1) {
    const pad: u8 = part === 0 ? 0x36 : 0x5c;
    for (let i: usize = 0; i < 64; i += 1)
      store<u8>(block + i, i < 20 ? load<u8>(key + i) ^ pad : pad);
    const s = scratch + STATE_AT;
    for (let half: usize = 0; half < 160; half += 80) {
      v128.store(s + half, i32x4.splat(H0));
      v128.store(s + half, i32x4.splat(H1), 16);
      v128.store(s + half, i32x4.splat(H2), 32);
      v128.store(s + half, i32x4.splat(H3), 48);
      v128.store(s + half, i32x4.splat(H4), 64);
    }
    loadFour(scratch, block, block, block, block);
    loadFour(scratch + 16, block, block, block, block);
    compress(scratch);
    for (let word: usize = 0; word < 5; word += 1)
      store<u32>(state + part * 20 + word * 4, load<u32>(s + word * 16));
  }
}

/**
 * Counter blocks of AES-CM (RFC 3711 §4.1.1) for `packets` consecutive indices from (roc, seq), `blocks` each, at `to`.
 * @param iv 16 bytes: salt ⊕ SSRC, before the index.
 */
export function counters(to: usize, iv: usize, packets: u32, blocks: u32, roc: u32, seq: u32): void {
  const base = v128.load(iv);
  const word2 = bswap<u32>(load<u32>(iv, 8));
  const word3 = bswap<u32>(load<u32>(iv, 12));
  for (let packet: u32 = 0; packet < packets; packet += 1) {
    const index = seq + packet;
    const high = roc + (index >> 16);
    const first = i32x4.replace_lane(base, 2, bswap<u32>(word2 ^ high));
    const low = word3 ^ (index << 16);
    for (let block: u32 = 0; block < blocks; block += 1) {
      v128.store(to, i32x4.replace_lane(first, 3, bswap<u32>(low | block)));
      to += 16;
    }
  }
}
