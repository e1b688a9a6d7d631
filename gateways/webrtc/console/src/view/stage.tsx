import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { bestGrid } from '../model/grid-layout.ts';
import type { LocalMedia } from '../model/local-media.ts';
import { type RoomModel, spotlightOf } from '../model/room-model.ts';
import type { StageTile } from '../model/stage-plan.ts';
import { type EntryPoints, waysIn } from '../model/ways-in.ts';
import { RemoteTile } from './remote-tile.tsx';
import { SelfTile } from './self-tile.tsx';
import { useStore } from './use-store.ts';

const GAP = 12;
/** Below this width tiles flow in a column that scrolls, pixels. */
const NARROW = 640;

interface Box {
  readonly width: number;
  readonly height: number;
}

const useBox = (): { readonly box: Box; readonly ref: { current: HTMLDivElement | null } } => {
  const ref = useRef<HTMLDivElement>(null);
  const [box, setBox] = useState<Box>({ width: 0, height: 0 });
  useEffect(() => {
    const element = ref.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setBox({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return { box, ref };
};

export interface StageProps {
  readonly room: RoomModel;
  readonly media: LocalMedia;
  readonly entry: EntryPoints;
}

/** Everybody, as large as fits; one tile large and the others in a strip when one is pinned or a screen is shared. */
export const Stage = ({ room, media, entry }: StageProps): JSX.Element => {
  const state = useStore(room);
  const { screen } = useStore(media);
  const { box, ref } = useBox();
  const spotlit = spotlightOf(state.tiles, state.pinned);
  const alone = state.tiles.length === 0;
  const selfCount = screen === undefined ? 1 : 2;
  const count = state.tiles.length + selfCount;
  const narrow = box.width < NARROW;
  const { columns, width, height } = bestGrid(count, box.width, box.height, GAP);
  const tile = (each: StageTile): JSX.Element => <RemoteTile key={each.key} tile={each} room={room} />;
  const self = (
    <>
      <SelfTile key="self" name={state.name} media={media} kind="camera" />
      {screen !== undefined && <SelfTile key="self-screen" name={state.name} media={media} kind="screen" />}
    </>
  );
  const others = state.tiles.filter(({ key }) => key !== spotlit);
  const large = state.tiles.find(({ key }) => key === spotlit);
  const layout = alone ? 'alone' : large !== undefined ? 'spotlight' : narrow ? 'column' : 'grid';
  return (
    <div class={`stage stage-${layout}`} ref={ref} data-testid="stage" data-layout={layout}>
      {layout === 'alone' && (
        <>
          <Alone room={state.room} entry={entry} />
          <div class="stage-self">{self}</div>
        </>
      )}
      {layout === 'spotlight' && large !== undefined && (
        <>
          <div class="stage-large">{tile(large)}</div>
          <div class="stage-strip">
            {others.map(tile)}
            {self}
          </div>
        </>
      )}
      {(layout === 'grid' || layout === 'column') && (
        <div
          class="stage-tiles"
          style={
            layout === 'grid'
              ? {
                  gridTemplateColumns: `repeat(${columns}, ${width}px)`,
                  gridAutoRows: `${height}px`,
                  visibility: width === 0 ? 'hidden' : 'visible',
                }
              : {}
          }
        >
          {others.map(tile)}
          {self}
        </div>
      )}
    </div>
  );
};

/** Nobody else is here yet: how to get them in. */
const Alone = ({ room, entry }: { room: string; entry: EntryPoints }): JSX.Element => {
  const ways = waysIn(room, location, entry);
  return (
    <div class="alone" data-testid="alone">
      <h2>You are the first one here</h2>
      <p class="muted">
        Point OBS at <code>{ways.rtmpServer}</code> with the stream key <code>{ways.rtmpKey}</code>, call{' '}
        <code>{ways.sip}</code>, or open this page in another window.
      </p>
    </div>
  );
};
