import { emptyRtpHeader, readRtpHeader, writeRtpHeader, writeU16 } from '@switchyard/shared/media';
import { expect, it } from 'vitest';
import type { NegotiatedMedia } from '../peer-contract.ts';
import { Receiver } from './receiver.ts';

const SSRC = 1000;
const RTX_SSRC = 2000;
const VIDEO: NegotiatedMedia = {
  mid: '0',
  kind: 'video',
  direction: 'receive',
  codecs: [{ codec: 'vp8', payloadType: 96, rtxPayloadType: 97 }],
  extensions: {},
  rids: [],
  offeredRids: [],
  ssrcs: [{ ssrc: SSRC, rtxSsrc: RTX_SSRC }],
};

/** A VP8 packet that begins a frame; with `isRtx` as RFC 4588 carries it again. */
function vp8(seq: number, isRtx: boolean): Uint8Array {
  const bytes = new Uint8Array(64);
  let at = writeRtpHeader(bytes, 0, isRtx ? 97 : 96, true, seq, seq * 3000, isRtx ? RTX_SSRC : SSRC, false);
  if (isRtx) {
    writeU16(bytes, at, seq);
    at += 2;
  }
  bytes[at] = 0x10;
  return bytes.subarray(0, at + 20);
}

it('what a browser sends again to probe its bandwidth is no media: each packet is delivered once', () => {
  const delivered: number[] = [];
  const receiver = new Receiver(1, {
    onMedia: (_, { seq }) => delivered.push(seq),
    onTrackFacts: () => {},
    sendRtcp: () => {},
  });
  receiver.apply([VIDEO]);
  const header = emptyRtpHeader();
  const send = (bytes: Uint8Array, nowMs: number): void => {
    expect(readRtpHeader(bytes, bytes.length, header)).toBe(true);
    receiver.handleRtp(bytes, header, nowMs);
  };
  for (let seq = 0; seq < 100; seq += 1) {
    if (seq % 20 !== 10) send(vp8(seq, false), seq * 33);
    // A real repair, and five probes out of the last packets, as Firefox and Chrome send them.
    if (seq % 20 === 13) send(vp8(seq - 3, true), seq * 33);
    if (seq % 20 === 15) for (let back = 5; back > 0; back -= 1) send(vp8(seq - back, true), seq * 33);
  }
  expect(delivered).toHaveLength(100);
  expect(new Set(delivered).size).toBe(100);
  expect(receiver.refused).toBe(0);
});
