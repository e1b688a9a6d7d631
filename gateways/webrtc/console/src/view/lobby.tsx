import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { LiveCore } from '../model/live-core.ts';
import type { LocalMedia } from '../model/local-media.ts';
import { isName, NAME_RULE, toName } from '../model/names.ts';
import type { RoomState } from '../model/room-model.ts';
import type { EntryPoints } from '../model/ways-in.ts';
import { DeviceMenu } from './device-menu.tsx';
import { Icon } from './icons.tsx';
import { LivePanel } from './live-panel.tsx';
import { SelfVideo } from './self-video.tsx';
import { useStore } from './use-store.ts';
import { WaysInPanel } from './ways-in-panel.tsx';

export interface LobbyProps {
  readonly state: RoomState;
  readonly media: LocalMedia;
  readonly live: LiveCore;
  readonly entry: EntryPoints;
  readonly roomName: string;
  readonly peerName: string;
  readonly onRoomName: (name: string) => void;
  readonly onPeerName: (name: string) => void;
  readonly onJoin: (room: string, peer: string) => Promise<void>;
}

/** Before the room: who one is, what one brings along, what goes on elsewhere, and every other way in. */
export const Lobby = (props: LobbyProps): JSX.Element => {
  const { state, media, live, entry, roomName, peerName, onRoomName, onPeerName, onJoin } = props;
  const { camera, microphone, muted, pending, pattern } = useStore(media);
  const [touched, setTouched] = useState(false);
  const busy = state.session === 'joining';
  const wrongRoom = !isName(roomName);
  const wrongPeer = !isName(peerName);
  const submit = (event: Event): void => {
    event.preventDefault();
    setTouched(true);
    if (!busy && !wrongRoom && !wrongPeer) void onJoin(roomName, peerName);
  };
  return (
    <main class="lobby" data-testid="lobby">
      <section class="join card" aria-labelledby="join-title">
        <div class="preview">
          {camera === undefined ? (
            <div class="preview-empty">
              <Icon name="camera-off" size={28} />
              <p>Your camera is off</p>
            </div>
          ) : (
            <SelfVideo track={camera} mirrored={!pattern} testId="preview-video" />
          )}
          <div class="preview-controls">
            <button
              type="button"
              class="round"
              aria-pressed={microphone !== undefined && !muted}
              aria-label={
                microphone === undefined || muted ? 'Turn the microphone on' : 'Mute the microphone'
              }
              disabled={pending.has('microphone')}
              data-testid="mic-button"
              onClick={() => void media.toggleMicrophone()}
            >
              <Icon name={microphone === undefined || muted ? 'microphone-off' : 'microphone'} />
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
            <DeviceMenu media={media} />
          </div>
        </div>
        <form class="join-form" onSubmit={submit} noValidate>
          <div>
            <h1 id="join-title">Join a room</h1>
            <p class="muted">Come in as you are: watching needs no camera and no microphone.</p>
          </div>
          {state.ended !== undefined && (
            <div class="alert" role="alert" data-testid="error" data-code={state.ended.code}>
              <p class="alert-title">{state.ended.title}</p>
              <p>{state.ended.text}</p>
            </div>
          )}
          <Field
            label="Room"
            id="room"
            value={roomName}
            wrong={(touched || roomName !== '') && wrongRoom}
            onValue={onRoomName}
          />
          <Field
            label="Your name"
            id="name"
            value={peerName}
            wrong={(touched || peerName !== '') && wrongPeer}
            onValue={onPeerName}
          />
          <button type="submit" class="button-primary" disabled={busy} data-testid="join-button">
            {busy ? 'Joining…' : state.ended === undefined ? 'Join room' : 'Try again'}
          </button>
        </form>
      </section>
      <div class="lobby-columns">
        <section class="card" aria-labelledby="live-title">
          <h2 id="live-title">Live now</h2>
          <LivePanel live={live} onRoom={onRoomName} />
        </section>
        <section class="card" aria-labelledby="ways-title">
          <h2 id="ways-title">Other ways in</h2>
          <WaysInPanel room={isName(roomName) ? roomName : 'demo'} entry={entry} />
        </section>
      </div>
    </main>
  );
};

interface FieldProps {
  readonly label: string;
  readonly id: 'room' | 'name';
  readonly value: string;
  readonly wrong: boolean;
  readonly onValue: (value: string) => void;
}

const Field = ({ label, id, value, wrong, onValue }: FieldProps): JSX.Element => (
  <div class="field">
    <label for={`join-${id}`}>{label}</label>
    <input
      id={`join-${id}`}
      data-testid={`join-${id}`}
      value={value}
      autoComplete="off"
      autoCapitalize="none"
      spellcheck={false}
      maxLength={64}
      aria-invalid={wrong}
      aria-describedby={wrong ? `join-${id}-rule` : undefined}
      onInput={(event) => onValue(toName(event.currentTarget.value))}
    />
    {wrong && (
      <p class="field-rule" id={`join-${id}-rule`}>
        {NAME_RULE}
      </p>
    )}
  </div>
);
