import type { LayerFlow, LayerInfo } from '@switchyard/shared/protocol';

/**
 * Data of a `layers` event (draft-murillo-whep §4.7.1): by m-line, what can be chosen from, lowest first. Spatial layers
 * are numbered through whether they are encodings of simulcast or layers of SVC, and mean the same in a POST to the
 * layer resource. An encoding that was announced and does not come is inactive; it may be chosen all the same.
 *
 * @param announced By the publisher: encodings, or one entry for a single stream or SVC.
 * @param flowing What was measured; undefined: not yet.
 */
export function writeLayers(
  mediaId: string,
  announced: readonly LayerInfo[],
  flowing: readonly LayerFlow[] | undefined,
): string {
  const active: object[] = [];
  const inactive: object[] = [];
  const layers: object[] = [];
  for (let spatialLayerId = 0; spatialLayerId < spatialCountOf(announced, flowing); spatialLayerId += 1) {
    const { rid, width, height, maxBitrateBps } = announced[spatialLayerId] ?? {};
    const facts = {
      ...(maxBitrateBps === undefined ? {} : { targetBitrate: maxBitrateBps }),
      ...(width === undefined ? {} : { width }),
      ...(height === undefined ? {} : { height }),
    };
    const flows = flowing?.filter(({ spatial }) => spatial === spatialLayerId) ?? [];
    if (rid !== undefined) {
      const encoding = { id: rid, simulcastIdx: spatialLayerId, ...facts };
      if (flowing !== undefined && flows.length === 0) inactive.push(encoding);
      else active.push(flowing === undefined ? encoding : { ...encoding, bitrate: sumOf(flows) });
    }
    const name = rid === undefined ? {} : { encodingId: rid, simulcastIdx: spatialLayerId };
    if (flows.length === 0) layers.push({ ...name, spatialLayerId, ...facts });
    for (const { temporal, bitrateBps } of flows)
      layers.push({ ...name, spatialLayerId, temporalLayerId: temporal, bitrate: bitrateBps, ...facts });
  }
  return JSON.stringify({ [mediaId]: { active, inactive, layers } });
}

/** Encodings or spatial layers, announced or seen. */
export const spatialCountOf = (
  announced: readonly LayerInfo[],
  flowing: readonly LayerFlow[] | undefined,
): number => (flowing ?? []).reduce((count, { spatial }) => Math.max(count, spatial + 1), announced.length);

const sumOf = (flows: readonly LayerFlow[]): number =>
  flows.reduce((sum, { bitrateBps }) => sum + bitrateBps, 0);
