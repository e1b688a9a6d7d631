import { type MediaDescription, type SessionDescription, write } from 'sdp-transform';
import type { Fingerprint, IceCredentials, NegotiatedSession, ServerCandidate } from '../peer-contract.ts';
import type { ChosenCodec, MediaUse } from './codec-choice.ts';
import { ridsOf } from './rid-order.ts';
import type { MediaAnswer } from './sdp-negotiation.ts';
import type { Offer } from './sdp-offer.ts';

export interface AnswerFacts {
  readonly session: NegotiatedSession;
  readonly answers: readonly MediaAnswer[];
  readonly credentials: IceCredentials;
  readonly fingerprint: Fingerprint;
  readonly candidates: readonly ServerCandidate[];
  /** Session id of the `o=` line: decimal digits, one for all answers of a client. */
  readonly originId: string;
  /** Grows by one with every answer. */
  readonly version: number;
}

type TransportAttributes = Pick<
  MediaDescription,
  'iceUfrag' | 'icePwd' | 'fingerprint' | 'setup' | 'candidates' | 'endOfCandidates'
>;

/** Largest message of the data channel, bytes. */
const DATA_MESSAGE_MAX_BYTES = 65_536;
const NOWHERE = { version: 4, ip: '0.0.0.0' };

/** Writes the answer (JSEP RFC 9429 §5.3, ICE-lite RFC 8839 §4.2, BUNDLE RFC 9143) of a negotiation. Pure. */
export function writeAnswer(offer: Offer, facts: AnswerFacts): string {
  const accepted = facts.answers.filter(({ kind }) => kind !== 'rejected');
  const transport: TransportAttributes = {
    iceUfrag: facts.credentials.ufrag,
    icePwd: facts.credentials.password,
    fingerprint: { type: facts.fingerprint.algorithm, hash: facts.fingerprint.value },
    setup: facts.session.dtlsRole === 'client' ? 'active' : 'passive',
  };
  const withCandidates: TransportAttributes = {
    ...transport,
    candidates: candidateLines(facts.candidates),
    endOfCandidates: 'end-of-candidates',
  };
  const description: SessionDescription = {
    version: 0,
    origin: {
      username: '-',
      sessionId: facts.originId,
      sessionVersion: facts.version,
      netType: 'IN',
      ipVer: 4,
      address: '127.0.0.1',
    },
    name: '-',
    timing: { start: 0, stop: 0 },
    icelite: 'ice-lite',
    ...(offer.bundle === undefined
      ? {}
      : { groups: [{ type: 'BUNDLE', mids: accepted.map(({ offered }) => offered.mid).join(' ') }] }),
    ...(offer.allowMixedExtensions ? { extmapAllowMixed: 'extmap-allow-mixed' } : {}),
    msidSemantic: { semantic: 'WMS', token: '*' },
    media: facts.answers.map((answer) =>
      // One transport for the whole bundle: its candidates are told once.
      mediaSection(answer, answer === accepted[0] ? withCandidates : transport),
    ),
  };
  return write(description);
}

/** Candidates as sdp-transform writes them: host, component 1 (RTCP is multiplexed). */
export function candidateLines(
  candidates: readonly ServerCandidate[],
): NonNullable<MediaDescription['candidates']> {
  return candidates.map(({ address, port, priority, transport }, index) => ({
    foundation: String(index + 1),
    component: 1,
    transport,
    priority,
    ip: address,
    port,
    type: 'host',
    ...(transport === 'tcp' ? { tcptype: 'passive' } : {}),
  }));
}

function mediaSection(answer: MediaAnswer, transport: TransportAttributes): MediaDescription {
  const { offered } = answer;
  const mid = offered.midGiven ? { mid: offered.mid } : {};
  switch (answer.kind) {
    case 'rejected':
      return {
        type: offered.typeWord,
        port: 0,
        protocol: offered.protocol,
        payloads: offered.payloads,
        connection: NOWHERE,
        ...mid,
        ...(offered.type === 'application' ? {} : { direction: 'inactive' }),
        rtp: [],
        fmtp: [],
      };
    case 'data':
      return {
        type: 'application',
        port: 9,
        protocol: offered.protocol,
        payloads: 'webrtc-datachannel',
        connection: NOWHERE,
        ...mid,
        ...transport,
        sctpPort: 5000,
        maxMessageSize: DATA_MESSAGE_MAX_BYTES,
        rtp: [],
        fmtp: [],
      };
    case 'media':
      return { ...rtpSection(answer), ...mid, ...transport };
  }
}

function rtpSection(answer: Extract<MediaAnswer, { kind: 'media' }>): MediaDescription {
  const { offered, media, codecs, use } = answer;
  const direction = { receive: 'recvonly', send: 'sendonly', inactive: 'inactive' } as const;
  // A publisher that prefers redundant audio offers it first, and is answered so.
  const order = offered.payloads.split(/\s+/).map(Number);
  const redFirst = ({ redPayloadType, payloadType }: ChosenCodec): boolean =>
    redPayloadType !== undefined && order.indexOf(redPayloadType) < order.indexOf(payloadType);
  const payloadTypes = codecs.flatMap((codec) => {
    const { payloadType, rtxPayloadType, redPayloadType } = codec;
    const main = redFirst(codec) ? [redPayloadType, payloadType] : [payloadType, redPayloadType];
    return [...main, rtxPayloadType].filter((each) => each !== undefined);
  });
  return {
    type: offered.typeWord,
    port: 9,
    protocol: offered.protocol,
    payloads: payloadTypes.join(' '),
    connection: NOWHERE,
    rtp: codecs.flatMap(rtpMaps),
    fmtp: codecs.flatMap((codec) => formatLines(codec, use)),
    rtcpFb: codecs.flatMap((codec) => feedbackLines(codec, use, 'transport-cc' in media.extensions)),
    ext: answer.extensions.map(({ id, uri, direction }) => ({
      value: id,
      uri,
      ...(direction === undefined ? {} : { direction }),
    })),
    direction: direction[media.direction],
    rtcpMux: 'rtcp-mux',
    ...(offered.allowMixedExtensions ? { extmapAllowMixed: 'extmap-allow-mixed' } : {}),
    ...(offered.reducedSizeRtcp ? { rtcpRsize: 'rtcp-rsize' } : {}),
    ...simulcastLines(answer),
    ...slotLines(answer),
  };
}

