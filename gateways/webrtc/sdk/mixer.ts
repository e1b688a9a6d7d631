import type { SessionRequestBody, TrackSource } from './protocol.ts';

type MixerConfig = Extract<SessionRequestBody, { type: 'mixer-config' }>;

/** How a mixer asks its session. @throws SwitchyardError */
export interface MixerPort {
  request(body: MixerConfig): Promise<void>;
}

/**
 * What the mixer slots of a session play: the loudest speakers of the room (`auto`), or the loudest of the sources one
 * has chosen (`manual`). Never oneself. What is asked for outlives a reconnect.
 */
export class Mixer {
  readonly #port: MixerPort;
  #mode: 'auto' | 'manual' = 'auto';
  #sources: readonly TrackSource[] = [];
  #paused = false;

  constructor(port: MixerPort) {
    this.#port = port;
  }

  get mode(): 'auto' | 'manual' {
    return this.#mode;
  }

  /** The chosen sources; empty in the mode `auto`. */
  get sources(): readonly TrackSource[] {
    return this.#sources;
  }

  /** A paused mixer plays nothing and costs no bandwidth. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Plays the loudest of the room. @throws SwitchyardError */
  setAuto(): Promise<void> {
    return this.#ask({ type: 'mixer-config', mode: 'auto' });
  }

  /**
   * Plays the loudest of these sources, all of them when there are as many slots; in place of those chosen before. At
   * most 64. A source may appear later.
   *
   * @throws SwitchyardError
   */
  setManual(sources: readonly TrackSource[]): Promise<void> {
    return this.#ask({ type: 'mixer-config', mode: 'manual', sources });
  }

  /** @throws SwitchyardError */
  pause(): Promise<void> {
    return this.#ask({ type: 'mixer-config', paused: true });
  }

  /** @throws SwitchyardError */
  resume(): Promise<void> {
    return this.#ask({ type: 'mixer-config', paused: false });
  }

  /** @internal What to ask for on a new connection. */
  standing(): MixerConfig[] {
    // A mixer starts like this.
    if (this.#mode === 'auto' && !this.#paused) return [];
    const sources = this.#mode === 'manual' ? { sources: this.#sources } : {};
    return [{ type: 'mixer-config', mode: this.#mode, paused: this.#paused, ...sources }];
  }

  /** @internal The session is over. */
  reset(): void {
    this.#mode = 'auto';
    this.#sources = [];
    this.#paused = false;
  }

  async #ask(change: MixerConfig): Promise<void> {
    const before = { mode: this.#mode, sources: this.#sources, paused: this.#paused };
    this.#mode = change.mode ?? this.#mode;
    this.#sources = change.sources ?? (change.mode === 'auto' ? [] : this.#sources);
    this.#paused = change.paused ?? this.#paused;
    try {
      await this.#port.request(change);
    } catch (error) {
      this.#mode = before.mode;
      this.#sources = before.sources;
      this.#paused = before.paused;
      throw error;
    }
  }
}
