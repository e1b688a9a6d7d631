import { randomBytes } from 'node:crypto';
import {
  emptyMediaPacket,
  emptyRtpHeader,
  findExtension,
  type MediaPacket,
  readRtpHeader,
  readU16,
} from '@switchyard/shared/media';
import {
  emptyFanoutTarget,
  endpointId,
  FANOUT_TARGET_BYTES,
  FanoutReader,
  type FanoutTarget,
  FRAME_LENGTH_BYTES,
  fanoutFrameBytes,
  trackId,
  writeFanoutFrame,
  writeFanoutTarget,
} from '@switchyard/shared/protocol';
import {
  SRTP_PROFILES,
  type SrtpKeys,
  type SrtpProfile,
  SrtpReceiver,
  srtpSaltBytes,
} from '@switchyard/shared/srtp';
import { describe, expect, it } from 'vitest';
import type { Egress } from '../../gateways/webrtc/server/egress/egress.ts';
import type { NegotiatedMedia } from '../../gateways/webrtc/server/peer-contract.ts';

/** One implementation, with clients that send into a list instead of a network. */
export interface EgressRig {
  readonly egress: Egress;
  /** Binds a slot of a client with keys of its own to {endpoint, track 1}. */
  addViewer(endpoint: number, media: NegotiatedMedia, profile: SrtpProfile, keys: SrtpKeys): RigViewer;
  /** Seals and sends everything that was handed in. */
  flush(): void;
}

export interface RigViewer {
  /** Copies of what the client was sent, in order. */
  readonly datagrams: Buffer[];
  /** The client lost `seq`. @returns Whether it is sent again. */
  resend(seq: number): boolean;
  close(): void;
}

const MEDIA: NegotiatedMedia = {
  mid: '1',
  kind: 'video',
  direction: 'send',
  codecs: [{ codec: 'vp8', payloadType: 96, rtxPayloadType: 97 }],
  extensions: { mid: 4, 'transport-cc': 5, 'abs-send-time': 3 },
  rids: [],
  offeredRids: [],
  ssrcs: [],
  send: { ssrc: 0x1234_5678, rtxSsrc: 0x8765_4321, cname: 'contract' },
};
const SSRC = 0x1234_5678;
const RTX_SSRC = 0x8765_4321;
const PROFILES: readonly [string, SrtpProfile][] = [
  ['AES_CM_128_HMAC_SHA1_80', SRTP_PROFILES.aes128CmSha1_80],
  ['AEAD_AES_128_GCM', SRTP_PROFILES.aeadAes128Gcm],
];

function vp8(seq: number, bytes: number): MediaPacket {
  const packet = emptyMediaPacket('vp8');
  Object.assign(packet, { seq, pictureId: 5, pictureIdBits: 15, pictureIdOffset: 2, tl0PicIdx: 9 });
  packet.tl0PicIdxOffset = 4;
  packet.keyframe = true;
  packet.frameStart = true;
  packet.payload = randomBytes(bytes);
  return packet;
}

function fanout(packet: MediaPacket, targets: readonly Partial<FanoutTarget>[]): FanoutReader {
  const bytes = new Uint8Array(targets.length * FANOUT_TARGET_BYTES);
  for (const [index, target] of targets.entries())
    writeFanoutTarget(bytes, index * FANOUT_TARGET_BYTES, target.endpoint ?? 0, {
      ...emptyFanoutTarget(),
      track: 1,
      ...target,
    });
  const frame = new Uint8Array(fanoutFrameBytes(packet, targets.length));
  writeFanoutFrame(frame, 0, packet, bytes, targets.length);
  const reader = new FanoutReader(emptyMediaPacket('opus'));
  expect(reader.read(frame.subarray(FRAME_LENGTH_BYTES + 1))).toBe(true);
  return reader;
}

