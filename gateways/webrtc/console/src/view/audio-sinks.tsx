import type { MixerSlot } from '@switchyard/sdk';
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { RoomModel } from '../model/room-model.ts';

export interface AudioSinksProps {
  readonly room: RoomModel;
  readonly epoch: number;
  readonly blocked: boolean;
}

/** Plays the mixer's slots: everything one hears of the room. */
export const AudioSinks = ({ room, epoch, blocked }: AudioSinksProps): JSX.Element => (
  <div class="visually-hidden">
    {room.session.mixerSlots.map((slot, index) => (
      <AudioSink
        key={index.toString()}
        slot={slot}
        epoch={epoch}
        blocked={blocked}
        onBlocked={() => room.setAudioBlocked(true)}
      />
    ))}
  </div>
);

interface AudioSinkProps {
  readonly slot: MixerSlot;
  readonly epoch: number;
  readonly blocked: boolean;
  readonly onBlocked: () => void;
}

const AudioSink = ({ slot, epoch, blocked, onBlocked }: AudioSinkProps): JSX.Element => {
  const audio = useRef<HTMLAudioElement>(null);
  const [source, setSource] = useState(slot.source);
  useEffect(() => slot.on('source', setSource), [slot]);
  useEffect(() => {
    const element = audio.current;
    if (element === null) return;
    // Set anew after a reconnect: an element whose tracks all ended does not go on with the next one by itself.
    element.srcObject = slot.stream;
    if (blocked) return;
    element.play().catch((error: unknown) => {
      if (error instanceof Error && error.name === 'NotAllowedError') onBlocked();
    });
    // `blocked` falling is the click that allows to play.
  }, [slot, epoch, blocked]);
  return (
    // biome-ignore lint/a11y/useMediaCaption: live speech
    <audio
      ref={audio}
      autoPlay
      data-testid="audio-slot"
      data-source={source === undefined ? '' : `${source.peer}/${source.track}`}
    />
  );
};
