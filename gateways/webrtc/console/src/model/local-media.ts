import { type Sender, type Session, SwitchyardError } from '@switchyard/sdk';
import { type Explanation, explainDevice, explainError } from './explain-error.ts';
import type { PublishSource } from './launch-options.ts';
import { Store } from './store.ts';
import { startTestPattern, type TestPattern } from './test-pattern.ts';

export interface LocalMediaState {
  readonly camera: MediaStreamTrack | undefined;
  readonly microphone: MediaStreamTrack | undefined;
  readonly muted: boolean;
  readonly screen: MediaStreamTrack | undefined;
  readonly pattern: boolean;
  /** What is being asked for: its button waits. */
  readonly pending: ReadonlySet<PublishSource>;
  readonly cameras: readonly MediaDeviceInfo[];
  readonly microphones: readonly MediaDeviceInfo[];
}

/** Track names in the room: the same as those of OBS and phones. */
export const TRACK_NAMES = {
  camera: 'video_main',
  microphone: 'audio_main',
  screen: 'screen',
  screenAudio: 'screen_audio',
} as const;

const CAMERA: MediaTrackConstraints = {
  width: { ideal: 1280 },
  height: { ideal: 720 },
  frameRate: { ideal: 30 },
};
const MUTED_METADATA = '{"muted":true}';
const LABELS = {
  camera: 'Camera',
  microphone: 'Microphone',
  screen: 'Screen',
  pattern: 'Test picture',
} as const;

/** Camera, microphone and screen of this page: before a session, in it, and from one session to the next. */
export class LocalMedia extends Store<LocalMediaState> {
  readonly #onTrouble: (explanation: Explanation) => void;
  #session: Session | undefined;
  #pattern: TestPattern | undefined;
  #screenAudio: MediaStreamTrack | undefined;

  constructor(onTrouble: (explanation: Explanation) => void) {
    super({
      camera: undefined,
      microphone: undefined,
      muted: false,
      screen: undefined,
      pattern: false,
      pending: new Set(),
      cameras: [],
      microphones: [],
    });
    this.#onTrouble = onTrouble;
    navigator.mediaDevices?.addEventListener('devicechange', () => void this.listDevices());
  }

  /** Publishes what is on, and from now on what is switched on. */
  async enter(session: Session): Promise<void> {
    this.#session = session;
    const { camera, microphone, screen } = this.state;
    await Promise.all([
      camera && this.#publish(camera, TRACK_NAMES.camera),
      microphone && this.#publish(microphone, TRACK_NAMES.microphone),
      screen && this.#publish(screen, TRACK_NAMES.screen),
    ]);
  }

  /** The session is over; the devices stay on for the next one. */
  exit(): void {
    this.#session = undefined;
    this.#stopScreen();
  }

  async start(sources: readonly PublishSource[], deviceId?: string): Promise<void> {
    for (const source of sources) {
      if (this.state.pending.has(source)) continue;
      this.update({ pending: new Set([...this.state.pending, source]) });
      try {
        await this.#start(source, deviceId);
      } catch (error) {
        const trouble =
          error instanceof SwitchyardError ? explainError(error) : explainDevice(LABELS[source], error);
        if (trouble !== undefined) this.#onTrouble(trouble);
      } finally {
        this.update({ pending: new Set([...this.state.pending].filter((each) => each !== source)) });
      }
    }
    void this.listDevices();
  }

  async toggleCamera(): Promise<void> {
    if (this.state.camera === undefined) await this.start(['camera']);
    else await this.stopCamera();
  }

  /** The first time asks for the microphone; then mutes and unmutes, so that its track stays in the room. */
  async toggleMicrophone(): Promise<void> {
    const { microphone, muted } = this.state;
    if (microphone === undefined) {
      await this.start(['microphone']);
      return;
    }
    microphone.enabled = muted;
    this.update({ muted: !muted });
    await this.#tellMuted();
  }

  async toggleScreen(): Promise<void> {
    if (this.state.screen === undefined) await this.start(['screen']);
    else this.#stopScreen();
  }

  async togglePattern(): Promise<void> {
    if (this.state.pattern) await this.stopCamera();
    else await this.start(['pattern']);
  }

