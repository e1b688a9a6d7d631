import type { RoomPeer } from '@switchyard/sdk';
import type { JSX } from 'preact';
import type { LivePeer } from '../model/core-api.ts';
import type { LiveCore } from '../model/live-core.ts';
import { type LocalMedia, saysMuted } from '../model/local-media.ts';
import type { RoomState } from '../model/room-model.ts';
import type { EntryPoints } from '../model/ways-in.ts';
import { Avatar } from './avatar.tsx';
import { Icon } from './icons.tsx';
import { clientOf, LivePanel } from './live-panel.tsx';
import { useStore } from './use-store.ts';
import { WaysInPanel } from './ways-in-panel.tsx';

const TABS = [
  { id: 'people', label: 'People' },
  { id: 'ways', label: 'Ways in' },
  { id: 'live', label: 'Live' },
] as const;

export type SideTab = (typeof TABS)[number]['id'];

export interface SidePanelProps {
  readonly tab: SideTab;
  readonly onTab: (tab: SideTab | undefined) => void;
  readonly state: RoomState;
  readonly media: LocalMedia;
  readonly live: LiveCore;
  readonly entry: EntryPoints;
}

/** Beside the stage, or over it on a phone: who is here, how others come in, what the core sees. */
export const SidePanel = ({ tab, onTab, state, media, live, entry }: SidePanelProps): JSX.Element => {
  const step = (by: number): void => {
    const index = TABS.findIndex(({ id }) => id === tab);
    const next = TABS[(index + by + TABS.length) % TABS.length]?.id;
    onTab(next);
    if (next !== undefined) document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <aside class="panel" aria-label="Details" data-testid="panel">
      <div class="panel-head">
        <div
          class="tabs"
          role="tablist"
          onKeyDown={(event) => {
            if (event.key === 'ArrowRight') step(1);
            if (event.key === 'ArrowLeft') step(-1);
          }}
        >
          {TABS.map(({ id, label }) => (
            <button
              type="button"
              role="tab"
              key={id}
              id={`tab-${id}`}
              class="tab"
              aria-selected={tab === id}
              aria-controls="panel-body"
              tabIndex={tab === id ? 0 : -1}
              data-testid={`tab-${id}`}
              onClick={() => onTab(id)}
            >
              {label}
            </button>
          ))}
        </div>
        <button
          type="button"
          class="button-quiet button-icon"
          aria-label="Close"
          data-testid="panel-close"
          onClick={() => onTab(undefined)}
        >
          <Icon name="close" size={18} />
        </button>
      </div>
      <div class="panel-body" id="panel-body" role="tabpanel" aria-labelledby={`tab-${tab}`}>
        {tab === 'people' && <People state={state} media={media} live={live} />}
        {tab === 'ways' && <WaysInPanel room={state.room} entry={entry} />}
        {tab === 'live' && <LivePanel live={live} />}
      </div>
    </aside>
  );
};

const People = ({ state, media, live }: Pick<SidePanelProps, 'state' | 'media' | 'live'>): JSX.Element => {
  const { rooms } = useStore(live);
  const { microphone, muted } = useStore(media);
  const known = new Map(
    rooms?.find(({ name }) => name === state.room)?.peers?.map((peer) => [peer.name, peer]) ?? [],
  );
  return (
    <ul class="people" data-testid="people">
      <li class="person">
        <Avatar name={state.name} />
        <span class="person-name">
          {state.name} <span class="muted">(you)</span>
        </span>
        {(microphone === undefined || muted) && (
          <span class="person-state" title="Your microphone is off">
            <Icon name="microphone-off" size={16} />
          </span>
        )}
      </li>
      {[...state.peers.values()].map((peer) => (
        <Person
          key={peer.name}
          peer={peer}
          live={known.get(peer.name)}
          speaking={state.speaking.has(peer.name)}
          heard={state.heard.has(peer.name)}
        />
      ))}
    </ul>
  );
};

interface PersonProps {
  readonly peer: RoomPeer;
  readonly live: LivePeer | undefined;
  readonly speaking: boolean;
  readonly heard: boolean;
}

const Person = ({ peer, live, speaking, heard }: PersonProps): JSX.Element => {
  const tracks = [...peer.tracks.values()];
  const audio = tracks.find(({ kind }) => kind === 'audio');
  const client = live === undefined ? undefined : clientOf(live.client);
  const what = tracks.map(({ name, codec }) => `${name} ${codec.toUpperCase()}`).join(' · ');
  return (
    <li class="person" data-testid="person" data-peer={peer.name} data-speaking={speaking}>
      <Avatar name={peer.name} />
      <span class="person-text">
        <span class="person-name">{peer.name}</span>
        <span class="person-detail">
          {client !== undefined && <span class="badge">{client.label}</span>}
          <span class="muted">{what === '' ? 'watching' : what}</span>
        </span>
      </span>
      {heard && (
        <span class="person-heard" title="You hear this person now">
          <Icon name="sound" size={16} />
        </span>
      )}
      {(audio === undefined || saysMuted(audio.metadata)) && (
        <span class="person-state" title={audio === undefined ? 'Sends no sound' : 'Muted'}>
          <Icon name="microphone-off" size={16} />
        </span>
      )}
    </li>
  );
};
