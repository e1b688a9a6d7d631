import {
  CODECS,
  DependencyDescriptorReader,
  emptyMediaPacket,
  emptyRtpHeader,
  findExtension,
  forEachAnnexBNal,
  forEachAvcNal,
  forEachNack,
  forEachRtcp,
  H264Depacketizer,
  H264Packetizer,
  isOpusDtx,
  keyframeSize,
  nextExtension,
  ONE_BYTE_PROFILE,
  opusChannels,
  opusSamples,
  readAvcConfig,
  readFirSsrcs,
  readH264Sps,
  readPayload,
  readRemb,
  readReportBlocks,
  readRtpHeader,
  readSenderInfo,
  readTransportCc,
  readVideoLayersAllocation,
  trimPadding,
  vp8DescriptorBytes,
  writeNack,
  writePli,
  writeReceiverReport,
  writeRemb,
  writeRtpHeader,
  writeSenderReport,
  writeSourceDescription,
  writeTransportCc,
} from '@switchyard/shared/media';
import { SRTP_PROFILES, SrtpReceiver, SrtpSender, SrtpSendStream } from '@switchyard/shared/srtp';
import { describe, expect, it } from 'vitest';
import { fuzz } from './fuzz.ts';

const hex = (...values: readonly string[]): Buffer[] =>
  values.map((value) => Buffer.from(value.replaceAll(' ', ''), 'hex'));

/** RTP with one-byte and with two-byte extensions, CSRCs and padding. */
function rtpSeeds(): Buffer[] {
  const oneByte = Buffer.alloc(60, 7);
  writeRtpHeader(oneByte, 0, 96, true, 1000, 90_000, 0x1234_5678, true);
  oneByte.writeUInt16BE(ONE_BYTE_PROFILE, 12);
  oneByte.writeUInt16BE(3, 14);
  Buffer.from('10 31 2266 33 a0 aabb 0000 41 0102 0000'.replaceAll(' ', ''), 'hex').copy(oneByte, 16);
  const twoByte = Buffer.from(oneByte);
  twoByte.writeUInt16BE(0x1000, 12);
  Buffer.from('0101310204aabbccdd0000'.replaceAll(' ', ''), 'hex').copy(twoByte, 16);
  const padded = Buffer.from(oneByte);
  padded[0] = 0xb2;
  padded[59] = 4;
  return [oneByte, twoByte, padded];
}

/** A payload of each codec: descriptors long and short, keyframes and not. */
const PAYLOADS: Readonly<Record<(typeof CODECS)[number], readonly Buffer[]>> = {
  opus: hex('f8010203', '03820001020304', 'fc'),
  vp8: hex(
    '90e08001050011000000',
    '9080050010029d012a0005d002',
    '10 1002009d012a',
    '00aabb',
    '90f0 0521c0aabb',
  ),
  vp9: hex(
    '8fa0810150 02 aabb',
    'aa8001 20 0a 0280 01e0 0500 02d0 00 21 aabb',
    'f28001 4004 0801 aabb',
    'aa8050 5b 010100f0 3c00 aabb',
  ),
  h264: hex(
    '67 42c01f da014016e8 06d0a135',
    '78 0005 6742c01fda 0004 68ce3c80',
    '7c85 aabbccddee',
    '7c45 aabb',
    '65 88840010',
  ),
  av1: hex('18 0a0b00000004 3cffbc02f9b0 80', '10 3000aabb', 'a0 0500 aabbcc 0210', '4a 03 aabbcc'),
};

