import {
  DEFAULT_LOCAL_TRACK_CONFIG,
  type LayerFlow,
  type LayerInfo,
  type LocalTrackConfig,
  type ProtocolError,
} from '@switchyard/shared/protocol';
import { type Parsed, parseWith } from '@switchyard/shared/runtime';
import { z } from 'zod';
import { spatialCountOf } from './layers-event.ts';

/** Highest number that a layer may be asked for by. */
const LAYER_MAX = 7;

/** What a viewer asks for: the highest layers it is to be sent. Absent means no limit of its own. */
export interface LayerWish {
  /** Index of the m-line in the offer; absent: the picture. */
  readonly mediaId?: string;
  /** `rid` of a simulcast encoding. */
  readonly encodingId?: string;
  /** A layer that the source must have. */
  readonly spatial?: number;
  readonly maxSpatial?: number;
  readonly maxTemporal?: number;
}

/** Players say null for what they leave out. */
const layer = z.int().min(0).max(LAYER_MAX).nullish();
const rid = z.string().max(64).nullish();

/** draft-murillo-whep §4.7.2; `rid` is what draft-ietf-wish-whep calls `encodingId`. Other keys are for other servers. */
const body = z.object({
  mediaId: z.union([z.string().max(32), z.int()]).nullish(),
  encodingId: rid,
  rid,
  spatialLayerId: layer,
  temporalLayerId: layer,
  maxSpatialLayerId: layer,
  maxTemporalLayerId: layer,
});
/** Sizes are not known of every source: they are refused rather than ignored. */
const SIZE_KEYS = ['maxWidth', 'maxHeight'] as const;

/** Reads the body of a POST to a layer resource; an empty one asks for nothing, and so returns to automatic. */
export function parseLayerWish(text: string): Parsed<LayerWish> {
  let value: unknown;
  try {
    value = text === '' ? {} : JSON.parse(text);
  } catch {
    return { error: { code: 'invalid-request', detail: 'not JSON' } };
  }
  const parsed = parseWith(body, value);
  if ('error' in parsed) return parsed;
  const size = SIZE_KEYS.find((key) => typeof value === 'object' && value !== null && key in value);
  if (size !== undefined) return { error: { code: 'unsupported-feature', detail: size } };
  const { mediaId, encodingId, spatialLayerId, temporalLayerId, maxSpatialLayerId, maxTemporalLayerId } =
    parsed.value;
  const encoding = encodingId ?? parsed.value.rid;
  return {
    value: {
      ...(mediaId == null ? {} : { mediaId: String(mediaId) }),
      ...(encoding == null ? {} : { encodingId: encoding }),
      ...(spatialLayerId == null ? {} : { spatial: spatialLayerId }),
      ...optional('maxSpatial', maxSpatialLayerId ?? undefined),
      ...optional('maxTemporal', lower(temporalLayerId, maxTemporalLayerId)),
    },
  };
}

const layerText = z
  .string()
  .regex(/^[0-7]$/, `must be 0 to ${LAYER_MAX}`)
  .transform(Number)
  .exactOptional();
const query = z.object({ maxSpatial: layerText, maxTemporal: layerText });

/** `?maxSpatial=0&maxTemporal=1` of a WHEP address: for players that speak no more than WHEP. */
export const parseLayerQuery = (value: Readonly<Record<string, unknown>>): Parsed<LayerWish> =>
  parseWith(query, value);

/**
 * What the wish means for a source with these layers (undefined: nothing is watched). A layer that is named is the
 * highest that is sent: the server goes lower by itself when the viewer's link carries no more.
 *
 * @param flowing What was measured of the source; without it nothing is known of the layers of SVC.
 */
export function configOf(
  wish: LayerWish,
  layers: readonly LayerInfo[] | undefined,
  flowing?: readonly LayerFlow[],
): Parsed<LocalTrackConfig> {
  const rids = (layers ?? []).flatMap(({ rid }) => (rid === undefined ? [] : [rid]));
  let { spatial } = wish;
  if (wish.encodingId !== undefined) {
    // An encoding of simulcast has no spatial layers of its own here.
    spatial = rids.indexOf(wish.encodingId);
    if (spatial < 0) return unknown(`encoding ${wish.encodingId}`, rids);
  } else if (spatial !== undefined && (rids.length > 0 || flowing !== undefined)) {
    const count = spatialCountOf(layers ?? [], flowing);
    if (spatial >= count) return unknown(`spatial layer ${spatial} of ${count}`, rids);
  }
  return {
    value: {
      ...DEFAULT_LOCAL_TRACK_CONFIG,
      ...optional('maxSpatial', lower(spatial, wish.maxSpatial)),
      ...optional('maxTemporal', wish.maxTemporal),
    },
  };
}

const unknown = (what: string, rids: readonly string[]): { readonly error: ProtocolError } => ({
  error: {
    code: 'unknown-layer',
    detail:
      rids.length === 0 ? `${what}: the source has no encodings` : `${what}: there are ${rids.join(', ')}`,
  },
});

function lower(a: number | null | undefined, b: number | null | undefined): number | undefined {
  if (a == null) return b ?? undefined;
  return b == null ? a : Math.min(a, b);
}

const optional = <Key extends string>(
  key: Key,
  value: number | undefined,
): Partial<Readonly<Record<Key, number>>> =>
  value === undefined ? {} : ({ [key]: value } as Readonly<Record<Key, number>>);
