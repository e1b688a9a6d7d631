import type { JSX } from 'preact';
import type { LocalMedia } from '../model/local-media.ts';
import { Avatar } from './avatar.tsx';
import { Icon } from './icons.tsx';
import { SelfVideo } from './self-video.tsx';
import { useStore } from './use-store.ts';

export interface SelfTileProps {
  readonly name: string;
  readonly media: LocalMedia;
  readonly kind: 'camera' | 'screen';
}

/** Oneself, as the others see it; but mirrored, as one is used to. */
export const SelfTile = ({ name, media, kind }: SelfTileProps): JSX.Element => {
  const { camera, screen, microphone, muted, pattern } = useStore(media);
  const track = kind === 'camera' ? camera : screen;
  return (
    <figure class={kind === 'screen' ? 'tile tile-screen' : 'tile'} data-testid="self-tile" data-kind={kind}>
      <Avatar name={name} />
      {track !== undefined && (
        <SelfVideo
          track={track}
          mirrored={kind === 'camera' && !pattern}
          testId={kind === 'camera' ? 'self-video' : 'self-screen-video'}
        />
      )}
      <figcaption class="tile-caption">
        {kind === 'camera' && (microphone === undefined || muted) && (
          <span class="tile-muted" title={muted ? 'You are muted' : 'Your microphone is off'}>
            <Icon name="microphone-off" size={14} />
          </span>
        )}
        <span class="tile-name">{kind === 'camera' ? 'You' : 'Your screen'}</span>
      </figcaption>
    </figure>
  );
};
