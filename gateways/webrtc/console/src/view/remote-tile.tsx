import type { Codec, LayerReason, LocalTrackStatus, Receiver } from '@switchyard/sdk';
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { canPlay, codecName } from '../model/can-play.ts';
import { saysMuted } from '../model/local-media.ts';
import type { RoomModel } from '../model/room-model.ts';
import { isScreen, type Quality, type StageTile } from '../model/stage-plan.ts';
import { Avatar } from './avatar.tsx';
import { Icon } from './icons.tsx';
import { useStore } from './use-store.ts';

/** What is said over a picture that does not move, and what it means. */
const STATUS: Readonly<Record<LocalTrackStatus, string | undefined>> = {
  waiting: 'Waiting for the picture',
  active: undefined,
  inactive: 'No picture is arriving',
  paused: 'Paused: the connection is too slow',
  ended: 'This video has ended',
};

const REASONS: Readonly<Record<LayerReason, string>> = {
  best: 'the best there is',
  limit: 'limited by the chosen quality or the size of the tile',
  priority: 'others have priority',
  estimate: 'limited by the connection',
  'waiting-for-keyframe': 'switching at the next keyframe',
  'source-has-no-such-layer': 'the source sends no better one',
  'source-silent': 'nothing arrives from the source',
  'no-source': 'no source',
};

/** Somebody else: their picture, or their initials when there is none. */
export const RemoteTile = ({ tile, room }: { tile: StageTile; room: RoomModel }): JSX.Element => {
  const state = useStore(room);
  const frame = useRef<HTMLElement>(null);
  const { peer, track, key } = tile;
  const receiver = state.receivers.get(key);
  const tracks = state.peers.get(peer)?.tracks;
  const audio = [...(tracks?.values() ?? [])].find(({ kind }) => kind === 'audio');
  const screen = track !== undefined && isScreen(track);
  const speaking = !screen && state.speaking.has(peer);
  const label = screen ? `${peer} · screen` : peer;
  return (
    <figure
      ref={frame}
      class={screen ? 'tile tile-screen' : 'tile'}
      data-testid="tile"
      data-peer={peer}
      data-track={track?.name ?? ''}
      data-status={receiver?.status ?? ''}
      data-speaking={speaking}
    >
      <Avatar name={peer} />
      {track !== undefined && receiver !== undefined && <TileVideo receiver={receiver} epoch={state.epoch} />}
      {track !== undefined && <TileStatus receiver={receiver} codec={track.codec} />}
      <figcaption class="tile-caption">
        {!screen && (audio === undefined || saysMuted(audio.metadata)) && (
          <span class="tile-muted" title={audio === undefined ? 'Sends no sound' : 'Muted'}>
            <Icon name="microphone-off" size={14} />
          </span>
        )}
        <span class="tile-name" data-testid="tile-name">
          {label}
        </span>
      </figcaption>
      {track !== undefined && (
        <div class="tile-tools">
          <select
            class="tile-quality"
            aria-label={`Quality of ${label}`}
            data-testid="tile-quality"
            value={state.quality.get(key) ?? 'auto'}
            onChange={(event) => room.setQuality(key, toQuality(event.currentTarget.value))}
          >
            <option value="auto">Auto</option>
            <option value="high">High</option>
            <option value="medium">Medium</option>
            <option value="low">Low</option>
          </select>
          <button
            type="button"
            class="tile-button"
            aria-pressed={state.pinned === key}
            aria-label={state.pinned === key ? `Unpin ${label}` : `Pin ${label}`}
            data-testid="tile-pin"
            onClick={() => room.pin(key)}
          >
            <Icon name="pin" size={16} />
          </button>
          <button
            type="button"
            class="tile-button"
            aria-label={`Show ${label} on the whole screen`}
            data-testid="tile-expand"
            onClick={() => void frame.current?.requestFullscreen?.()}
          >
            <Icon name="expand" size={16} />
          </button>
        </div>
      )}
    </figure>
  );
};

const toQuality = (value: string): Quality =>
  value === 'high' || value === 'medium' || value === 'low' ? value : 'auto';

/** The picture, and a badge with its size and layer. */
const TileVideo = ({ receiver, epoch }: { receiver: Receiver; epoch: number }): JSX.Element => {
  const video = useRef<HTMLVideoElement>(null);
  const [size, setSize] = useState('');
  const { current, target, reason } = receiver.layers;
  useEffect(() => {
    const element = video.current;
    if (element === null) return undefined;
    element.srcObject = receiver.stream;
    element.play().catch(() => undefined);
    const measure = (): void =>
      setSize(element.videoWidth < 16 ? '' : `${element.videoWidth}×${element.videoHeight}`);
    measure();
    element.addEventListener('resize', measure);
    return () => element.removeEventListener('resize', measure);
  }, [receiver, epoch]);
  const layer = current === null ? '' : `S${current.spatial} T${current.temporal}`;
  const wish = target === null ? '' : ` of S${target.spatial} T${target.temporal}`;
  return (
    <>
      <video
        ref={video}
        class="video"
        autoPlay
        muted
        playsInline
        data-testid="tile-video"
        data-visible={receiver.status !== 'waiting' && size !== ''}
      />
      {size !== '' && (
        <span class="tile-badge" title={layer === '' ? size : `Layer ${layer}${wish}: ${REASONS[reason]}`}>
          <span data-testid="tile-resolution">{size}</span>
          {layer !== '' && (
            <span class="tile-layer" data-testid="tile-layer">
              {layer}
            </span>
          )}
        </span>
      )}
    </>
  );
};

const TileStatus = ({
  receiver,
  codec,
}: {
  receiver: Receiver | undefined;
  codec: Codec;
}): JSX.Element | null => {
  const playable = canPlay(codec);
  const text = playable ? statusText(receiver) : `This browser cannot play ${codecName(codec)}`;
  if (text === undefined) return null;
  return (
    <p class="tile-status" data-testid="tile-status">
      {playable && receiver?.status === 'waiting' && <span class="spinner" aria-hidden="true" />}
      {text}
    </p>
  );
};

const statusText = (receiver: Receiver | undefined): string | undefined =>
  receiver === undefined
    ? 'Not shown: all receivers are in use. Pin to show.'
    : STATUS[receiver.status ?? 'waiting'];