  async stopCamera(): Promise<void> {
    const { camera } = this.state;
    camera?.stop();
    if (this.#pattern !== undefined) this.#stopPattern();
    this.update({ camera: undefined, pattern: false });
    await this.#session?.unpublish(TRACK_NAMES.camera).catch((error) => this.#onTrouble(explainError(error)));
  }

  async listDevices(): Promise<void> {
    const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    this.update({
      cameras: devices.filter(({ kind, deviceId }) => kind === 'videoinput' && deviceId !== ''),
      microphones: devices.filter(({ kind, deviceId }) => kind === 'audioinput' && deviceId !== ''),
    });
  }

  async #start(source: PublishSource, deviceId: string | undefined): Promise<void> {
    switch (source) {
      case 'camera': {
        const wanted = deviceId === undefined ? CAMERA : { ...CAMERA, deviceId: { exact: deviceId } };
        const stream = await devices().getUserMedia({ video: wanted });
        await this.#useCamera(stream.getVideoTracks()[0], false);
        return;
      }
      case 'microphone': {
        const audio = deviceId === undefined ? true : { deviceId: { exact: deviceId } };
        const stream = await devices().getUserMedia({ audio });
        await this.#useMicrophone(stream.getAudioTracks()[0]);
        return;
      }
      case 'screen': {
        const stream = await devices().getDisplayMedia({ video: { frameRate: { ideal: 15 } }, audio: true });
        await this.#useScreen(stream.getVideoTracks()[0], stream.getAudioTracks()[0]);
        return;
      }
      case 'pattern': {
        const pattern = startTestPattern(this.#session?.peer ?? 'Test picture');
        await this.#useCamera(pattern.video, true);
        await this.#useMicrophone(pattern.audio);
        this.#pattern = pattern;
        return;
      }
    }
  }

  async #useCamera(track: MediaStreamTrack | undefined, pattern: boolean): Promise<void> {
    if (track === undefined) return;
    this.state.camera?.stop();
    if (this.#pattern !== undefined) this.#stopPattern();
    this.#watch(
      track,
      () => ({ camera: undefined }),
      () => this.state.camera === track,
    );
    this.update({ camera: track, pattern });
    await this.#publish(track, TRACK_NAMES.camera);
  }

  async #useMicrophone(track: MediaStreamTrack | undefined): Promise<void> {
    if (track === undefined) return;
    this.state.microphone?.stop();
    this.#watch(
      track,
      () => ({ microphone: undefined }),
      () => this.state.microphone === track,
    );
    this.update({ microphone: track, muted: false });
    await this.#publish(track, TRACK_NAMES.microphone);
    await this.#tellMuted();
  }

  async #useScreen(track: MediaStreamTrack | undefined, audio: MediaStreamTrack | undefined): Promise<void> {
    if (track === undefined) return;
    track.contentHint = 'detail';
    track.addEventListener('ended', () => {
      if (this.state.screen === track) this.#stopScreen();
    });
    this.#screenAudio = audio;
    this.update({ screen: track });
    await this.#publish(track, TRACK_NAMES.screen);
    if (audio !== undefined) await this.#publish(audio, TRACK_NAMES.screenAudio);
  }

  #stopScreen(): void {
    this.state.screen?.stop();
    this.#screenAudio?.stop();
    this.#screenAudio = undefined;
    this.update({ screen: undefined });
    for (const name of [TRACK_NAMES.screen, TRACK_NAMES.screenAudio])
      void this.#session?.unpublish(name).catch(() => undefined);
  }

  #stopPattern(): void {
    const pattern = this.#pattern;
    this.#pattern = undefined;
    pattern?.stop();
    if (pattern === undefined || this.state.microphone !== pattern.audio) return;
    this.update({ microphone: undefined });
    void this.#session?.unpublish(TRACK_NAMES.microphone).catch(() => undefined);
  }

  /** A device that is unplugged is off. */
  #watch(track: MediaStreamTrack, change: () => Partial<LocalMediaState>, isCurrent: () => boolean): void {
    track.addEventListener('ended', () => {
      if (isCurrent()) this.update(change());
    });
  }

  async #publish(track: MediaStreamTrack, name: string): Promise<void> {
    const session = this.#session;
    if (session === undefined) return;
    const sender: Sender | undefined = session.senders.get(name);
    if (sender !== undefined) await sender.replaceTrack(track);
    else
      await session.publish(track, {
        name,
        ...(track.kind === 'audio' && this.state.muted ? { metadata: MUTED_METADATA } : {}),
      });
  }

  async #tellMuted(): Promise<void> {
    const metadata = this.state.muted ? MUTED_METADATA : '{}';
    await this.#session?.senders
      .get(TRACK_NAMES.microphone)
      ?.update({ metadata })
      .catch((error) => this.#onTrouble(explainError(error)));
  }
}

/** @throws TypeError on a page that is neither https nor localhost. */
const devices = (): MediaDevices => {
  if (navigator.mediaDevices === undefined) throw new TypeError('no devices here');
  return navigator.mediaDevices;
};

/** Whether the metadata of a peer's audio says that it is muted. */
export const saysMuted = (metadata: string | undefined): boolean =>
  metadata?.includes('"muted":true') === true;
