import { describe, expect, it } from 'vitest';
import {
  emptyMediaPacket,
  emptyRtpHeader,
  findExtension,
  forEachNack,
  forEachRtcp,
  H264Depacketizer,
  H264Packetizer,
  opusSamples,
  PCMA,
  PCMU,
  readAvcConfig,
  readH264Sps,
  readPayload,
  readRemb,
  readReportBlocks,
  readRtpHeader,
  readSenderInfo,
  readTransportCc,
  SeqUnwrapper,
  seqDiff,
  timestampDiff,
  writeNack,
  writePatches,
  writeReceiverReport,
  writeRemb,
  writeSenderReport,
  writeTransportCc,
} from './index.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

describe('serial numbers', () => {
  it.each([
    [1, 65_535, 2],
    [65_535, 1, -2],
    [32_767, 0, 32_767],
    [32_768, 0, -32_768],
    [5, 5, 0],
  ])('seqDiff(%i, %i) is %i', (a, b, expected) => expect(seqDiff(a, b)).toBe(expected));

  it('timestamps wrap', () => expect(timestampDiff(10, 0xffff_fff0)).toBe(26));

  it('unwraps over several cycles with reordering', () => {
    const unwrapper = new SeqUnwrapper();
    expect([65_534, 0, 65_535, 1, 30_000, 60_000, 20_000].map((seq) => unwrapper.unwrap(seq))).toEqual([
      65_534, 65_536, 65_535, 65_537, 95_536, 125_536, 151_072,
    ]);
  });
});

describe('RTP header', () => {
  it('reads CSRCs and both kinds of extension', () => {
    const oneByte = hex('90e0 0102 00000003 00000004 bede 0002 10 41 00 22 aabbcc 00 ffff');
    const header = emptyRtpHeader();
    expect(readRtpHeader(oneByte, oneByte.length, header)).toBe(true);
    expect(header).toMatchObject({
      payloadType: 96,
      marker: true,
      seq: 0x102,
      timestamp: 3,
      ssrc: 4,
      payloadOffset: 24,
    });
    const element = { id: 0, offset: 0, length: 0 };
    expect(findExtension(oneByte, header, 2, element)).toBe(true);
    expect(oneByte.subarray(element.offset, element.offset + element.length)).toEqual(hex('aabbcc'));
    expect(findExtension(oneByte, header, 5, element)).toBe(false);
    const twoByte = hex('91600102 00000003 00000004 00000009 1000 0001 0102 abcd ff');
    expect(readRtpHeader(twoByte, twoByte.length, header)).toBe(true);
    expect(findExtension(twoByte, header, 1, element)).toBe(true);
    expect(element).toEqual({ id: 1, offset: 22, length: 2 });
  });

  it.each([
    '',
    '80',
    '8060010200000003000000',
    '4060010200000003 00000004',
    '9060010200000003 00000004 bede00ff',
  ])('refuses %s', (text) =>
    expect(readRtpHeader(hex(text), hex(text).length, emptyRtpHeader())).toBe(false),
  );
});

