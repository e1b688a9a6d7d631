import type { ProtocolError } from '@switchyard/shared/protocol';
import { type MediaDescription, parse, type SessionDescription } from 'sdp-transform';
import type { Fingerprint } from '../peer-contract.ts';
import { type OfferedCodec, readCodecs } from './offered-codec.ts';
import { readableLines, SDP_MAX_LENGTH, sdpFingerprints } from './sdp-lines.ts';

/** Most m-lines of an offer: 64 tracks each way and the data channel, and as many recycled ones. */
const MEDIA_MAX = 260;
const MID_PATTERN = /^[\x21-\x7e]{1,32}$/;
/** RFC 8839 §5.4: at least 4 and 22 characters. */
const UFRAG_PATTERN = /^[A-Za-z0-9+/=_-]{4,256}$/;
const PASSWORD_PATTERN = /^[A-Za-z0-9+/=_-]{22,256}$/;
const SSRCS_MAX = 32;

export interface OfferedExtension {
  readonly id: number;
  readonly uri: string;
  /** As the offerer sees it (RFC 8285 §5); undefined: both ways. */
  readonly direction: string | undefined;
}

/** An m-line of an offer, with the parser's surprises taken out: every identifier is a string. */
export interface OfferedMedia {
  readonly mid: string;
  /** The offer names its mid; without, no `a=mid` may be answered. */
  readonly midGiven: boolean;
  readonly type: 'audio' | 'video' | 'application' | 'other';
  /** The media type and protocol words, for the answer. */
  readonly typeWord: string;
  readonly protocol: string;
  /** As written, for the answer to a rejected m-line. */
  readonly payloads: string;
  /** Port 0 without `a=bundle-only`, or outside the BUNDLE group: answered with port 0. */
  readonly rejected: boolean;
  readonly direction: 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';
  /** In the order of the m-line: the offerer's preference. */
  readonly codecs: readonly OfferedCodec[];
  /** RTX payload type by the one it repairs (RFC 4588 `apt`). */
  readonly rtx: ReadonlyMap<number, number>;
  readonly red: ReadonlyMap<number, number>;
  readonly extensions: readonly OfferedExtension[];
  readonly allowMixedExtensions: boolean;
  readonly reducedSizeRtcp: boolean;
  /** The list of `a=simulcast:send …` as written, with its `~`; undefined without simulcast. */
  readonly simulcast: string | undefined;
  /** What `a=rid:<id> send …` restricts each rid to (RFC 8851 §5). */
  readonly ridParameters: ReadonlyMap<string, string>;
  readonly ssrcs: readonly { readonly ssrc: number; readonly rtxSsrc?: number }[];
  readonly sctpPort: number | undefined;
}

export interface Offer {
  readonly ufrag: string;
  readonly password: string;
  readonly fingerprints: readonly Fingerprint[];
  readonly setup: 'actpass' | 'active' | 'passive';
  /** Mids of the BUNDLE group; undefined when the offer has none (one m-line). */
  readonly bundle: readonly string[] | undefined;
  readonly allowMixedExtensions: boolean;
  readonly media: readonly OfferedMedia[];
}

export type OfferResult =
  | { readonly ok: true; readonly offer: Offer }
  | { readonly ok: false; readonly error: ProtocolError };

const refuse = (detail: string): OfferResult => ({ ok: false, error: { code: 'invalid-sdp', detail } });

/** Reads an SDP offer (RFC 8866, JSEP RFC 9429 §5.3). Never throws; what is wrong is named in the error's detail. */
export function parseOffer(text: string): OfferResult {
  if (text.length > SDP_MAX_LENGTH) return refuse(`longer than ${SDP_MAX_LENGTH} characters`);
  if (!text.startsWith('v=0')) return refuse('the first line must be v=0');
  const description = parse(readableLines(text));
  const media = description.media;
  if (media.length === 0) return refuse('there is no m-line');
  if (media.length > MEDIA_MAX) return refuse(`more than ${MEDIA_MAX} m-lines`);
  if (description.icelite !== undefined) return refuse('a=ice-lite: the server is ICE-lite itself');

  const bundle = description.groups
    ?.find((group) => group.type === 'BUNDLE')
    ?.mids.toString()
    .trim()
    .split(/\s+/);
  const offered = media.map((section, index) => readMedia(section, index, bundle));
  const used = offered.filter((section) => !section.rejected);
  const first = used[0];
  if (first === undefined) return refuse('every m-line has port 0');
  const wrong = checkMedia(offered, used, media, bundle);
  if (wrong !== undefined) return refuse(wrong);

  const firstSection = media[offered.indexOf(first)];
  const ufrag = String(firstSection?.iceUfrag ?? description.iceUfrag ?? '');
  const password = String(firstSection?.icePwd ?? description.icePwd ?? '');
  if (!UFRAG_PATTERN.test(ufrag)) return refuse('a=ice-ufrag is missing or malformed');
  if (!PASSWORD_PATTERN.test(password)) return refuse('a=ice-pwd is missing or malformed');
  const fingerprints = sdpFingerprints(text).filter(({ algorithm }) => /^sha-(256|384|512)$/.test(algorithm));
  if (fingerprints.length === 0) return refuse('there is no a=fingerprint of sha-256 or better');
  const setup = readSetup(firstSection, description);
  if (setup === undefined) return refuse('a=setup must be actpass, active or passive');
  return {
    ok: true,
    offer: {
      ufrag,
      password,
      fingerprints,
      setup,
      bundle,
      allowMixedExtensions: description.extmapAllowMixed !== undefined,
      media: offered,
    },
  };
}

