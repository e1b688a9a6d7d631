import { createCipheriv, randomBytes, randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { AesCmTransform } from '../aes-cm-transform.ts';
import { deriveSessionKeys } from '../key-derivation.ts';
import { SRTP_BATCH_MAX, SRTP_WAITING_MAX, SrtpBatch } from '../srtp-batch.ts';
import { SRTP_PROFILES } from '../srtp-profile.ts';
import { SrtpSender, SrtpSendStream } from '../srtp-sender.ts';
import { compileKernel } from './compile-kernel.mjs';
import { openSrtpKernel } from './open-kernel.ts';
import { SrtpKernel } from './srtp-kernel.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const SOURCE_BYTES = 4096;

function newKernel(): SrtpKernel {
  const kernel = openSrtpKernel(SOURCE_BYTES);
  if (!(kernel instanceof SrtpKernel)) throw new Error(kernel.unavailable);
  return kernel;
}

describe('SrtpKernel', () => {
  it('is what its source compiles to', async () => {
    const committed = readFileSync(new URL('srtp-kernel-binary.ts', import.meta.url), 'utf8');
    expect(await compileKernel()).toBe(committed);
  }, 60_000);

  it('makes the keystream of RFC 3711 B.2', () => {
    const kernel = newKernel();
    const iv = kernel.memory.reserve(16);
    kernel.memory.bytes.set(hex('F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000'), iv);
    kernel.counters(iv, 1, 3, 0, 0);
    const cipher = createCipheriv('aes-128-ecb', hex('2B7E151628AED2A6ABF7158809CF4F3C'), null);
    expect(cipher.update(kernel.counterBlocks.subarray(0, 48))).toEqual(
      hex(
        'E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0',
      ),
    );
  });

  // The last four bytes of the data stand where the roll-over counter is.
  it.each([
    ['case 1', '0b'.repeat(20), Buffer.from('Hi There'), 'b617318655057264e28bc0b6fb378c8ef146be00'],
    ['case 3', 'aa'.repeat(20), Buffer.alloc(50, 0xdd), '125d7342b9ac11cd91a39af48aa17b4f63f175d3'],
  ])('authenticates %s of RFC 2202', (_, key, data, digest) => {
    const kernel = newKernel();
    const state = kernel.senders.take();
    kernel.hmacInit(state, hex(key));
    const out = kernel.memory.reserve(256);
    const clear = data.length - 4;
    kernel.memory.bytes.set(data.subarray(0, clear), out);
    kernel.job(out, clear, 0, out, 0, out, state, data.readUInt32BE(clear));
    kernel.seal();
    expect(kernel.memory.bytes.subarray(out + clear, out + clear + 10)).toEqual(hex(digest).subarray(0, 10));
  });

  it('lends each cell once, and again when it came back', () => {
    const kernel = new SrtpKernel(0, { senders: 2, streams: 1 });
    const [first, second] = [kernel.senders.take(), kernel.senders.take()];
    expect(new Set([first, second, kernel.senders.take()])).toEqual(new Set([first, second, -1]));
    kernel.senders.giveBack(first);
    expect(kernel.senders.take()).toBe(first);
  });
});

interface Sending {
  readonly sender: SrtpSender;
  readonly stream: SrtpSendStream;
  readonly plain: AesCmTransform;
  readonly ssrc: number;
  index: number;
}

describe('SrtpBatch with the kernel', () => {
  const newSending = (kernel: SrtpKernel, index = 0): Sending => {
    const keys = { masterKey: randomBytes(16), masterSalt: randomBytes(14) };
    return {
      sender: new SrtpSender(SRTP_PROFILES.aes128CmSha1_80, keys, kernel),
      stream: new SrtpSendStream(),
      plain: new AesCmTransform(deriveSessionKeys(keys)),
      ssrc: randomInt(2 ** 32),
      index,
    };
  };
  /** Adds the next packet of a stream. @returns What it has to become. */
  const add = (batch: SrtpBatch, source: number, to: Sending, length: number, prefix: number): Buffer => {
    const header = 12 + 4 * randomInt(20);
    const written = randomBytes(header + prefix);
    batch.bytes.set(written, batch.at);
    const packet = Buffer.alloc(header + length + 10);
    written.copy(packet);
    batch.bytes.copy(packet, header + prefix, source, source + length - prefix);
    const [roc, seq] = [to.index >>> 16, to.index & 0xffff];
    to.plain.protectRtp(packet, header, header + length, to.ssrc, roc, seq);
    batch.add(to.sender, to.stream, header, prefix, source, length - prefix, to.ssrc, seq);
    to.index += 1;
    return packet;
  };
  const sealed = (batch: SrtpBatch): Buffer[] => {
    batch.seal();
    return Array.from({ length: batch.count }, (_, index) => {
      const at = batch.offsetOf(index);
      return Buffer.from(batch.bytes.subarray(at, at + batch.lengthOf(index)));
    });
  };

  it('makes of every packet what the plain transform makes', () => {
    const kernel = newKernel();
    const source = kernel.memory.reserve(SOURCE_BYTES);
    kernel.memory.bytes.set(randomBytes(SOURCE_BYTES), source);
    const batch = new SrtpBatch(kernel.memory, kernel);
    // Close to a wrap; SrtpSendStream counts from the first packet.
    const streams = Array.from({ length: 7 }, () => newSending(kernel, 65_536 - randomInt(1, 300)));
    for (let round = 0; round < 150; round += 1) {
      const count = randomInt(1, SRTP_BATCH_MAX + 1);
      const expected = Array.from({ length: count }, () => {
        const to = streams[randomInt(streams.length)] ?? newSending(kernel);
        if (randomInt(30) === 0) to.index += randomInt(1, 40);
        const length = randomInt(2) === 0 ? 1200 : randomInt(1, 1400);
        return add(batch, source + randomInt(64), to, length, randomInt(Math.min(length, 9)));
      });
      expect(sealed(batch)).toEqual(expected);
      batch.clear(round % 3 === 0);
    }
  });

  it('encrypts what waits before a stream or its keys are given back', () => {
    const kernel = newKernel();
    const source = kernel.memory.reserve(SOURCE_BYTES);
    kernel.memory.bytes.fill('secret', source, source + SOURCE_BYTES);
    const batch = new SrtpBatch(kernel.memory, kernel);
    const to = newSending(kernel);
    const expected = [add(batch, source, to, 900, 2), add(batch, source, to, 200, 0)];
    to.stream.close();
    to.sender.close();
    expect(sealed(batch)).toEqual(expected);
    batch.clear(false);
    const other = newSending(kernel);
    const next = add(batch, source, other, 1000, 0);
    expect(sealed(batch)).toEqual([next]);
  });

  it('goes on without the kernel when its streams are used up', () => {
    const kernel = new SrtpKernel(SOURCE_BYTES + SrtpBatch.memoryBytes, { senders: 2, streams: 1 });
    const source = kernel.memory.reserve(SOURCE_BYTES);
    const batch = new SrtpBatch(kernel.memory, kernel);
    const streams = Array.from({ length: 4 }, () => newSending(kernel));
    const expected = [...streams, ...streams].map((to) => add(batch, source, to, 700, 3));
    expect(sealed(batch)).toEqual(expected);
  });

  it('leaves packets alone that may still wait in the socket', () => {
    const kernel = newKernel();
    const source = kernel.memory.reserve(SOURCE_BYTES);
    const batch = new SrtpBatch(kernel.memory, kernel);
    const to = newSending(kernel);
    const [packet] = [add(batch, source, to, 500, 0)];
    batch.seal();
    const at = batch.offsetOf(0);
    batch.clear(true);
    // A few at a time, whole batches, and one that is being made.
    for (let i = 1; i < SRTP_WAITING_MAX + 2 * SRTP_BATCH_MAX; i += 1) {
      add(batch, source, to, 600, 0);
      if (i % 3 > 0 && i < SRTP_WAITING_MAX) continue;
      batch.seal();
      batch.clear(true);
    }
    expect(Buffer.from(batch.bytes.subarray(at, at + (packet?.length ?? 0)))).toEqual(packet);
  });
});