describe('RTCP', () => {
  it('reads what it writes', () => {
    const block = {
      ssrc: 7,
      fractionLost: 12,
      packetsLost: -3,
      highestSeq: 70_000,
      jitter: 9,
      lastSr: 0xffff_0000,
      delaySinceLastSr: 65_536,
    };
    const report = writeSenderReport(
      { ssrc: 5, ntpMs: 1_800_000_000_250, timestamp: 9, packets: 2, octets: 3 },
      [block],
    );
    expect(readSenderInfo(report)).toMatchObject({ ssrc: 5, timestamp: 9 });
    expect(readSenderInfo(report)?.ntpMs).toBeCloseTo(1_800_000_000_250, 2);
    const packets: number[] = [];
    forEachRtcp(Buffer.concat([report, writeReceiverReport(1, [block, block])]), (packet) => {
      packets.push(packet.type);
      for (const read of readReportBlocks(packet)) expect(read).toEqual(block);
    });
    expect(packets).toEqual([200, 201]);
  });

  it('NACKs pack and unpack over a wrap', () => {
    const lost = [65_530, 65_535, 0, 5, 10, 300];
    const read: number[] = [];
    const packet = writeNack(1, 2, lost);
    expect(packet.length).toBe(12 + 8);
    forEachNack(packet, (seq) => read.push(seq));
    expect(read).toEqual(lost);
  });

  it.each([0, 1000, 262_143, 262_144, 2_500_000, 4_000_000_000])(
    'REMB keeps %i bps within its mantissa',
    (bps) => {
      const read = readRemb(writeRemb(1, bps, [2, 3])) ?? -1;
      expect(Math.abs(read - bps)).toBeLessThanOrEqual(bps / 100_000);
    },
  );

  it.each([
    ['dense', Array.from({ length: 100 }, (_, i) => 1000 + i)],
    ['with holes', Array.from({ length: 100 }, (_, i) => (i % 3 === 1 ? -1 : 5000 + i * 7.25))],
    [
      'with a long gap and reordering',
      [100, 90.5, -1, -1, 2000, 1990, ...Array.from({ length: 50 }, () => -1), 2500],
    ],
  ])('transport-cc feedback carries arrivals: %s', (_, arrivals) => {
    const written = writeTransportCc(1, 2, 3, 65_000, arrivals);
    const read = readTransportCc(stripPadding(written?.packet ?? new Uint8Array()));
    expect(read?.baseSeq).toBe(65_000);
    expect(written?.statuses).toBe(arrivals.length);
    const base = Math.floor((arrivals.find((at) => at >= 0) ?? 0) / 64) * 64;
    read?.arrivalsMs.forEach((at, i) => {
      const expected = arrivals[i] ?? -1;
      if (expected < 0) expect(at).toBe(-1);
      else expect(at + base).toBeCloseTo(expected, 0);
    });
  });
});

function stripPadding(packet: Uint8Array): Uint8Array {
  let bytes = packet;
  forEachRtcp(packet, (each) => {
    bytes = each.bytes;
  });
  return bytes;
}

describe('codec facts', () => {
  const read = (codec: 'vp8' | 'vp9' | 'h264' | 'opus', text: string, marker = false) => {
    const packet = { ...emptyMediaPacket(codec), payload: hex(text), marker };
    return { ok: readPayload(packet), packet };
  };
  it.each([
    ['vp8', '10 00 9d012a', { keyframe: true, frameStart: true, pictureId: -1 }],
    ['vp8', '10 01 9d012a', { keyframe: false, frameStart: true }],
    [
      'vp8',
      '90 f0 8123 42 60 01',
      {
        pictureId: 0x123,
        pictureIdBits: 15,
        tl0PicIdx: 0x42,
        temporal: 1,
        switchingPoint: true,
        keyframe: false,
      },
    ],
    ['vp8', '80 80 05 00 11', { pictureId: 5, pictureIdBits: 7, frameStart: false, keyframe: false }],
    ['vp9', '8c 8001 ff', { pictureId: 1, frameStart: true, frameEnd: true, keyframe: true, svc: false }],
    [
      'vp9',
      'a8 8001 32 07 ff',
      {
        temporal: 1,
        switchingPoint: true,
        spatial: 1,
        interLayer: false,
        tl0PicIdx: 7,
        svc: true,
        keyframe: true,
      },
    ],
    ['vp9', 'e8 8001 33 07 ff', { keyframe: false, interLayer: true }],
    ['h264', '67 42c01f', { keyframe: true }],
    ['h264', '78 0004 6742c01f 0002 68ce', { keyframe: true }],
    ['h264', '7c 85 ff', { keyframe: true, frameStart: true }],
    ['h264', '7c 05 ff', { keyframe: false, frameStart: false }],
    ['h264', '41 9a ff', { keyframe: false }],
  ] as const)('%s %s', (codec, text, expected) => {
    const { ok, packet } = read(codec, text);
    expect(ok).toBe(true);
    expect(packet).toMatchObject(expected);
  });

  it.each([
    ['vp8', ''],
    ['vp8', '90 f0 8123'],
    ['vp9', 'a0 80'],
    ['h264', '67'],
    ['opus', ''],
  ] as const)('%s %s is malformed', (codec, text) => expect(read(codec, text).ok).toBe(false));

  it.each([
    ['fc', 960],
    ['fd00', 1920],
    ['ff0300', 2880],
    ['08', 960],
    ['ff00', 0],
  ])('an Opus packet %s lasts %i samples', (text, samples) => expect(opusSamples(hex(text))).toBe(samples));

  it('patches PictureID and TL0PICIDX in a copy', () => {
    const { packet } = read('vp8', '90 f0 8123 42 60 01');
    const copy = new Uint8Array(20);
    copy.set(packet.payload, 4);
    writePatches(copy, 4, packet, 0x7fff, 255);
    expect(copy.subarray(4, 11)).toEqual(hex('90 f0 ffff ff 60 01'));
  });
});

