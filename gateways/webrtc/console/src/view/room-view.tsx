import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { LiveCore } from '../model/live-core.ts';
import type { LocalMedia } from '../model/local-media.ts';
import type { RoomModel } from '../model/room-model.ts';
import type { EntryPoints } from '../model/ways-in.ts';
import { AudioSinks } from './audio-sinks.tsx';
import { ControlBar } from './control-bar.tsx';
import { Icon } from './icons.tsx';
import { SidePanel, type SideTab } from './side-panel.tsx';
import { Stage } from './stage.tsx';
import { useStore } from './use-store.ts';

export interface RoomViewProps {
  readonly room: RoomModel;
  readonly media: LocalMedia;
  readonly live: LiveCore;
  readonly entry: EntryPoints;
}

/** From here on there is room for the panel beside the stage, pixels. */
const WIDE = '(min-width: 1000px)';

/** In the room: everybody on the stage, one's own buttons, and a panel that tells the rest. */
export const RoomView = ({ room, media, live, entry }: RoomViewProps): JSX.Element => {
  const state = useStore(room);
  const [tab, setTab] = useState<SideTab | undefined>(() =>
    matchMedia(WIDE).matches ? 'people' : undefined,
  );
  return (
    <main class={tab === undefined ? 'room' : 'room room-with-panel'} data-testid="room">
      {state.reconnecting !== undefined && (
        <div class="banner" role="alert" data-testid="reconnecting">
          <span class="spinner" aria-hidden="true" />
          <p>
            Reconnecting… <span class="muted">{state.reconnecting.reason}.</span>
          </p>
        </div>
      )}
      {state.audioBlocked && (
        <div class="banner banner-sound" role="alert">
          <Icon name="sound" size={18} />
          <p>Your browser holds the sound back until you click.</p>
          <button
            type="button"
            class="button-small"
            data-testid="unblock-audio"
            onClick={() => room.setAudioBlocked(false)}
          >
            Turn on sound
          </button>
        </div>
      )}
      <Stage room={room} media={media} entry={entry} />
      <ControlBar
        media={media}
        tab={tab}
        peerCount={state.peers.size + 1}
        onTab={setTab}
        onLeave={() => room.leave()}
      />
      {tab !== undefined && (
        <SidePanel tab={tab} onTab={setTab} state={state} media={media} live={live} entry={entry} />
      )}
      <AudioSinks room={room} epoch={state.epoch} blocked={state.audioBlocked} />
    </main>
  );
};
