import type { MediaKind } from '@switchyard/shared/media';
import { isName, type ProtocolError, type SessionRequest } from '@switchyard/shared/protocol';
import type { Offer } from '../sdp/sdp-offer.ts';
import type { SlotUse } from './local-slots.ts';
import type { TrackDeclaration } from './remote-tracks.ts';

/** What the SDK says of its offer's m-lines, by mid, or what is wrong with it. */
export type OfferPlan =
  | {
      readonly senders: ReadonlyMap<string, TrackDeclaration>;
      readonly receivers: ReadonlyMap<string, SlotUse>;
    }
  | ProtocolError;

const invalid = (detail: string): ProtocolError => ({ code: 'invalid-request', detail });

/**
 * Checks what an offer says of its m-lines against the m-lines.
 *
 * @param maxReceivers Most m-lines on which the client receives.
 */
export function planOffer(
  request: Extract<SessionRequest, { type: 'offer' }>,
  offer: Offer,
  maxReceivers: number,
): OfferPlan {
  if (request.receivers.length > maxReceivers)
    return { code: 'limit-exceeded', detail: `${maxReceivers} receivers` };
  const kinds = new Map<string, MediaKind>();
  for (const { mid, type } of offer.media) if (type === 'audio' || type === 'video') kinds.set(mid, type);
  const senders = new Map<string, TrackDeclaration>();
  const receivers = new Map<string, SlotUse>();
  const names = new Set<string>();
  for (const { mid, ...declaration } of request.senders) {
    if (!kinds.has(mid))
      return invalid(`sender ${declaration.name}: the offer has no audio or video m-line ${mid}`);
    if (!isName(declaration.name)) return { code: 'invalid-name', detail: `sender on m-line ${mid}` };
    if (names.has(declaration.name) || senders.has(mid))
      return invalid(`sender ${declaration.name} appears twice`);
    names.add(declaration.name);
    senders.set(mid, declaration);
  }
  for (const { mid, use } of request.receivers) {
    const kind = kinds.get(mid);
    if (kind === undefined) return invalid(`receiver: the offer has no audio or video m-line ${mid}`);
    if (senders.has(mid) || receivers.has(mid)) return invalid(`m-line ${mid} appears twice`);
    if (use === 'mixer' && kind !== 'audio') return invalid(`receiver ${mid}: only audio is mixed`);
    receivers.set(mid, use);
  }
  return { senders, receivers };
}