describe('H.264', () => {
  it('reads the SPS of an x264 stream with two B-frames', () => {
    expect(readH264Sps(hex('6764001facd9405005bb016a02020280000003008000001e078c18cb'))).toMatchObject({
      profileIdc: 100,
      width: 1280,
      height: 720,
      reorderFrames: 2,
    });
  });

  it('refuses garbage and reads a configuration record', () => {
    expect(readH264Sps(hex('67'))).toBeUndefined();
    expect(readAvcConfig(hex('01640028ffe1'))).toBeUndefined();
    const config = readAvcConfig(hex('0142c01fffe1 0004 6742c01f 01 0002 68ce'));
    expect(config).toMatchObject({ lengthBytes: 4, profileIdc: 0x42, levelIdc: 0x1f });
    expect(config?.sps[0]).toEqual(hex('6742c01f'));
    expect(config?.pps[0]).toEqual(hex('68ce'));
  });

  it('cuts access units into payloads and puts them together again', () => {
    const nals = [
      hex('6742c01f'),
      hex('68ce'),
      Uint8Array.from({ length: 5000 }, (_, i) => (i === 0 ? 0x65 : i & 255)),
    ];
    const payloads: Uint8Array[] = [];
    const lasts: boolean[] = [];
    new H264Packetizer().packetize(nals, (payload, last) => {
      payloads.push(payload.slice());
      lasts.push(last);
    });
    expect(payloads.every(({ length }) => length <= 1200)).toBe(true);
    expect(lasts).toEqual([...payloads.slice(1).map(() => false), true]);
    const again: Uint8Array[] = [];
    const depacketizer = new H264Depacketizer();
    for (const payload of payloads) depacketizer.push(payload, (nal) => again.push(nal.slice()));
    expect(again).toEqual(nals);
  });
});

describe('G.711', () => {
  it.each([
    ['PCMU', PCMU, 0xff, 0],
    ['PCMU', PCMU, 0x80, 32_124],
    ['PCMU', PCMU, 0x00, -32_124],
    ['PCMA', PCMA, 0xd5, 8],
    ['PCMA', PCMA, 0xaa, 32_256],
    ['PCMA', PCMA, 0x2a, -32_256],
  ])('%s decodes as ITU-T G.711 says', (_, codec, code, sample) => {
    const out = new Int16Array(1);
    codec.decode(Uint8Array.of(code), out);
    expect(out[0]).toBe(sample);
  });

  it.each([
    ['PCMU', PCMU],
    ['PCMA', PCMA],
  ])('%s encodes every code back to itself and every sample within a step', (_, codec) => {
    const codes = Uint8Array.from({ length: 256 }, (_each, i) => i);
    const samples = new Int16Array(256);
    codec.decode(codes, samples);
    const again = new Uint8Array(256);
    codec.encode(samples, again);
    const twice = new Int16Array(256);
    codec.decode(again, twice);
    expect(twice).toEqual(samples);
    const one = Int16Array.from([0, 1, -1, 100, -100, 1000, 12_345, -12_345, 32_767, -32_768]);
    const code = new Uint8Array(one.length);
    codec.encode(one, code);
    const back = new Int16Array(one.length);
    codec.decode(code, back);
    for (const [i, value] of back.entries())
      expect(Math.abs(value - (one[i] ?? 0))).toBeLessThanOrEqual(Math.max(16, Math.abs(one[i] ?? 0) / 16));
  });
});
