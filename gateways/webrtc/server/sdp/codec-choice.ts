import type { Codec } from '@switchyard/shared/media';
import type { NegotiatedCodec } from '../peer-contract.ts';
import type { OfferedCodec } from './offered-codec.ts';
import type { OfferedMedia } from './sdp-offer.ts';

/** What an m-line is for, from the server: `receive` from a publisher, `send` to a viewer's slot. */
export type MediaUse = 'receive' | 'send';

export interface ChosenCodec extends NegotiatedCodec {
  readonly offered: OfferedCodec;
}

interface Candidate {
  readonly codec: Codec;
  readonly rank: number;
  readonly offered: OfferedCodec;
}

/**
 * One payload type per codec, in the offerer's order of preference. A slot takes every codec that both sides know:
 * the one used follows the source, and switching needs no new negotiation.
 */
export function chooseCodecs(media: OfferedMedia, use: MediaUse): readonly ChosenCodec[] {
  const best = new Map<Codec, Candidate>();
  for (const offered of media.codecs) {
    const candidate = rate(offered, media.type, use);
    if (candidate === undefined) continue;
    const known = best.get(candidate.codec);
    // A Map keeps the place of the first mention: the codec's preference stays, its variant improves.
    if (known === undefined || candidate.rank < known.rank) best.set(candidate.codec, candidate);
  }
  return [...best.values()].map(({ codec, offered }) => {
    const rtxPayloadType = media.rtx.get(offered.payloadType);
    const redPayloadType = media.type === 'audio' ? media.red.get(offered.payloadType) : undefined;
    return {
      codec,
      payloadType: offered.payloadType,
      offered,
      ...(rtxPayloadType === undefined ? {} : { rtxPayloadType }),
      ...(redPayloadType === undefined ? {} : { redPayloadType }),
    };
  });
}

/**
 * Whether the dependency descriptor is wanted of a publisher that prefers these codecs: AV1 and H.264 say nothing of
 * their layers in the payload. Where it is answered Chrome leaves PictureID, TL0PICIDX and TID out of its VP8
 * descriptors, and viewers need those.
 */
export const needsDescriptor = (codecs: readonly NegotiatedCodec[]): boolean =>
  codecs[0]?.codec === 'av1' || codecs[0]?.codec === 'h264';

function rate(offered: OfferedCodec, type: OfferedMedia['type'], use: MediaUse): Candidate | undefined {
  const name = offered.name.toLowerCase();
  if (type === 'audio') {
    const isOpus = name === 'opus' && offered.clockRate === 48_000;
    return isOpus ? { codec: 'opus', rank: 0, offered } : undefined;
  }
  if (offered.clockRate !== 90_000) return undefined;
  switch (name) {
    case 'vp8':
      return { codec: 'vp8', rank: 0, offered };
    case 'vp9':
      return (offered.parameters.get('profile-id') ?? '0') === '0'
        ? { codec: 'vp9', rank: 0, offered }
        : undefined;
    case 'av1':
      return (offered.parameters.get('profile') ?? '0') === '0'
        ? { codec: 'av1', rank: 0, offered }
        : undefined;
    case 'h264': {
      const rank = h264Rank(offered, use);
      return rank === undefined ? undefined : { codec: 'h264', rank, offered };
    }
    default:
      return undefined;
  }
}

/**
 * Lower is better: constrained baseline (42e01f first), baseline, main, high, others (RFC 6184 §8.1: profile_idc, then
 * constraint flags). Rooms carry packetization-mode 1 (FU-A, STAP-A): a slot without it cannot be sent to; a publisher
 * in mode 0 sends single NAL units, which mode 1 contains.
 */
function h264Rank(offered: OfferedCodec, use: MediaUse): number | undefined {
  const singleNal = offered.parameters.get('packetization-mode') !== '1';
  if (singleNal && use === 'send') return undefined;
  return profileRank(offered.parameters.get('profile-level-id') ?? '42000a') + (singleNal ? 10 : 0);
}

const CONSTRAINT_SET1 = 0x40;

function profileRank(profileLevelId: string): number {
  const profile = profileLevelId.slice(0, 2).toLowerCase();
  const constraints = Number.parseInt(profileLevelId.slice(2, 4), 16);
  switch (profile) {
    case '42':
      return constraints === 0xe0 ? 0 : (constraints & CONSTRAINT_SET1) !== 0 ? 1 : 2;
    case '4d':
      return 3;
    case '64':
      return 4;
    default:
      return 5;
  }
}
