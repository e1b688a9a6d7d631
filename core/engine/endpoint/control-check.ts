import { kindOf } from '@switchyard/shared/media';
import {
  type ErrorCode,
  isName,
  LAYERS_MAX,
  type LocalTrackConfig,
  METADATA_MAX_BYTES,
  PRIORITY_MAX,
  type ProtocolError,
  type RemoteTrackInfo,
  type TrackSource,
  utf8Length,
} from '@switchyard/shared/protocol';

/** Longest part of what a peer sent that is said back. */
const DETAIL_MAX = 80;

export const fail = (code: ErrorCode, detail?: string): ProtocolError =>
  detail === undefined ? { code } : { code, detail: detail.slice(0, DETAIL_MAX) };

type Check = ProtocolError | undefined;

export const checkName = (name: string): Check => (isName(name) ? undefined : fail('invalid-name', name));

export const checkSource = ({ peer, track }: TrackSource): Check =>
  isName(peer) && isName(track) ? undefined : fail('invalid-name', `${peer}/${track}`);

export const checkMetadata = (metadata: string | undefined): Check =>
  metadata !== undefined && utf8Length(metadata) > METADATA_MAX_BYTES
    ? fail('limit-exceeded', `metadata: ${METADATA_MAX_BYTES} bytes`)
    : undefined;

export const checkPriority = (priority: number | undefined): Check =>
  priority === undefined || (Number.isInteger(priority) && priority >= 1 && priority <= PRIORITY_MAX)
    ? undefined
    : fail('invalid-priority', `${priority}`);

export function checkConfig(config: LocalTrackConfig): Check {
  const { maxSpatial, maxTemporal, minSpatial = 0, minTemporal = 0 } = config;
  const wrong = checkPriority(config.priority);
  if (wrong !== undefined) return wrong;
  for (const layer of [maxSpatial, maxTemporal, minSpatial, minTemporal])
    if (!Number.isInteger(layer) || layer < 0) return fail('invalid-layer-limits', `${layer}`);
  if (minSpatial > maxSpatial) return fail('invalid-layer-limits', 'minSpatial > maxSpatial');
  if (minTemporal > maxTemporal) return fail('invalid-layer-limits', 'minTemporal > maxTemporal');
  return undefined;
}

/** What may be said of a track at its start or later. */
export function checkTrack(
  info: Partial<Pick<RemoteTrackInfo, 'metadata' | 'priority' | 'layers' | 'kind' | 'codec'>>,
): Check {
  if (info.codec !== undefined && kindOf(info.codec) !== info.kind)
    return fail('invalid-request', `${info.codec} is no ${info.kind}`);
  if ((info.layers?.length ?? 0) > LAYERS_MAX) return fail('limit-exceeded', `${LAYERS_MAX} layers`);
  return checkPriority(info.priority) ?? checkMetadata(info.metadata);
}
