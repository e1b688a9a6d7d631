import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { RoomState } from '../model/room-model.ts';
import { Icon, Mark } from './icons.tsx';

type Theme = 'light' | 'dark';

const THEME_KEY = 'switchyard.theme';
const isTheme = (value: string | null): value is Theme => value === 'light' || value === 'dark';

/** The theme in use; the system's until somebody chooses. */
const useTheme = (): { readonly theme: Theme; readonly toggle: () => void } => {
  const [chosen, setChosen] = useState<Theme | undefined>(() => {
    const stored = localStorage.getItem(THEME_KEY);
    return isTheme(stored) ? stored : undefined;
  });
  const [system, setSystem] = useState<Theme>(() => systemTheme().theme);
  useEffect(() => {
    const { query } = systemTheme();
    const listen = (): void => setSystem(query.matches ? 'dark' : 'light');
    query.addEventListener('change', listen);
    return () => query.removeEventListener('change', listen);
  }, []);
  useEffect(() => {
    if (chosen !== undefined) document.documentElement.dataset['theme'] = chosen;
  }, [chosen]);
  const theme = chosen ?? system;
  return {
    theme,
    toggle: () => {
      const next = theme === 'dark' ? 'light' : 'dark';
      localStorage.setItem(THEME_KEY, next);
      setChosen(next);
    },
  };
};

const systemTheme = (): { readonly query: MediaQueryList; readonly theme: Theme } => {
  const query = matchMedia('(prefers-color-scheme: dark)');
  return { query, theme: query.matches ? 'dark' : 'light' };
};

const STATUS: Readonly<Record<RoomState['session'], string>> = {
  idle: 'Not connected',
  joining: 'Connecting',
  joined: 'Connected',
  reconnecting: 'Reconnecting',
  closed: 'Not connected',
};

export const Header = ({ state, inRoom }: { state: RoomState; inRoom: boolean }): JSX.Element => {
  const { theme, toggle } = useTheme();
  return (
    <header class="header">
      <a class="brand" href="/" aria-label="Switchyard, start page">
        <Mark />
        <span class="brand-name">Switchyard</span>
      </a>
      {inRoom && (
        <div class="header-room">
          <span class="header-divider" aria-hidden="true" />
          <span class="header-room-name" data-testid="room-name">
            {state.room}
          </span>
        </div>
      )}
      <div class="header-end">
        <span
          class={`status status-${state.session}`}
          role="status"
          data-testid="status"
          data-state={state.session}
        >
          <span class="status-dot" aria-hidden="true" />
          <span class="status-text">{STATUS[state.session]}</span>
        </span>
        <button
          type="button"
          class="button-quiet button-icon"
          onClick={toggle}
          aria-label={theme === 'dark' ? 'Use the light theme' : 'Use the dark theme'}
          data-testid="theme-button"
        >
          <Icon name={theme === 'dark' ? 'sun' : 'moon'} />
        </button>
      </div>
    </header>
  );
};