/** `a=rtpmap` of a codec and its RTX. H264 keeps its capitals: Chrome's encoder never starts for `h264`. */
function rtpMaps(chosen: ChosenCodec): MediaDescription['rtp'] {
  const { codec, payloadType, rtxPayloadType, redPayloadType, offered } = chosen;
  const name = codec === 'opus' ? 'opus' : codec.toUpperCase();
  const rate = offered.clockRate;
  const main = { payload: payloadType, codec: name, rate, ...(codec === 'opus' ? { encoding: 2 } : {}) };
  const red = { payload: redPayloadType ?? 0, codec: 'red', rate, encoding: 2 };
  return [
    main,
    ...(rtxPayloadType === undefined ? [] : [{ payload: rtxPayloadType, codec: 'rtx', rate }]),
    ...(redPayloadType === undefined ? [] : [red]),
  ];
}

function formatLines(codec: ChosenCodec, use: MediaUse): MediaDescription['fmtp'] {
  const { payloadType, rtxPayloadType, redPayloadType, offered } = codec;
  const config = codec.codec === 'opus' && use === 'receive' ? opusConfig(codec) : offered.config;
  return [
    ...(config === '' ? [] : [{ payload: payloadType, config }]),
    ...(rtxPayloadType === undefined ? [] : [{ payload: rtxPayloadType, config: `apt=${payloadType}` }]),
    ...(redPayloadType === undefined
      ? []
      : [{ payload: redPayloadType, config: `${payloadType}/${payloadType}` }]),
  ];
}

/** What a publisher's Opus shall be (RFC 7587 §6.1): with in-band FEC, stereo when it offers stereo. */
function opusConfig({ offered }: ChosenCodec): string {
  const stereo = offered.parameters.get('stereo') === '1' || offered.parameters.get('sprop-stereo') === '1';
  return `minptime=10;useinbandfec=1${stereo ? ';stereo=1' : ''}`;
}

/** RTCP feedback that the server understands; answered where offered. */
const FEEDBACK: Readonly<Record<MediaUse, Readonly<Record<'audio' | 'video', ReadonlySet<string>>>>> = {
  receive: {
    audio: new Set(['transport-cc']),
    video: new Set(['nack', 'nack pli', 'ccm fir', 'transport-cc', 'goog-remb']),
  },
  send: {
    audio: new Set(['transport-cc']),
    video: new Set(['nack', 'nack pli', 'ccm fir', 'transport-cc', 'goog-remb']),
  },
};

/** @param acknowledges Transport-wide numbers are negotiated: what they are for is of no use without them. */
function feedbackLines(
  codec: ChosenCodec,
  use: MediaUse,
  acknowledges: boolean,
): NonNullable<MediaDescription['rtcpFb']> {
  const known = FEEDBACK[use][codec.codec === 'opus' ? 'audio' : 'video'];
  return codec.offered.feedback
    .filter((feedback) => known.has(feedback) && (acknowledges || feedback !== 'transport-cc'))
    .map((feedback) => {
      const [type = '', subtype] = feedback.split(' ');
      return { payload: codec.payloadType, type, ...(subtype === undefined ? {} : { subtype }) };
    });
}

/**
 * Echoed in every answer, an inactive one too, or Chrome switches the upper layers off for good. The list is echoed as
 * offered: with its `~` (RFC 8853 §5.2) the encodings that the application paused stay paused.
 */
function simulcastLines({
  offered,
  use,
}: Extract<MediaAnswer, { kind: 'media' }>): Partial<MediaDescription> {
  if (use !== 'receive' || offered.simulcast === undefined) return {};
  return {
    rids: ridsOf(offered.simulcast).map((id) => ({ id, direction: 'recv' })),
    simulcast: { dir1: 'recv', list1: offered.simulcast },
  };
}

function slotLines({ media, msid }: Extract<MediaAnswer, { kind: 'media' }>): Partial<MediaDescription> {
  if (media.send === undefined || media.direction !== 'send' || msid === undefined) return {};
  const { ssrc, rtxSsrc, cname } = media.send;
  const repaired = media.codecs.some(({ rtxPayloadType }) => rtxPayloadType !== undefined);
  const cnameLine = (id: number): { id: number; attribute: string; value: string } => ({
    id,
    attribute: 'cname',
    value: cname,
  });
  return {
    msid: [{ id: msid.stream, appdata: msid.track }],
    ssrcs: repaired ? [cnameLine(ssrc), cnameLine(rtxSsrc)] : [cnameLine(ssrc)],
    ...(repaired ? { ssrcGroups: [{ semantics: 'FID', ssrcs: `${ssrc} ${rtxSsrc}` }] } : {}),
  };
}
