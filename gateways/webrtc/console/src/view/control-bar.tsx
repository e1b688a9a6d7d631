import type { JSX } from 'preact';
import type { LocalMedia } from '../model/local-media.ts';
import { DeviceMenu } from './device-menu.tsx';
import { Icon } from './icons.tsx';
import type { SideTab } from './side-panel.tsx';
import { useStore } from './use-store.ts';

export interface ControlBarProps {
  readonly media: LocalMedia;
  readonly tab: SideTab | undefined;
  /** With oneself. */
  readonly peerCount: number;
  readonly onTab: (tab: SideTab | undefined) => void;
  readonly onLeave: () => void;
}

/** One's own buttons. */
export const ControlBar = ({ media, tab, peerCount, onTab, onLeave }: ControlBarProps): JSX.Element => {
  const { camera, microphone, muted, screen, pending } = useStore(media);
  const speaks = microphone !== undefined && !muted;
  return (
    <div class="controls" role="toolbar" aria-label="Call controls">
      <div class="controls-main">
        <button
          type="button"
          class="round"
          aria-pressed={speaks}
          aria-label={speaks ? 'Mute the microphone' : 'Turn the microphone on'}
          disabled={pending.has('microphone')}
          data-testid="mic-button"
          onClick={() => void media.toggleMicrophone()}
        >
          <Icon name={speaks ? 'microphone' : 'microphone-off'} />
        </button>
        <button
          type="button"
          class="round"
          aria-pressed={camera !== undefined}
          aria-label={camera === undefined ? 'Turn the camera on' : 'Turn the camera off'}
          disabled={pending.has('camera')}
          data-testid="camera-button"
          onClick={() => void media.toggleCamera()}
        >
          <Icon name={camera === undefined ? 'camera-off' : 'camera'} />
        </button>
        <button
          type="button"
          class="round"
          aria-pressed={screen !== undefined}
          aria-label={screen === undefined ? 'Share the screen' : 'Stop sharing the screen'}
          disabled={pending.has('screen')}
          data-testid="screen-button"
          onClick={() => void media.toggleScreen()}
        >
          <Icon name="screen" />
        </button>
        <DeviceMenu media={media} />
        <button
          type="button"
          class="round round-leave"
          aria-label="Leave the room"
          data-testid="leave-button"
          onClick={onLeave}
        >
          <Icon name="leave" />
        </button>
      </div>
      <button
        type="button"
        class="round round-wide"
        aria-pressed={tab !== undefined}
        aria-label={tab === undefined ? 'Show people and details' : 'Hide people and details'}
        data-testid="panel-button"
        onClick={() => onTab(tab === undefined ? 'people' : undefined)}
      >
        <Icon name="people" />
        <span data-testid="people-count">{peerCount}</span>
      </button>
    </div>
  );
};
