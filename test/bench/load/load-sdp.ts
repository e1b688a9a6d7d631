import { randomInt } from 'node:crypto';
import type { Fingerprint } from '../../../gateways/webrtc/server/peer-contract.ts';

export const EXTENSION_IDS = { mid: 1, audioLevel: 2, transportCc: 3, absSendTime: 4 } as const;
export const PAYLOAD_TYPES = { opus: 111, vp8: 96, vp8Rtx: 97, h264: 102, h264Rtx: 103 } as const;

interface OfferedPayload {
  readonly payload: number;
  readonly rtx: number;
  readonly name: string;
  readonly parameters?: string;
}
const VP8: OfferedPayload = { payload: PAYLOAD_TYPES.vp8, rtx: PAYLOAD_TYPES.vp8Rtx, name: 'VP8' };
const H264: OfferedPayload = {
  payload: PAYLOAD_TYPES.h264,
  rtx: PAYLOAD_TYPES.h264Rtx,
  name: 'H264',
  parameters: 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f',
};
const VIDEO_FEEDBACK = ['nack', 'nack pli', 'ccm fir', 'goog-remb', 'transport-cc'];

/** What a load client says of itself in its offer. */
export interface OfferFacts {
  readonly direction: 'sendonly' | 'recvonly';
  readonly ufrag: string;
  readonly password: string;
  readonly fingerprint: Fingerprint;
  readonly video: boolean;
  readonly audio: boolean;
  /** Offers transport-wide feedback. */
  readonly transportCc: boolean;
}

/** Where the server is, as its answer says. */
export interface AnswerFacts {
  readonly ufrag: string;
  readonly password: string;
  readonly fingerprints: readonly Fingerprint[];
  readonly address: string;
  readonly port: number;
}

/** SSRCs of a publisher's offer. */
export interface Ssrcs {
  readonly video: number;
  readonly audio: number;
}

/** An offer as a browser writes it, reduced to what matters for the load: `a=setup:active`, VP8 and Opus. */
export function writeLoadOffer(facts: OfferFacts, ssrcs: Ssrcs): string {
  const sections: string[][] = [];
  const common = (mid: number): string[] => [
    'c=IN IP4 0.0.0.0',
    `a=mid:${mid}`,
    `a=${facts.direction}`,
    'a=rtcp-mux',
    `a=ice-ufrag:${facts.ufrag}`,
    `a=ice-pwd:${facts.password}`,
    `a=fingerprint:${facts.fingerprint.algorithm} ${facts.fingerprint.value}`,
    'a=setup:active',
    `a=extmap:${EXTENSION_IDS.mid} urn:ietf:params:rtp-hdrext:sdes:mid`,
    `a=extmap:${EXTENSION_IDS.absSendTime} http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time`,
    ...(facts.transportCc
      ? [
          `a=extmap:${EXTENSION_IDS.transportCc} http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01`,
        ]
      : []),
  ];
  const sent = (ssrc: number): string[] =>
    facts.direction === 'sendonly' ? [`a=msid:load load`, `a=ssrc:${ssrc} cname:load`] : [];
  if (facts.audio)
    sections.push([
      `m=audio 9 UDP/TLS/RTP/SAVPF ${PAYLOAD_TYPES.opus}`,
      ...common(sections.length),
      `a=extmap:${EXTENSION_IDS.audioLevel} urn:ietf:params:rtp-hdrext:ssrc-audio-level`,
      `a=rtpmap:${PAYLOAD_TYPES.opus} opus/48000/2`,
      `a=rtcp-fb:${PAYLOAD_TYPES.opus} transport-cc`,
      `a=fmtp:${PAYLOAD_TYPES.opus} minptime=10;useinbandfec=1`,
      ...sent(ssrcs.audio),
    ]);
  if (facts.video) {
    // A publisher sends VP8; a viewer also takes what an RTMP publisher sends.
    const payloads = facts.direction === 'sendonly' ? [VP8] : [VP8, H264];
    sections.push([
      `m=video 9 UDP/TLS/RTP/SAVPF ${payloads.flatMap(({ payload, rtx }) => [payload, rtx]).join(' ')}`,
      ...common(sections.length),
      ...payloads.flatMap(({ payload, rtx, name, parameters }) => [
        `a=rtpmap:${payload} ${name}/90000`,
        ...VIDEO_FEEDBACK.map((feedback) => `a=rtcp-fb:${payload} ${feedback}`),
        ...(parameters === undefined ? [] : [`a=fmtp:${payload} ${parameters}`]),
        `a=rtpmap:${rtx} rtx/90000`,
        `a=fmtp:${rtx} apt=${payload}`,
      ]),
      ...sent(ssrcs.video),
    ]);
  }
  return [
    'v=0',
    `o=- ${randomInt(1, 2 ** 40)} 1 IN IP4 127.0.0.1`,
    's=-',
    't=0 0',
    `a=group:BUNDLE ${sections.map((_, mid) => mid).join(' ')}`,
    ...sections.flat(),
    '',
  ].join('\r\n');
}

/** @throws when the answer names no loopback candidate. */
export function readLoadAnswer(sdp: string): AnswerFacts {
  const value = (name: string): string => new RegExp(`^a=${name}:(\\S+)`, 'm').exec(sdp)?.[1] ?? '';
  const fingerprint = /^a=fingerprint:(\S+) (\S+)/m.exec(sdp);
  const candidate = /^a=candidate:\S+ 1 udp \d+ (127\.0\.0\.1) (\d+) typ host/im.exec(sdp);
  if (candidate === null || fingerprint === null) throw new Error(`no loopback candidate in:\n${sdp}`);
  return {
    ufrag: value('ice-ufrag'),
    password: value('ice-pwd'),
    fingerprints: [{ algorithm: fingerprint[1] ?? '', value: fingerprint[2] ?? '' }],
    address: candidate[1] ?? '',
    port: Number(candidate[2]),
  };
}
