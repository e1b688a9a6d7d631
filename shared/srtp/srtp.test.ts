import { randomBytes } from 'node:crypto';
import { emptyRtpHeader, readRtpHeader, writeReceiverReport, writeRtpHeader } from '@switchyard/shared/media';
import { describe, expect, it } from 'vitest';
import { deriveKey, LABELS } from './key-derivation.ts';
import { SRTP_OVERHEAD_MAX_BYTES, SRTP_PROFILES, type SrtpProfile, srtpSaltBytes } from './srtp-profile.ts';
import { SRTP_STREAMS_MAX, SrtpReceiver } from './srtp-receiver.ts';
import { SrtpSender, SrtpSendStream } from './srtp-sender.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('deriveKey', () => {
  const key = hex('E1F97A0D3E018BE0D64FA32C06DE4139');
  const salt = hex('0EC675AD498AFEEBB6960B3AABE6');
  it.each([
    ['cipher key', LABELS.rtpKey, 16, 'C61E7A93744F39EE10734AFE3FF7A087'],
    ['cipher salt', LABELS.rtpSalt, 14, '30CBBC08863D8C85D49DB34A9AE1'],
    ['auth key', LABELS.rtpAuth, 20, 'CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4'],
  ])('gives the %s of RFC 3711 B.3', (_, label, bytes, expected) => {
    expect(deriveKey(key, salt, label, bytes)).toEqual(hex(expected));
  });
});

const PROFILES: [string, SrtpProfile][] = [
  ['AES_CM_128_HMAC_SHA1_80', SRTP_PROFILES.aes128CmSha1_80],
  ['AEAD_AES_128_GCM', SRTP_PROFILES.aeadAes128Gcm],
];

describe.each(PROFILES)('SRTP with %s', (_, profile) => {
  const ssrc = 0xcafe_babe;
  const pair = (): { sender: SrtpSender; stream: SrtpSendStream; receiver: SrtpReceiver } => {
    const keys = { masterKey: randomBytes(16), masterSalt: randomBytes(srtpSaltBytes(profile)) };
    return {
      sender: new SrtpSender(profile, keys),
      stream: new SrtpSendStream(),
      receiver: new SrtpReceiver(profile, keys),
    };
  };
  const payload = Buffer.from('Gallia est omnis divisa in partes tres'.repeat(20));
  const seal = (sender: SrtpSender, stream: SrtpSendStream, seq: number, from = ssrc): Buffer => {
    const bytes = Buffer.alloc(12 + payload.length + SRTP_OVERHEAD_MAX_BYTES);
    writeRtpHeader(bytes, 0, 96, false, seq & 0xffff, 1, from, false);
    payload.copy(bytes, 12);
    return bytes.subarray(0, sender.protectRtp(stream, bytes, 12, 12 + payload.length, from, seq & 0xffff));
  };
  const open = (receiver: SrtpReceiver, sealed: Buffer): Buffer | undefined => {
    const header = emptyRtpHeader();
    const bytes = Buffer.from(sealed);
    if (!readRtpHeader(bytes, bytes.length, header)) return undefined;
    const length = receiver.unprotectRtp(bytes, header.payloadOffset, bytes.length, header.ssrc, header.seq);
    return length < 0 ? undefined : bytes.subarray(header.payloadOffset, length);
  };

  it('gives the payload back', () => {
    const { sender, stream, receiver } = pair();
    const sealed = seal(sender, stream, 7);
    expect(sealed.includes('Gallia')).toBe(false);
    expect(open(receiver, sealed)).toEqual(payload);
  });

  it('refuses a replay, a changed byte anywhere, and a truncated packet', () => {
    const { sender, stream, receiver } = pair();
    const sealed = seal(sender, stream, 7);
    for (let at = 12; at < sealed.length; at += 11) {
      const forged = Buffer.from(sealed);
      forged[at] = (forged[at] ?? 0) ^ 1;
      expect(open(receiver, forged)).toBeUndefined();
    }
    for (const length of [12, 13, 20, sealed.length - 1])
      expect(open(receiver, sealed.subarray(0, length))).toBeUndefined();
    expect(open(receiver, sealed)).toEqual(payload);
    expect(open(receiver, sealed)).toBeUndefined();
    expect(receiver.refusals.replayed).toBe(1);
  });

  it.each([1, 435, 5000, 20_000, 32_000])('recovers when %i packets are lost across a wrap', (lost) => {
    const { sender, stream, receiver } = pair();
    let seq = 65_535 - Math.floor(lost / 2);
    for (let i = 10; i > 0; i -= 1) expect(open(receiver, seal(sender, stream, seq - i))).toEqual(payload);
    for (let i = 0; i < lost; i += 1) stream.rocOf((seq + i) & 0xffff);
    seq += lost;
    for (let i = 0; i < 10; i += 1) expect(open(receiver, seal(sender, stream, seq + i))).toEqual(payload);
  });

  it('takes packets that were reordered across a wrap', () => {
    const { sender, stream, receiver } = pair();
    const sealed = [65_533, 65_534, 65_535, 65_536, 65_537, 65_538].map((seq) => seal(sender, stream, seq));
    for (const index of [0, 3, 1, 5, 2, 4]) expect(open(receiver, sealed[index] ?? payload)).toEqual(payload);
  });

  it('bounds the number of streams', () => {
    const { sender, receiver } = pair();
    for (let i = 0; i < SRTP_STREAMS_MAX; i += 1)
      expect(open(receiver, seal(sender, new SrtpSendStream(), 1, i + 1))).toEqual(payload);
    expect(open(receiver, seal(sender, new SrtpSendStream(), 1, 99_999))).toBeUndefined();
  });

  it('carries RTCP, once', () => {
    const { sender, receiver } = pair();
    const report = writeReceiverReport(ssrc, []);
    const bytes = Buffer.alloc(report.length + SRTP_OVERHEAD_MAX_BYTES);
    bytes.set(report);
    const sealed = bytes.subarray(0, sender.protectRtcp(bytes, report.length));
    const again = Buffer.from(sealed);
    const forged = Buffer.from(sealed);
    forged[5] = (forged[5] ?? 0) ^ 1;
    expect(receiver.unprotectRtcp(forged, forged.length)).toBe(-1);
    expect(receiver.unprotectRtcp(sealed, sealed.length)).toBe(report.length);
    expect(new Uint8Array(sealed.subarray(0, report.length))).toEqual(report);
    expect(receiver.unprotectRtcp(again, again.length)).toBe(-1);
    for (let length = 0; length < 30; length += 1)
      expect(receiver.unprotectRtcp(Buffer.alloc(40), length)).toBe(-1);
  });
});
