import { AesCmTransform } from '../aes-cm-transform.ts';
import { deriveSessionKeys } from '../key-derivation.ts';
import { SrtpBatch } from '../srtp-batch.ts';
import { SRTP_PROFILES } from '../srtp-profile.ts';
import { SrtpSender, SrtpSendStream } from '../srtp-sender.ts';
import { SrtpKernel } from './srtp-kernel.ts';

/** Header and payload bytes of the self-test's packets: full lanes, other lengths, a group that is not full. */
const TEST_HEADER_BYTES = 20;
const TEST_PAYLOADS = [1, 15, 16, 160, 431, 1000, 1200, 1200, 1200, 1200, 1200, 1200, 1200, 1200, 1301];
const TEST_KEYS = { masterKey: Buffer.alloc(16, 0x5a), masterSalt: Buffer.alloc(14, 0xa5) };
/** The test packets wrap the sequence number. */
const TEST_FIRST_SEQ = 0xfffa;
const TEST_SSRC = 0xcafe_babe;

/**
 * The kernel, when this engine runs it and it does what the plain transform does.
 * @param memoryBytes For what the caller reserves in its memory.
 * @returns A reason for people when there is none: packets are then sealed one by one.
 */
export function openSrtpKernel(memoryBytes: number): SrtpKernel | { readonly unavailable: string } {
  try {
    const kernel = new SrtpKernel(memoryBytes + SrtpBatch.memoryBytes);
    return passesSelfTest() ? kernel : { unavailable: 'WebAssembly gives wrong results' };
  } catch (error) {
    return { unavailable: error instanceof Error ? error.message : String(error) };
  }
}

/** Seals packets in a kernel of its own and compares them with what the plain transform makes of them. */
function passesSelfTest(): boolean {
  const kernel = new SrtpKernel(SrtpBatch.memoryBytes + 2048, { senders: 1, streams: 1 });
  const source = kernel.memory.reserve(2048);
  for (let i = 0; i < 2048; i += 1) kernel.memory.bytes[source + i] = i * 7;
  const batch = new SrtpBatch(kernel.memory, kernel);
  const sender = new SrtpSender(SRTP_PROFILES.aes128CmSha1_80, TEST_KEYS, kernel);
  const stream = new SrtpSendStream();
  const plain = new AesCmTransform(deriveSessionKeys(TEST_KEYS));
  const expected = TEST_PAYLOADS.map((length, index) => {
    const seq = (TEST_FIRST_SEQ + index) & 0xffff;
    const prefix = Math.min(length, index % 4);
    batch.bytes.fill(index + 1, batch.at, batch.at + TEST_HEADER_BYTES + prefix);
    const packet = Buffer.alloc(TEST_HEADER_BYTES + length + 10, index + 1);
    kernel.memory.bytes.copy(packet, TEST_HEADER_BYTES + prefix, source, source + length - prefix);
    plain.protectRtp(
      packet,
      TEST_HEADER_BYTES,
      TEST_HEADER_BYTES + length,
      TEST_SSRC,
      seq < TEST_FIRST_SEQ ? 1 : 0,
      seq,
    );
    batch.add(sender, stream, TEST_HEADER_BYTES, prefix, source, length - prefix, TEST_SSRC, seq);
    return packet;
  });
  batch.seal();
  return expected.every((packet, index) => {
    const at = batch.offsetOf(index);
    return packet.equals(batch.bytes.subarray(at, at + batch.lengthOf(index)));
  });
}
