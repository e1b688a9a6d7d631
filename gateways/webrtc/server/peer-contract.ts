/**
 * The seam inside the gateway: what an SDP negotiation decided (written by sdp-answer, pure) and what one client's
 * transport does with it ({@link PeerTransport}: ICE, DTLS, SRTP, RTCP). Sessions know only this page.
 */
import type { Codec, MediaKind, MediaPacket } from '@switchyard/shared/media';
import type { EndpointId, LayerInfo, TrackId } from '@switchyard/shared/protocol';

export interface Fingerprint {
  /** Lower case, e.g. `sha-256`. */
  readonly algorithm: string;
  /** Upper case hex pairs with colons. */
  readonly value: string;
}

export interface NegotiatedCodec {
  readonly codec: Codec;
  readonly payloadType: number;
  readonly rtxPayloadType?: number;
  /** Audio with copies of what was sent before (RFC 2198). */
  readonly redPayloadType?: number;
}

/** RTP header extensions that an m-line may negotiate (RFC 8285). */
export type ExtensionName =
  | 'mid'
  | 'rid'
  | 'repaired-rid'
  | 'audio-level'
  | 'transport-cc'
  | 'abs-send-time'
  | 'dependency-descriptor'
  | 'video-layers-allocation'
  | 'video-orientation'
  | 'playout-delay';

export interface NegotiatedMedia {
  readonly mid: string;
  readonly kind: MediaKind;
  /** As the server sees it: `receive` from the client, `send` to the client. */
  readonly direction: 'receive' | 'send' | 'inactive';
  /** `receive`: what the client may send. `send`: every codec the client takes; the one used follows the source. */
  readonly codecs: readonly NegotiatedCodec[];
  readonly extensions: Readonly<Partial<Record<ExtensionName, number>>>;
  /** `receive` with simulcast: rids from lowest to highest layer, as far as SDP tells. Empty otherwise. */
  readonly rids: readonly string[];
  /** The same in the order of the offer, which is how the client numbers its streams. */
  readonly offeredRids: readonly string[];
  /** `receive`: SSRCs that the offer names (primary → RTX), for clients that send no MID extension. */
  readonly ssrcs: readonly { readonly ssrc: number; readonly rtxSsrc?: number }[];
  /** `send`: the slot's own SSRCs, constant for its life. */
  readonly send?: { readonly ssrc: number; readonly rtxSsrc: number; readonly cname: string };
}

export interface NegotiatedSession {
  readonly remoteUfrag: string;
  readonly remotePassword: string;
  readonly remoteFingerprints: readonly Fingerprint[];
  /** The server's role: `server` unless the offer says `a=setup:passive`. */
  readonly dtlsRole: 'client' | 'server';
  readonly media: readonly NegotiatedMedia[];
  /** The offer has an accepted `m=application` line. */
  readonly dataChannel: boolean;
}

export interface IceCredentials {
  readonly ufrag: string;
  readonly password: string;
}

/** One ICE candidate of the server, as SDP wants it. */
export interface ServerCandidate {
  readonly address: string;
  readonly port: number;
  readonly priority: number;
  readonly transport: 'udp' | 'tcp';
}

/** Facts from the transport. Called synchronously; packets are valid during the call only. */
export interface PeerListener {
  /** DTLS is up: media may flow both ways. Ask sources for keyframes now, not earlier. */
  onConnected(): void;
  /** Gone: DTLS failed, closed, or nothing authenticated for 10 s (30 s before the first connection). Called once. */
  onClosed(reason: 'dtls-failed' | 'closed-by-peer' | 'timeout'): void;
  /** A packet of a `receive` m-line in decoding order as far as it came; seq is the encoding's own. RTX is already resolved. */
  onMedia(mid: string, packet: MediaPacket): void;
  /** The first packet of an m-line told its codec, or sizes and bitrates changed the layers (lowest first) or their facts. */
  onTrackFacts(mid: string, codec: Codec, layers: readonly LayerInfo[]): void;
  /** PLI or FIR on a `send` m-line. */
  onKeyframeRequest(mid: string): void;
  /** Estimate of what the client can receive, bits per second, and whether its path is congested: then no layer goes up. */
  onEstimate(bitrateBps: number, congested: boolean): void;
  /** Text message on the data channel `label`. */
  onData(label: string, data: string): void;
}

/** One client's transport. Made by the transport layer; owned by one session. */
export interface PeerTransport {
  /** Current local ICE credentials. */
  readonly credentials: IceCredentials;
  readonly connected: boolean;
  /** The first or a later negotiation. Bindings of SSRCs survive as long as their mid does. */
  apply(session: NegotiatedSession): void;
  /** New local ICE credentials (the offer's ufrag changed); old ones answer until the path moves. */
  restartIce(): IceCredentials;
  /** Binds a `send` m-line to the endpoint's local track: fan-out targets {endpoint, track} leave on this slot. */
  bindSlot(mid: string, endpoint: EndpointId, track: TrackId): void;
  /** PLI to the publisher, throttled per encoding. */
  requestKeyframe(mid: string, spatial: number): void;
  /**
   * What the core sends this client now and what it would send on a link without limit, bits per second, audio included:
   * probing for more than the estimate is worth while as long as that is less than `desiredBps`.
   */
  setDemand(currentBps: number, desiredBps: number): void;
  /** When the client shall show a picture after it came, where it takes the playout-delay extension. */
  setPlayoutDelay(minMs: number, maxMs: number): void;
  /** REMB to the publisher, bits per second for all its `receive` m-lines together. */
  limitIngress(bitrateBps: number): void;
  /** Text on the data channel `label`. @returns false when the client has not opened it, or takes no more now. */
  sendData(label: string, data: string): boolean;
  close(): void;
}

/** What makes peers: the process's sockets, certificate and egress. */
export interface TransportFactory {
  /** SHA-256 of this process's DTLS certificate. */
  readonly fingerprint: Fingerprint;
  readonly candidates: readonly ServerCandidate[];
  createPeer(listener: PeerListener): PeerTransport;
}