describe('fuzz: RTP', () => {
  it('a header stays inside its packet, and so does everything it points to', () => {
    const header = emptyRtpHeader();
    const element = { id: 0, offset: 0, length: 0 };
    fuzz(rtpSeeds(), (input) => {
      if (!readRtpHeader(input, input.length, header)) return;
      expect(header.payloadOffset).toBeLessThanOrEqual(input.length);
      let steps = 0;
      for (let at = header.extensionLength === 0 ? -1 : header.extensionOffset; at >= 0; steps += 1) {
        at = nextExtension(input, header, at, element);
        if (at >= 0) expect(element.offset + element.length).toBeLessThanOrEqual(input.length);
      }
      expect(steps).toBeLessThanOrEqual(input.length + 1);
      for (let id = 0; id < 16; id += 1) findExtension(input, header, id, element);
      if (trimPadding(input, header)) expect(header.payloadEnd).toBeGreaterThanOrEqual(header.payloadOffset);
    });
  });

  it.each(CODECS)('a payload of %s is read without reaching outside of it', (codec) => {
    fuzz(PAYLOADS[codec], (input) => {
      for (const simulcast of [false, true]) {
        const packet = { ...emptyMediaPacket(codec), payload: input };
        if (!readPayload(packet, simulcast)) continue;
        if (packet.pictureIdBits > 0)
          expect(packet.pictureIdOffset + (packet.pictureIdBits > 7 ? 2 : 1)).toBeLessThanOrEqual(
            input.length,
          );
        if (packet.tl0PicIdx >= 0) expect(packet.tl0PicIdxOffset).toBeLessThan(input.length);
        expect(packet.spatial).toBeLessThan(8);
        expect(packet.temporal).toBeLessThan(8);
        const size = keyframeSize({ ...packet, keyframe: true, frameStart: true });
        if (size !== undefined) expect(size.width * size.height).toBeGreaterThan(0);
      }
    });
  });

  it('an allocation of layers has at most four streams, and sizes and bitrates that are numbers', () => {
    const seeds = hex(
      '61a8e8029c0484078c01d201de024365a80103bf021b1401df010d1400ef008614',
      '600110a0b4018e02c2034365a80101df010d1400ef008614',
      '07a83747658b01b5018102a502fd029e04',
      '01009602013f00b317',
      '00',
    );
    fuzz(seeds, (input) => {
      const told = readVideoLayersAllocation(input);
      if (told === undefined) return;
      expect(told.streams.length).toBeLessThanOrEqual(4);
      for (const { active, width, height, bitrateBps } of told.streams) {
        expect(Number.isSafeInteger(bitrateBps)).toBe(true);
        expect(Math.max(width, height)).toBeLessThanOrEqual(65_536);
        if (!active) expect(width + height + bitrateBps).toBe(0);
      }
    });
  });

  it('a VP8 descriptor and an Opus packet say how long they are', () => {
    fuzz(PAYLOADS.vp8, (input) => {
      expect(vp8DescriptorBytes(input)).toBeLessThan(Math.max(1, input.length));
    });
    fuzz(PAYLOADS.opus, (input) => {
      expect(opusSamples(input)).toBeGreaterThanOrEqual(0);
      expect(opusSamples(input)).toBeLessThanOrEqual(48_000);
      opusChannels(input);
      isOpusDtx(input);
    });
  });
});

describe('fuzz: RTCP', () => {
  const blocks = [
    {
      ssrc: 1,
      fractionLost: 3,
      packetsLost: 9,
      highestSeq: 70_000,
      jitter: 5,
      lastSr: 1,
      delaySinceLastSr: 2,
    },
  ];
  const seeds = [
    Buffer.concat([
      writeSenderReport({ ssrc: 1, ntpMs: 1.8e12, timestamp: 5, packets: 2, octets: 9 }, blocks),
      writeSourceDescription(1, 'cname'),
    ]),
    Buffer.concat([writeReceiverReport(1, blocks), writePli(1, 2)]),
    Buffer.from(writeNack(1, 2, [5, 6, 9, 40, 41])),
    Buffer.from(writeRemb(1, 2_500_000, [1, 2, 3])),
    Buffer.from(
      writeTransportCc(
        1,
        2,
        0,
        100,
        Array.from({ length: 40 }, (_, i) => (i % 7 === 3 ? -1 : 1000 + i * 3)),
      )?.packet ?? [],
    ),
    ...hex(
      '84ce00040000000100000002 0000000305000000',
      '8fcd00050000000100000002 00050001 000000 01 2001 0000',
    ),
  ];

  it('a compound is walked to its end, and each packet is read', () => {
    fuzz(seeds, (input) => {
      let visited = 0;
      forEachRtcp(input, (packet) => {
        visited += 1;
        readSenderInfo(packet.bytes);
        expect(readReportBlocks(packet).length).toBeLessThanOrEqual(31);
        let lost = 0;
        forEachNack(packet.bytes, () => {
          lost += 1;
        });
        expect(lost).toBeLessThanOrEqual(input.length * 5);
        expect(readFirSsrcs(packet.bytes).length).toBeLessThanOrEqual(input.length);
        const remb = readRemb(packet.bytes);
        if (remb !== undefined) expect(Number.isFinite(remb)).toBe(true);
        readTransportCc(packet.bytes);
      });
      expect(visited).toBeLessThanOrEqual(input.length / 4);
    });
  });
});