/** @returns What breaks the m-lines taken together, or undefined. */
function checkMedia(
  offered: readonly OfferedMedia[],
  used: readonly OfferedMedia[],
  media: readonly MediaDescription[],
  bundle: readonly string[] | undefined,
): string | undefined {
  const mids = new Set<string>();
  for (const section of offered) {
    if (!section.midGiven) continue;
    if (!MID_PATTERN.test(section.mid)) return 'a=mid is malformed';
    if (mids.has(section.mid)) return `a=mid:${section.mid} appears twice`;
    mids.add(section.mid);
  }
  if (used.length > 1 && bundle === undefined) return 'a=group:BUNDLE is missing: all media share one port';
  if (used.length > 1 && used.some((section) => !section.midGiven)) return 'an m-line has no a=mid';
  for (const section of used) {
    const isRtp = section.type === 'audio' || section.type === 'video';
    if (isRtp && media[offered.indexOf(section)]?.rtcpMux === undefined)
      return `a=rtcp-mux is missing in m-line ${section.mid}`;
    if (isRtp && !/^(UDP|TCP)\/TLS\/RTP\/SAVPF?$|^RTP\/SAVPF$/.test(section.protocol))
      return `m-line ${section.mid} is ${section.protocol}, not UDP/TLS/RTP/SAVPF`;
  }
  return undefined;
}

function readSetup(
  section: MediaDescription | undefined,
  session: SessionDescription,
): Offer['setup'] | undefined {
  const setup = section?.setup ?? session.setup ?? 'actpass';
  return setup === 'actpass' || setup === 'active' || setup === 'passive' ? setup : undefined;
}

function readMedia(
  section: MediaDescription,
  index: number,
  bundle: readonly string[] | undefined,
): OfferedMedia {
  const midGiven = section.mid !== undefined;
  const mid = midGiven ? String(section.mid) : String(index);
  const payloads = String(section.payloads ?? '').trim();
  const { codecs, rtx, red } = readCodecs(section, payloads);
  const outside = bundle !== undefined && !bundle.includes(mid);
  return {
    mid,
    midGiven,
    type: mediaType(section.type),
    typeWord: section.type ?? 'other',
    protocol: section.protocol ?? '',
    payloads,
    rejected: outside || (section.port === 0 && section.bundleOnly === undefined),
    direction: section.direction ?? 'sendrecv',
    codecs,
    rtx,
    red,
    extensions: (section.ext ?? [])
      .filter((each) => each['encrypt-uri'] === undefined)
      .map((each) => ({ id: Number(each.value), uri: String(each.uri), direction: each.direction })),
    allowMixedExtensions: section.extmapAllowMixed !== undefined,
    reducedSizeRtcp: section.rtcpRsize !== undefined,
    simulcast: simulcastList(section),
    ridParameters: new Map(
      (section.rids ?? [])
        .filter((rid) => rid.direction === 'send')
        .map((rid) => [String(rid.id), rid.params === undefined ? '' : String(rid.params)]),
    ),
    ssrcs: readSsrcs(section),
    sctpPort: section.sctpPort ?? (section.sctpmap === undefined ? undefined : Number(section.payloads)),
  };
}

function mediaType(word: string | undefined): OfferedMedia['type'] {
  return word === 'audio' || word === 'video' || word === 'application' ? word : 'other';
}

function simulcastList(section: MediaDescription): string | undefined {
  const simulcast = section.simulcast;
  if (simulcast === undefined) return undefined;
  if (simulcast.dir1 === 'send') return String(simulcast.list1);
  return simulcast.dir2 === 'send' && simulcast.list2 !== undefined ? String(simulcast.list2) : undefined;
}

/** Primary SSRCs with their RTX (`a=ssrc-group:FID`, RFC 5576 §4.2), in the order of the offer. */
function readSsrcs(section: MediaDescription): { ssrc: number; rtxSsrc?: number }[] {
  const isSsrc = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff;
  const groups = (section.ssrcGroups ?? []).map((group) => ({
    semantics: group.semantics,
    ssrcs: String(group.ssrcs).trim().split(/\s+/).map(Number).filter(isSsrc),
  }));
  const rtxOf = new Map<number, number>();
  const secondary = new Set<number>();
  for (const { semantics, ssrcs } of groups) {
    const [primary, repair] = ssrcs;
    if (primary === undefined || repair === undefined || semantics === 'SIM') continue;
    secondary.add(repair);
    if (semantics === 'FID') rtxOf.set(primary, repair);
  }
  const primaries = new Set<number>(groups.find((group) => group.semantics === 'SIM')?.ssrcs ?? []);
  for (const { id } of section.ssrcs ?? []) if (isSsrc(Number(id))) primaries.add(Number(id));
  return [...primaries]
    .filter((ssrc) => !secondary.has(ssrc))
    .slice(0, SSRCS_MAX)
    .map((ssrc) => {
      const rtxSsrc = rtxOf.get(ssrc);
      return rtxSsrc === undefined ? { ssrc } : { ssrc, rtxSsrc };
    });
}