/** The suite that every egress passes. */
export function egressContract(name: string, newRig: () => EgressRig): void {
  describe.each(PROFILES)(`${name} with %s`, (_, profile) => {
    const join = (rig: EgressRig, endpoint: number) => {
      const keys = { masterKey: randomBytes(16), masterSalt: randomBytes(srtpSaltBytes(profile)) };
      const viewer = rig.addViewer(endpoint, MEDIA, profile, keys);
      return { viewer, receiver: new SrtpReceiver(profile, keys) };
    };
    const open = (receiver: SrtpReceiver, datagram: Buffer) => {
      const bytes = Buffer.from(datagram);
      const header = emptyRtpHeader();
      expect(readRtpHeader(bytes, bytes.length, header)).toBe(true);
      const end = receiver.unprotectRtp(bytes, header.payloadOffset, bytes.length, header.ssrc, header.seq);
      expect(end).toBeGreaterThan(0);
      return { bytes, header, payload: new Uint8Array(bytes.subarray(header.payloadOffset, end)) };
    };
    const patched = ({ payload }: MediaPacket, pictureId: number, tl0PicIdx: number): Uint8Array => {
      const copy = Uint8Array.from(payload);
      copy[2] = 0x80 | (pictureId >> 8);
      copy[3] = pictureId;
      copy[4] = tl0PicIdx;
      return copy;
    };

    it('gives each of 150 viewers its own numbers, patches and keys', () => {
      const rig = newRig();
      const viewers = Array.from({ length: 150 }, (_each, index) => join(rig, index + 1));
      const packets = [1200, 1199, 40, 1200].map((bytes, index) => vp8(index, bytes));
      for (const [step, packet] of packets.entries())
        rig.egress.handleFanout(
          fanout(
            packet,
            viewers.map((_each, index) => ({
              endpoint: index + 1,
              seq: index * 10 + step,
              timestamp: 3000 * index + step,
              marker: step === 3,
              pictureId: index * 7,
              tl0PicIdx: index,
            })),
          ),
        );
      rig.flush();
      for (const [index, { viewer, receiver }] of viewers.entries()) {
        expect(viewer.datagrams).toHaveLength(packets.length);
        for (const [step, packet] of packets.entries()) {
          const { header, payload } = open(receiver, viewer.datagrams[step] ?? Buffer.alloc(0));
          expect(header).toMatchObject({
            ssrc: SSRC,
            payloadType: 96,
            seq: index * 10 + step,
            timestamp: 3000 * index + step,
            marker: step === 3,
          });
          expect(payload).toEqual(patched(packet, index * 7, index));
        }
      }
    });

    it('numbers packets in the order in which they leave, and names their m-line', () => {
      const rig = newRig();
      const { viewer, receiver } = join(rig, 1);
      for (let seq = 0; seq < 100; seq += 1)
        rig.egress.handleFanout(fanout(vp8(seq, 300), [{ endpoint: 1, seq }]));
      rig.flush();
      const element = { id: 0, offset: 0, length: 0 };
      const numbers = viewer.datagrams.map((datagram) => {
        const { bytes, header } = open(receiver, datagram);
        expect(findExtension(bytes, header, 4, element)).toBe(true);
        expect(bytes.toString('latin1', element.offset, element.offset + element.length)).toBe('1');
        expect(findExtension(bytes, header, 5, element)).toBe(true);
        return readU16(bytes, element.offset);
      });
      expect(numbers.map((number) => number - (numbers[0] ?? 0))).toEqual(numbers.map((_each, i) => i));
    });

    it('goes on over wraps of the sequence number and gaps', () => {
      const rig = newRig();
      const { viewer, receiver } = join(rig, 1);
      for (let i = 0; i < 300; i += 1)
        if (i % 7 !== 3)
          rig.egress.handleFanout(fanout(vp8(i, 500), [{ endpoint: 1, seq: (65_400 + i) & 0xffff }]));
      rig.flush();
      expect(viewer.datagrams.length).toBeGreaterThan(250);
      for (const datagram of viewer.datagrams) open(receiver, datagram);
    });

    it('sends what was lost again on the RTX stream, as it was', () => {
      const rig = newRig();
      const { viewer, receiver } = join(rig, 1);
      const lost = vp8(1, 900);
      rig.egress.handleFanout(
        fanout(lost, [{ endpoint: 1, seq: 700, timestamp: 42, pictureId: 300, tl0PicIdx: 17 }]),
      );
      rig.flush();
      expect(viewer.resend(700)).toBe(true);
      expect(viewer.resend(701)).toBe(false);
      rig.flush();
      const { header, payload } = open(receiver, viewer.datagrams[1] ?? Buffer.alloc(0));
      expect(header).toMatchObject({ ssrc: RTX_SSRC, payloadType: 97, timestamp: 42 });
      expect(readU16(payload, 0)).toBe(700);
      expect(payload.subarray(2)).toEqual(patched(lost, 300, 17));
    });

    it('sends padding where a packet was left out', () => {
      const rig = newRig();
      const { viewer, receiver } = join(rig, 1);
      rig.egress.handleFanout(fanout(vp8(1, 900), [{ endpoint: 1, seq: 1, empty: true }]));
      rig.flush();
      const { bytes, payload } = open(receiver, viewer.datagrams[0] ?? Buffer.alloc(0));
      expect([(bytes[0] ?? 0) & 0x20, payload]).toEqual([0x20, Uint8Array.of(1)]);
    });

    it('never lets payload out in the clear, whoever leaves meanwhile', () => {
      const rig = newRig();
      const { viewer, receiver } = join(rig, 1);
      const other = join(rig, 2);
      const packet = vp8(1, 1000);
      packet.payload.fill(0x41);
      rig.egress.handleFanout(
        fanout(packet, [
          { endpoint: 1, seq: 1 },
          { endpoint: 2, seq: 1 },
        ]),
      );
      viewer.close();
      rig.flush();
      for (const datagram of [...viewer.datagrams, ...other.viewer.datagrams])
        expect(datagram.includes('A'.repeat(8))).toBe(false);
      for (const datagram of viewer.datagrams) open(receiver, datagram);
      for (const datagram of other.viewer.datagrams) open(other.receiver, datagram);
    });

    it('drops targets that are gone, and payloads that fit no packet', () => {
      const rig = newRig();
      const { viewer } = join(rig, 1);
      rig.egress.unbind(endpointId(1), trackId(1));
      rig.egress.handleFanout(fanout(vp8(1, 1000), [{ endpoint: 1, seq: 1 }]));
      const stays = join(rig, 2);
      rig.egress.handleFanout(fanout(vp8(1, 60_000), [{ endpoint: 2, seq: 1 }]));
      rig.flush();
      expect([viewer.datagrams, stays.viewer.datagrams]).toEqual([[], []]);
    });
  });
}
