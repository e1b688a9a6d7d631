import type { JSX } from 'preact';
import { useCallback, useEffect, useState } from 'preact/hooks';
import type { LaunchOptions } from '../model/launch-options.ts';
import type { LiveCore } from '../model/live-core.ts';
import type { LocalMedia } from '../model/local-media.ts';
import { isName, suggestName } from '../model/names.ts';
import type { RoomModel } from '../model/room-model.ts';
import { DEFAULT_ENTRY_POINTS, type EntryPoints, fetchEntryPoints } from '../model/ways-in.ts';
import { Header } from './header.tsx';
import { Lobby } from './lobby.tsx';
import { Notices } from './notices.tsx';
import { RoomView } from './room-view.tsx';
import { useStore } from './use-store.ts';

export interface AppProps {
  readonly launch: LaunchOptions;
  readonly room: RoomModel;
  readonly media: LocalMedia;
  readonly live: LiveCore;
}

const NAME_KEY = 'switchyard.name';

export const App = ({ launch, room, media, live }: AppProps): JSX.Element => {
  const state = useStore(room);
  const [entry, setEntry] = useState<EntryPoints>(DEFAULT_ENTRY_POINTS);
  const [roomName, setRoomName] = useState(launch.room ?? 'demo');
  const [peerName, setPeerName] = useState(
    () => launch.name ?? localStorage.getItem(NAME_KEY) ?? suggestName(),
  );
  const inRoom = state.session === 'joined' || state.session === 'reconnecting';

  const join = useCallback(
    async (name: string, peer: string) => {
      localStorage.setItem(NAME_KEY, peer);
      const query = new URLSearchParams(location.search);
      query.set('room', name);
      query.set('name', peer);
      history.replaceState(null, '', `?${query}`);
      live.first = name;
      await room.join(name, peer, media, launch.token);
    },
    [room, media, live, launch.token],
  );

  useEffect(() => {
    void fetchEntryPoints().then(setEntry);
    void media.listDevices();
    const begin = async (): Promise<void> => {
      if (launch.autojoin && isName(roomName) && isName(peerName)) {
        const joining = join(roomName, peerName);
        // Devices are asked for meanwhile: what is on when the room is joined is published with it.
        await Promise.all([joining, media.start(launch.publish)]);
      } else await media.start(launch.publish);
    };
    void begin();
    // Once, with what the address said when the page was opened.
  }, []);

  useEffect(() => {
    document.title = inRoom ? `${state.room} · Switchyard` : 'Switchyard';
  }, [inRoom, state.room]);

  return (
    <div class={inRoom ? 'app app-room' : 'app'} data-testid="app" data-state={state.session}>
      <Header state={state} inRoom={inRoom} />
      {inRoom ? (
        <RoomView room={room} media={media} live={live} entry={entry} />
      ) : (
        <Lobby
          state={state}
          media={media}
          live={live}
          entry={entry}
          roomName={roomName}
          peerName={peerName}
          onRoomName={setRoomName}
          onPeerName={setPeerName}
          onJoin={join}
        />
      )}
      <Notices room={room} notices={state.notices} />
    </div>
  );
};
