import type { ProtocolError } from '@switchyard/shared/protocol';
import type { ExtensionName, NegotiatedMedia, NegotiatedSession } from '../peer-contract.ts';
import { type ChosenCodec, chooseCodecs, type MediaUse, needsDescriptor } from './codec-choice.ts';
import { type ChosenExtension, chooseExtensions, extensionMeanings } from './extension-choice.ts';
import { orderRids, ridsOf } from './rid-order.ts';
import type { Offer, OfferedMedia } from './sdp-offer.ts';

export interface NegotiationPlan {
  /** The last negotiation of this client, if any: roles and the slots' SSRCs stay. */
  readonly previous: NegotiatedSession | undefined;
  /** What the session wants of an audio or video m-line, whatever its direction; undefined: nothing now. */
  use(media: OfferedMedia): MediaUse | undefined;
  /** The `msid` (RFC 8830) of a slot: stream and track id, of letters, digits and `-`. Tracks of one stream are kept in sync. */
  msid(media: OfferedMedia): { readonly stream: string; readonly track: string };
  /** RTCP CNAME of the server towards this client. */
  readonly cname: string;
  /** A random SSRC, 32 bits, not 0. */
  newSsrc(): number;
  /** Refuse the whole offer when an m-line has no codec in common (RFC 9725 §4.4.3), instead of that m-line. */
  readonly allOrNothing: boolean;
  /** The client may offer more m-lines later, on which it sends (SDK). */
  readonly publishesLater: boolean;
}

/** What is answered to one m-line. */
export type MediaAnswer =
  | { readonly kind: 'rejected'; readonly offered: OfferedMedia }
  | { readonly kind: 'data'; readonly offered: OfferedMedia }
  | {
      readonly kind: 'media';
      readonly offered: OfferedMedia;
      readonly media: NegotiatedMedia;
      readonly use: MediaUse;
      readonly codecs: readonly ChosenCodec[];
      readonly extensions: readonly ChosenExtension[];
      readonly msid: { readonly stream: string; readonly track: string } | undefined;
    };

export type NegotiationResult =
  | { readonly ok: true; readonly session: NegotiatedSession; readonly answers: readonly MediaAnswer[] }
  | { readonly ok: false; readonly error: ProtocolError };

/**
 * Offer → what the transport does ({@link NegotiatedSession}) and what is answered to each m-line. Pure. The server is
 * ICE-lite, always the answerer, and sends or receives on an m-line, never both: `sendrecv` becomes what the plan wants.
 */
export function negotiate(offer: Offer, plan: NegotiationPlan): NegotiationResult {
  const meanings = extensionMeanings(offer);
  const answers: MediaAnswer[] = [];
  let dataChannel = false;
  for (const offered of offer.media) {
    if (offered.rejected || offered.type === 'other') {
      answers.push({ kind: 'rejected', offered });
    } else if (offered.type === 'application') {
      const accepted: boolean = !dataChannel && offered.sctpPort !== undefined;
      dataChannel ||= accepted;
      answers.push({ kind: accepted ? 'data' : 'rejected', offered });
    } else {
      const answer = answerMedia(offered, plan, meanings, offer.allowMixedExtensions);
      if (answer.kind === 'rejected' && plan.allOrNothing) return noCodec(offered);
      answers.push(answer);
    }
  }
  const media = answers.flatMap((answer) => (answer.kind === 'media' ? [answer.media] : []));
  const rejected = offer.media.find(
    ({ type, rejected }) => !rejected && (type === 'audio' || type === 'video'),
  );
  if (media.length === 0 && rejected !== undefined) return noCodec(rejected);
  const session: NegotiatedSession = {
    remoteUfrag: offer.ufrag,
    remotePassword: offer.password,
    remoteFingerprints: offer.fingerprints,
    // The role of the DTLS association that exists stays, whatever a later offer says (RFC 8842 §5.5).
    dtlsRole: plan.previous?.dtlsRole ?? (offer.setup === 'passive' ? 'client' : 'server'),
    media,
    dataChannel,
  };
  return { ok: true, session, answers };
}

function noCodec(media: OfferedMedia): NegotiationResult {
  const offered = media.codecs.map(({ name }) => name).join(', ');
  const known =
    media.type === 'audio' ? 'opus' : 'VP8, VP9 profile 0, H264 packetization-mode 1, AV1 profile 0';
  return {
    ok: false,
    error: {
      code: 'unsupported-codec',
      detail: `m-line ${media.mid} offers ${offered === '' ? 'nothing' : offered}; known are ${known}`,
    },
  };
}

function answerMedia(
  offered: OfferedMedia,
  plan: NegotiationPlan,
  meanings: ReadonlyMap<number, string>,
  mixed: boolean,
): MediaAnswer {
  const previous = plan.previous?.media.find(({ mid }) => mid === offered.mid);
  const wanted = plan.use(offered);
  const use =
    wanted ?? (previous?.send === undefined && offered.direction !== 'recvonly' ? 'receive' : 'send');
  const known = chooseCodecs(offered, use);
  if (known.length === 0) return { kind: 'rejected', offered };
  const direction = wanted === undefined ? 'inactive' : directionOf(offered, use);
  const extensions = chooseExtensions(
    offered,
    use,
    meanings,
    use === 'receive' && needsDescriptor(known),
    plan.publishesLater,
    mixed || offered.allowMixedExtensions,
  );
  // A publisher that describes its layers must not fall back to VP8 ({@link needsDescriptor}).
  const described = use === 'receive' && extensions.some(({ name }) => name === 'dependency-descriptor');
  const codecs = described ? known.filter(({ codec }) => codec !== 'vp8') : known;
  const offeredRids = use === 'receive' && offered.simulcast !== undefined ? ridsOf(offered.simulcast) : [];
  // A slot keeps its SSRCs across `inactive`: the viewer's decoder and jitter buffer go on where they were.
  const send =
    previous?.send ??
    (direction === 'send' ? { ssrc: plan.newSsrc(), rtxSsrc: plan.newSsrc(), cname: plan.cname } : undefined);
  const media: NegotiatedMedia = {
    mid: offered.mid,
    kind: offered.type === 'audio' ? 'audio' : 'video',
    direction,
    codecs: codecs.map(({ offered: _offered, ...codec }) => codec),
    extensions: extensionIds(extensions),
    rids: orderRids(offeredRids, offered.ridParameters),
    offeredRids,
    ssrcs: use === 'receive' ? offered.ssrcs : [],
    ...(use === 'send' && send !== undefined ? { send } : {}),
  };
  const msid = media.send === undefined ? undefined : plan.msid(offered);
  return { kind: 'media', offered, media, use, codecs, extensions, msid };
}

function directionOf(offered: OfferedMedia, use: MediaUse): NegotiatedMedia['direction'] {
  switch (offered.direction) {
    case 'sendrecv':
      return use;
    case 'sendonly':
      return use === 'receive' ? 'receive' : 'inactive';
    case 'recvonly':
      return use === 'send' ? 'send' : 'inactive';
    case 'inactive':
      return 'inactive';
  }
}

function extensionIds(
  extensions: readonly ChosenExtension[],
): Readonly<Partial<Record<ExtensionName, number>>> {
  const ids: Partial<Record<ExtensionName, number>> = {};
  for (const { name, id } of extensions) ids[name] = id;
  return ids;
}
