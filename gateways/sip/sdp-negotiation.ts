import { isIP } from 'node:net';
import { parse } from 'sdp-transform';

/** Audio codecs of phones. */
export type PhoneCodec = 'PCMU' | 'PCMA' | 'opus';

/** What of the media flows, as the server sees it. */
export type MediaDirection = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** The agreed media of a call. */
export interface NegotiatedAudio {
  readonly codec: PhoneCodec;
  readonly payloadType: number;
  /** RFC 4733; absent when not offered. */
  readonly dtmfPayloadType?: number;
  readonly address: string;
  readonly port: number;
  /** RTCP port of the phone. */
  readonly rtcpPort: number;
  readonly direction: MediaDirection;
  readonly rtcpMux: boolean;
}

export type AudioNegotiation =
  | { readonly ok: true; readonly audio: NegotiatedAudio; readonly answer: string }
  | { readonly ok: false; readonly status: 400 | 488; readonly reason: string };

/** Static payload types (RFC 3551 §6), which need no rtpmap. */
const STATIC: ReadonlyMap<number, PhoneCodec> = new Map([
  [0, 'PCMU'],
  [8, 'PCMA'],
]);
const RTPMAPS: Readonly<Record<PhoneCodec, string>> = {
  PCMU: 'PCMU/8000',
  PCMA: 'PCMA/8000',
  opus: 'opus/48000/2',
};
const OFFERED_TYPES: Readonly<Record<PhoneCodec, number>> = { opus: 96, PCMU: 0, PCMA: 8 };
const OFFERED_DTMF = 101;
const MIRRORED: Readonly<Record<MediaDirection, MediaDirection>> = {
  sendrecv: 'sendrecv',
  sendonly: 'recvonly',
  recvonly: 'sendonly',
  inactive: 'inactive',
};
/** An address that means hold in old phones (RFC 2543 §B.5). */
const NOWHERE = '0.0.0.0';

export interface LocalMedia {
  readonly address: string;
  readonly port: number;
  readonly sessionId: number;
  /** Grows with each description that is sent. */
  readonly version: number;
}

const codecOf = (name: string): PhoneCodec | undefined => {
  const upper = name.toUpperCase();
  if (upper === 'PCMU' || upper === 'PCMA') return upper;
  return upper === 'OPUS' ? 'opus' : undefined;
};

/** Answers an offer (RFC 3264): the first codec of the phone's list that is known here. Pure. */
export function answerOffer(offer: string, local: LocalMedia): AudioNegotiation {
  const read = readDescription(offer);
  if ('status' in read) return { ok: false, ...read };
  const { audio, media, mid } = read;
  const types = [audio.payloadType, ...(audio.dtmfPayloadType === undefined ? [] : [audio.dtmfPayloadType])];
  const lines = [
    ...header(local),
    ...media.map((each) =>
      each === mid
        ? `m=audio ${local.port} ${each.protocol} ${types.join(' ')}`
        : `m=${each.type} 0 ${each.protocol} ${each.payloads ?? '0'}`,
    ),
  ];
  // Attributes belong behind their own m-line.
  const at = lines.findIndex((line) => line.startsWith(`m=audio ${local.port} `));
  lines.splice(at + 1, 0, ...attributes(audio));
  return { ok: true, audio, answer: `${lines.join('\r\n')}\r\n` };
}

/** Our offer, when the phone made none. */
export function makeOffer(local: LocalMedia): string {
  const codecs: readonly PhoneCodec[] = ['opus', 'PCMU', 'PCMA'];
  const types = [...codecs.map((codec) => OFFERED_TYPES[codec]), OFFERED_DTMF];
  return [
    ...header(local),
    `m=audio ${local.port} RTP/AVP ${types.join(' ')}`,
    ...codecs.map((codec) => `a=rtpmap:${OFFERED_TYPES[codec]} ${RTPMAPS[codec]}`),
    `a=rtpmap:${OFFERED_DTMF} telephone-event/8000`,
    `a=fmtp:${OFFERED_DTMF} 0-16`,
    'a=ptime:20',
    'a=sendrecv',
    '',
  ].join('\r\n');
}

