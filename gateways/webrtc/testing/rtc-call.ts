import { type Codec, type MediaPacket, writeRtpHeader } from '@switchyard/shared/media';
import type { Fingerprint, NegotiatedMedia, PeerListener, PeerTransport } from '../server/peer-contract.ts';
import { type Certificate, createCertificate } from '../server/transport/certificate.ts';
import type { WebrtcTransport } from '../server/transport/webrtc-transport.ts';
import { RtcClient } from './rtc-client.ts';

export const VIDEO_PT = 96;
export const RTX_PT = 97;
export const AUDIO_PT = 111;

const EXTENSIONS = { mid: 1, 'transport-cc': 3, rid: 4, 'repaired-rid': 5 } as const;

/** A publisher's m-lines: VP8 (with `rids` for simulcast) and Opus. */
export const publisherMedia = (rids: readonly string[] = []): readonly NegotiatedMedia[] => [
  {
    mid: 'v',
    kind: 'video',
    direction: 'receive',
    codecs: [{ codec: 'vp8', payloadType: VIDEO_PT, rtxPayloadType: RTX_PT }],
    extensions: EXTENSIONS,
    rids,
    offeredRids: rids,
    ssrcs: rids.length === 0 ? [{ ssrc: 1000, rtxSsrc: 1001 }] : [],
  },
  {
    mid: 'a',
    kind: 'audio',
    direction: 'receive',
    codecs: [{ codec: 'opus', payloadType: AUDIO_PT }],
    extensions: EXTENSIONS,
    rids: [],
    offeredRids: [],
    ssrcs: [{ ssrc: 2000 }],
  },
];

export interface RtcCallOptions {
  readonly media?: readonly NegotiatedMedia[];
  /** The server's DTLS role; the client has the other. */
  readonly role?: 'client' | 'server';
  /** What the client's SDP said; default: of the certificate that it shows. */
  readonly fingerprint?: Fingerprint;
  readonly certificate?: Certificate;
  readonly dataChannel?: boolean;
  readonly transport?: 'udp' | 'tcp';
  readonly port?: number;
  readonly address?: string;
}

/** A peer of the real transport, what it tells its session, and the client at the other end. */
export class RtcCall {
  readonly peer: PeerTransport;
  readonly client: RtcClient;
  readonly packets: { mid: string; seq: number; spatial: number; keyframe: boolean; size: number }[];
  readonly facts: { mid: string; codec: Codec; layers: number; sizes: string }[];
  readonly events: string[];

  private constructor(call: Omit<RtcCall, 'close'>) {
    this.peer = call.peer;
    this.client = call.client;
    this.packets = call.packets;
    this.facts = call.facts;
    this.events = call.events;
  }

  /** Negotiates; {@link RtcClient.connect} is left to the caller. */
  static async open(server: WebrtcTransport, options: RtcCallOptions = {}): Promise<RtcCall> {
    const packets: RtcCall['packets'] = [];
    const facts: RtcCall['facts'] = [];
    const events: string[] = [];
    const listener: PeerListener = {
      onConnected: () => events.push('connected'),
      onClosed: (reason) => events.push(`closed ${reason}`),
      onMedia: (mid, packet: MediaPacket) =>
        packets.push({
          mid,
          seq: packet.seq,
          spatial: packet.spatial,
          keyframe: packet.keyframe,
          size: packet.payload.length,
        }),
      onTrackFacts: (mid, codec, layers) =>
        facts.push({
          mid,
          codec,
          layers: layers.length,
          sizes: layers.map(({ rid, width, height }) => `${rid} ${width}x${height}`).join(', '),
        }),
      onKeyframeRequest: (mid) => events.push(`keyframe ${mid}`),
      onEstimate: () => {},
      onData: (label, data) => events.push(`data ${label} ${data}`),
    };
    const certificate = options.certificate ?? (await createCertificate());
    const peer = server.createPeer(listener);
    const role = options.role ?? 'server';
    const [candidate] = server.candidates;
    const client = await RtcClient.open({
      certificate,
      role: role === 'server' ? 'client' : 'server',
      serverFingerprint: server.fingerprint,
      credentials: peer.credentials,
      address: options.address ?? candidate?.address ?? '127.0.0.1',
      port: options.port ?? candidate?.port ?? 0,
      transport: options.transport ?? 'udp',
    });
    peer.apply({
      remoteUfrag: client.ufrag,
      remotePassword: 'clientclientclientclient',
      remoteFingerprints: [options.fingerprint ?? certificate.fingerprint],
      dtlsRole: role,
      media: options.media ?? publisherMedia(),
      dataChannel: options.dataChannel ?? false,
    });
    return new RtcCall({ peer, client, packets, facts, events });
  }

  close(): void {
    this.client.close();
    this.peer.close();
  }
}

export interface TestPacket {
  readonly ssrc: number;
  readonly seq: number;
  readonly payloadType?: number;
  readonly timestamp?: number;
  readonly transportSeq?: number;
  /** Text extensions by id of {@link publisherMedia}. */
  readonly mid?: string;
  readonly rid?: string;
  readonly repairedRid?: string;
  readonly payload?: Uint8Array;
}

/** A VP8 packet that opens a keyframe, or an interframe: descriptor without extension, header of a frame of this size. */
export const vp8Payload = (keyframe: boolean, width = 320, height = 240): Uint8Array =>
  Uint8Array.from([
    ...[0x10, keyframe ? 0 : 1, 0, 0, 0x9d, 0x01, 0x2a],
    ...[width & 255, width >> 8, height & 255, height >> 8, 9, 9, 9],
  ]);

/** A plain RTP packet with one-byte extensions. */
export function rtpPacket(packet: TestPacket): Uint8Array {
  const extensions: number[] = [];
  const text = (id: number, value: string | undefined): void => {
    if (value !== undefined)
      extensions.push((id << 4) | (value.length - 1), ...[...value].map((each) => each.charCodeAt(0)));
  };
  text(EXTENSIONS.mid, packet.mid);
  text(EXTENSIONS.rid, packet.rid);
  text(EXTENSIONS['repaired-rid'], packet.repairedRid);
  if (packet.transportSeq !== undefined)
    extensions.push(
      (EXTENSIONS['transport-cc'] << 4) | 1,
      (packet.transportSeq >> 8) & 255,
      packet.transportSeq & 255,
    );
  while (extensions.length % 4 !== 0) extensions.push(0);
  const payload = packet.payload ?? vp8Payload(true);
  const hasExtensions = extensions.length > 0;
  const header = 12 + (hasExtensions ? 4 + extensions.length : 0);
  const bytes = Buffer.alloc(header + payload.length);
  writeRtpHeader(
    bytes,
    0,
    packet.payloadType ?? VIDEO_PT,
    true,
    packet.seq & 0xffff,
    packet.timestamp ?? packet.seq * 3000,
    packet.ssrc,
    hasExtensions,
  );
  if (hasExtensions) {
    bytes.writeUInt16BE(0xbede, 12);
    bytes.writeUInt16BE(extensions.length / 4, 14);
    bytes.set(extensions, 16);
  }
  bytes.set(payload, header);
  return bytes;
}
