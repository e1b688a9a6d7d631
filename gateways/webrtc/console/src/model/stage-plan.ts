import type { LocalTrackConfig, RoomPeer, RoomTrack, TrackSource } from '@switchyard/sdk';

/** A rectangle of the stage: a video, or somebody who is only heard. */
export interface StageTile {
  readonly key: string;
  readonly peer: string;
  /** Absent: only heard, or just here. */
  readonly track?: RoomTrack;
}

export const tileKey = (peer: string, track = ''): string => `${peer} ${track}`;

/** Everybody in the room in a steady order: screens first, then people as they came. */
export const planTiles = (peers: Iterable<RoomPeer>): readonly StageTile[] => {
  const screens: StageTile[] = [];
  const people: StageTile[] = [];
  for (const { name, tracks } of peers) {
    const videos = [...tracks.values()].filter(({ kind }) => kind === 'video');
    for (const track of videos) {
      const tile = { key: tileKey(name, track.name), peer: name, track };
      if (isScreen(track)) screens.push(tile);
      else people.push(tile);
    }
    if (!videos.some((track) => !isScreen(track))) people.push({ key: tileKey(name), peer: name });
  }
  return [...screens, ...people];
};

export const isScreen = (track: TrackSource | RoomTrack): boolean =>
  ('name' in track ? track.name : track.track).startsWith('screen');

/**
 * Which videos are shown when there are more than receivers: the pinned one, then those who spoke last, then by order.
 *
 * @param spokeAtMs By peer; absent: never.
 * @returns Sources, at most `capacity`.
 */
export const chooseSources = (
  tiles: readonly StageTile[],
  capacity: number,
  pinned: string | undefined,
  spokeAtMs: ReadonlyMap<string, number>,
): readonly TrackSource[] => {
  const videos = tiles.flatMap(({ key, track }, order) =>
    track === undefined ? [] : [{ key, track, order }],
  );
  const rank = ({ key, track }: (typeof videos)[number]): number => {
    if (key === pinned) return Number.POSITIVE_INFINITY;
    if (isScreen(track)) return Number.MAX_SAFE_INTEGER;
    return spokeAtMs.get(track.peer) ?? 0;
  };
  return [...videos]
    .sort((a, b) => rank(b) - rank(a) || a.order - b.order)
    .slice(0, capacity)
    .map(({ track }) => ({ peer: track.peer, track: track.name }));
};

/**
 * Puts sources on slots with as few changes as possible: what is shown stays where it is.
 *
 * @param slots What each slot shows now.
 * @returns What each slot shall show.
 */
export const assignSlots = (
  slots: readonly (TrackSource | undefined)[],
  wanted: readonly TrackSource[],
): readonly (TrackSource | undefined)[] => {
  const keyOf = (source: TrackSource): string => tileKey(source.peer, source.track);
  const missing = new Map(wanted.map((source) => [keyOf(source), source]));
  const kept = slots.map((source) =>
    source !== undefined && missing.delete(keyOf(source)) ? source : undefined,
  );
  const queue = [...missing.values()];
  return kept.map((source) => source ?? queue.shift());
};

/** How good a picture a viewer asks for. */
export type Quality = 'auto' | 'high' | 'medium' | 'low';

/** What to ask of the server for a tile: no more than its size on the page can show. */
export const configOf = (quality: Quality, tileCount: number, spotlit: boolean): LocalTrackConfig => {
  const priority = spotlit ? 400 : 100;
  switch (quality) {
    case 'high':
      return { priority: 400, maxSpatial: 2, maxTemporal: 2 };
    case 'medium':
      return { priority, maxSpatial: 1, maxTemporal: 2 };
    case 'low':
      return { priority, maxSpatial: 0, maxTemporal: 2 };
    case 'auto':
      return { priority, maxSpatial: spotlit || tileCount <= 4 ? 2 : 1, maxTemporal: 2 };
  }
};