/** The phone's answer to our offer. */
export function readAnswer(answer: string): NegotiatedAudio | undefined {
  const read = readDescription(answer);
  return 'status' in read ? undefined : read.audio;
}

function header({ address, sessionId, version }: LocalMedia): string[] {
  const family = address.includes(':') ? 'IP6' : 'IP4';
  return [
    'v=0',
    `o=switchyard ${sessionId} ${version} IN ${family} ${address}`,
    's=-',
    `c=IN ${family} ${address}`,
    't=0 0',
  ];
}

function attributes(audio: NegotiatedAudio): string[] {
  const clock = audio.codec === 'opus' ? 48_000 : 8000;
  const lines = [`a=rtpmap:${audio.payloadType} ${RTPMAPS[audio.codec]}`];
  if (audio.codec === 'opus') lines.push(`a=fmtp:${audio.payloadType} useinbandfec=1`);
  if (audio.dtmfPayloadType !== undefined)
    lines.push(
      `a=rtpmap:${audio.dtmfPayloadType} telephone-event/${clock}`,
      `a=fmtp:${audio.dtmfPayloadType} 0-16`,
    );
  lines.push('a=ptime:20', `a=${audio.direction}`);
  if (audio.rtcpMux) lines.push('a=rtcp-mux');
  return lines;
}

type Media = ReturnType<typeof parse>['media'][number];

/** The audio of a description, from our point of view. */
function readDescription(
  sdp: string,
):
  | { readonly audio: NegotiatedAudio; readonly media: readonly Media[]; readonly mid: Media }
  | { readonly status: 400 | 488; readonly reason: string } {
  const description = parseSafely(sdp);
  if (description === undefined || !/^v=0/m.test(sdp)) return { status: 400, reason: 'Malformed SDP' };
  const mid = description.media.find(({ type, port }) => type === 'audio' && port > 0);
  if (mid === undefined) return { status: 488, reason: 'No audio offered' };
  // The parser makes numbers of all words that look like one, and leaves out what is not there.
  const protocol = String(mid.protocol);
  if (!/^(RTP\/AVP|RTP\/AVPF)$/.test(protocol))
    return { status: 488, reason: `${protocol.slice(0, 32)} is not supported, RTP/AVP is` };
  const connection = mid.connection ?? description.connection;
  if (connection === undefined) return { status: 400, reason: 'SDP without c= line' };
  const address = String(connection.ip);
  // A name would be looked up for every packet.
  if (isIP(address) === 0) return { status: 400, reason: 'The c= line is not an IP address' };
  const types = String(mid.payloads ?? '')
    .split(' ')
    .map(Number);
  const nameOf = (type: number): string =>
    String(mid.rtp.find(({ payload }) => payload === type)?.codec ?? STATIC.get(type) ?? '');
  const payloadType = types.find((type) => codecOf(nameOf(type)) !== undefined);
  const codec = payloadType === undefined ? undefined : codecOf(nameOf(payloadType));
  if (payloadType === undefined || codec === undefined)
    return { status: 488, reason: 'No codec in common: PCMU, PCMA or Opus' };
  const clock = codec === 'opus' ? 48_000 : 8000;
  const dtmf = mid.rtp.find(
    (each) => String(each.codec).toLowerCase() === 'telephone-event' && each.rate === clock,
  );
  const offered = directionOf(mid.direction ?? description.direction);
  const audio: NegotiatedAudio = {
    codec,
    payloadType,
    ...(dtmf === undefined ? {} : { dtmfPayloadType: dtmf.payload }),
    address,
    port: mid.port,
    rtcpPort: mid.rtcpMux === undefined ? (mid.rtcp?.port ?? mid.port + 1) : mid.port,
    direction: address === NOWHERE ? 'inactive' : MIRRORED[offered],
    rtcpMux: mid.rtcpMux !== undefined,
  };
  return { audio, media: description.media, mid };
}

function directionOf(word: string | undefined): MediaDirection {
  return word === 'sendonly' || word === 'recvonly' || word === 'inactive' ? word : 'sendrecv';
}

function parseSafely(sdp: string): ReturnType<typeof parse> | undefined {
  try {
    return parse(sdp);
  } catch {
    return undefined;
  }
}
