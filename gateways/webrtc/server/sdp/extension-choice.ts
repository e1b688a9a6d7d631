import type { ExtensionName } from '../peer-contract.ts';
import type { MediaUse } from './codec-choice.ts';
import type { Offer, OfferedMedia } from './sdp-offer.ts';

const URI_NAMES: ReadonlyMap<string, ExtensionName> = new Map([
  ['urn:ietf:params:rtp-hdrext:sdes:mid', 'mid'],
  ['urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id', 'rid'],
  ['urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id', 'repaired-rid'],
  ['urn:ietf:params:rtp-hdrext:ssrc-audio-level', 'audio-level'],
  ['http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01', 'transport-cc'],
  ['http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time', 'abs-send-time'],
  [
    'https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension',
    'dependency-descriptor',
  ],
  ['http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00', 'video-layers-allocation'],
  ['http://www.webrtc.org/experiments/rtp-hdrext/playout-delay', 'playout-delay'],
]);

/**
 * What an m-line may negotiate. Not `video-orientation`: rooms do not carry it, and a publisher that is not answered
 * it turns the picture itself. A viewer acknowledges every packet by its `transport-cc` number; one
 * that cannot reports what it can receive by REMB, which needs `abs-send-time`.
 */
const WANTED: Readonly<Record<MediaUse, Readonly<Record<'audio' | 'video', readonly ExtensionName[]>>>> = {
  receive: {
    audio: ['mid', 'audio-level', 'transport-cc'],
    video: ['mid', 'rid', 'repaired-rid', 'transport-cc', 'video-layers-allocation'],
  },
  send: {
    audio: ['mid', 'audio-level', 'transport-cc', 'abs-send-time'],
    video: ['mid', 'transport-cc', 'abs-send-time', 'playout-delay', 'dependency-descriptor'],
  },
};

/** The direction of an `a=extmap:<id>/<direction>` that helps an m-line, in the offer and in the answer. */
const OFFERED_FOR = { receive: 'sendonly', send: 'recvonly' } as const;
const ANSWERED_FOR = { receive: 'recvonly', send: 'sendonly' } as const;

/**
 * What a slot of a client that may publish later negotiates too, though nothing is sent with it: Chrome leaves out of
 * its next offers, of their new m-lines too, what any m-line of the kind was offered and not answered. Without RID its
 * own simulcast offer is then refused by itself, and without `transport-cc` it never raises its bitrate.
 */
const WANTED_LATER: Readonly<Record<'audio' | 'video', readonly ExtensionName[]>> = {
  audio: ['transport-cc'],
  video: ['transport-cc', 'rid', 'repaired-rid', 'video-layers-allocation'],
};

export interface ChosenExtension {
  readonly name: ExtensionName;
  readonly id: number;
  readonly uri: string;
  /** As the server sees it, where the offer limits it. */
  readonly direction: 'sendonly' | 'recvonly' | undefined;
}

/**
 * Header extensions (RFC 8285) that both sides know, each id once.
 *
 * @param meanings What each id stands for ({@link extensionMeanings}).
 * @param dependencyDescriptor A publisher's m-line whose first codec needs it.
 * @param publishesLater The client may add m-lines on which it sends.
 * @param mixed Two-byte headers are agreed (`a=extmap-allow-mixed`): the dependency descriptor's structure needs them.
 */
export function chooseExtensions(
  media: OfferedMedia,
  use: MediaUse,
  meanings: ReadonlyMap<number, string>,
  dependencyDescriptor: boolean,
  publishesLater: boolean,
  mixed: boolean,
): readonly ChosenExtension[] {
  if (media.type !== 'audio' && media.type !== 'video') return [];
  const wanted = new Set(WANTED[use][media.type]);
  if (dependencyDescriptor) wanted.add('dependency-descriptor');
  if (!mixed) wanted.delete('dependency-descriptor');
  if (use === 'send' && publishesLater) for (const name of WANTED_LATER[media.type]) wanted.add(name);
  const chosen: ChosenExtension[] = [];
  const ids = new Set<number>();
  for (const { id, uri, direction } of media.extensions) {
    const name = URI_NAMES.get(uri);
    if (direction !== undefined && direction !== 'sendrecv' && direction !== OFFERED_FOR[use]) continue;
    // What fits both kinds of header: one-byte ones carry ids 1–14.
    if (name === undefined || id < 1 || id > 14 || ids.has(id) || meanings.get(id) !== uri) continue;
    if (!wanted.delete(name)) continue;
    ids.add(id);
    chosen.push({ name, id, uri, direction: direction === undefined ? undefined : ANSWERED_FOR[use] });
  }
  // Towards a viewer one of the two is enough.
  if (use === 'send' && chosen.some(({ name }) => name === 'transport-cc'))
    return chosen.filter(({ name }) => name !== 'abs-send-time');
  return chosen;
}

/**
 * URI by id, one for the whole BUNDLE. An id with two is illegal (RFC 8843 §15.1), yet aiortc offers it (audio level and
 * send time) and reads every packet by one map: the first meaning holds, and the send time, whose lack only costs REMB,
 * gives way to any other.
 */
export function extensionMeanings(offer: Offer): ReadonlyMap<number, string> {
  const meanings = new Map<number, string>();
  for (const media of offer.media) {
    if (media.rejected) continue;
    for (const { id, uri } of media.extensions) {
      const known = meanings.get(id);
      if (known === undefined || URI_NAMES.get(known) === 'abs-send-time') meanings.set(id, uri);
    }
  }
  return meanings;
}