describe('fuzz: codecs', () => {
  const sps = hex(
    '6742c01fda014016e806d0a1350f',
    '674d401f ec a0280 2dd80b50101014000003004000000f23c60c6580',
    '6764001facd9405005bb011000000300100000030320f1831960',
  );
  const config = hex(
    '0142c01fffe1000a6742c01fda014016e80601000468ce3c80',
    '014d401fffe1000f674d401feca02802dd80b50101014001000468ee3c80',
  );

  it('H.264 parameter sets, AVC configurations and NAL units', () => {
    fuzz(sps, (input) => void readH264Sps(input));
    fuzz(config, (input) => {
      const read = readAvcConfig(input);
      for (const each of [...(read?.sps ?? []), ...(read?.pps ?? [])]) readH264Sps(each);
    });
    for (const lengthBytes of [1, 2, 4])
      fuzz(hex('0000000567428001aa0000000268ce', '0000000000000001'), (input) => {
        forEachAvcNal(input, lengthBytes, (nal) => expect(nal.length).toBeLessThanOrEqual(input.length));
      });
    fuzz(hex('000000016742c01f0000016588', '00000100000100000100'), (input) => {
      forEachAnnexBNal(input, (nal) => expect(nal.length).toBeLessThanOrEqual(input.length));
    });
  });

  it('H.264 goes through packets of any content and back', () => {
    const packetizer = new H264Packetizer();
    const depacketizer = new H264Depacketizer();
    fuzz([...sps, Buffer.alloc(4000, 0x65)], (input) => {
      packetizer.packetize([input], (payload) => expect(payload.length).toBeLessThanOrEqual(1300));
    });
    fuzz(PAYLOADS.h264, (input) => {
      depacketizer.push(input, (nal) => expect(nal.length).toBeGreaterThan(0));
    });
  });

  it('a dependency descriptor, with the structure it brings or without', () => {
    const seeds = hex(
      '80000180003a410180ef808680',
      'c00002',
      '800001801e 2a4110 8000 00140 0a8 2841 0414 1451 60',
      '40000380',
    );
    const reader = new DependencyDescriptorReader();
    fuzz(seeds, (input) => {
      reader.read(input);
      new DependencyDescriptorReader().read(input);
    });
  });
});

describe('fuzz: SRTP', () => {
  it.each(Object.entries(SRTP_PROFILES))('%s refuses what was changed on the way', (_, profile) => {
    const keys = { masterKey: Buffer.alloc(16, 1), masterSalt: Buffer.alloc(14, 2) };
    const sender = new SrtpSender(profile, keys);
    const [plain = Buffer.alloc(0)] = rtpSeeds();
    const seal = (seq: number): Buffer => {
      const bytes = Buffer.alloc(plain.length + 20);
      plain.copy(bytes);
      bytes.writeUInt16BE(seq, 2);
      const length = sender.protectRtp(new SrtpSendStream(), bytes, 28, plain.length, 0x1234_5678, seq);
      return bytes.subarray(0, length);
    };
    const rtcp = Buffer.alloc(64);
    rtcp.set(writePli(1, 2));
    const seeds = [seal(1000), seal(1001), rtcp.subarray(0, sender.protectRtcp(rtcp, 12))];
    const header = emptyRtpHeader();
    let accepted = 0;
    fuzz(seeds, (input) => {
      const receiver = new SrtpReceiver(profile, keys);
      const original = Buffer.from(input);
      receiver.unprotectRtcp(Buffer.from(input), input.length);
      if (!readRtpHeader(input, input.length, header)) return;
      const { payloadOffset, ssrc, seq } = header;
      if (receiver.unprotectRtp(input, payloadOffset, input.length, ssrc, seq) < 0) return;
      accepted += 1;
      expect(seeds.some((seed) => seed.equals(original))).toBe(true);
    });
    expect(accepted).toBeGreaterThanOrEqual(2);
  });
});
