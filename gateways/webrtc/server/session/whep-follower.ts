import type { Codec } from '@switchyard/shared/media';
import type { RemoteTrackInfo, TrackSource } from '@switchyard/shared/protocol';

/** A speaker who was silent this long may lose the picture, milliseconds. */
const SPEAKER_HOLD_MS = 1500;
/** Someone else must have been heard this often in a row (one event is at most 500 ms of speech) to get it. */
const TAKEOVER_EVENTS = 2;

interface Candidate {
  readonly source: TrackSource;
  readonly codec: Codec;
  /** Order of starting, the newest highest. */
  readonly started: number;
}

interface Voice {
  lastMs: number;
  /** Events in a row, not interrupted by {@link SPEAKER_HOLD_MS} of silence. */
  streak: number;
}

/**
 * What a viewer without hands watches: the active speaker's picture, or the newest when nobody speaks, and when that
 * ends the next best. Pure; also picks an audio track when only one peer is watched.
 */
export class WhepFollower {
  readonly #canPlay: (codec: Codec) => boolean;
  readonly #videos = new Map<string, Candidate>();
  readonly #audios = new Map<string, Candidate>();
  readonly #voices = new Map<string, Voice>();
  #count = 0;
  #video: Candidate | undefined;
  #audio: Candidate | undefined;

  /** @param canPlay Whether the viewer takes this codec. */
  constructor(canPlay: (codec: Codec) => boolean) {
    this.#canPlay = canPlay;
  }

  /** What to watch now. */
  get video(): TrackSource | undefined {
    return this.#video?.source;
  }

  /** The newest audio, for a viewer of one peer. */
  get audio(): TrackSource | undefined {
    return this.#audio?.source;
  }

  onTrackStarted(peer: string, info: RemoteTrackInfo, nowMs: number): void {
    const key = keyOf(peer, info.name);
    const known = info.kind === 'video' ? this.#videos : this.#audios;
    if (!this.#canPlay(info.codec)) {
      this.onTrackStopped(peer, info.name);
      return;
    }
    const candidate = { source: { peer, track: info.name }, codec: info.codec, started: this.#count++ };
    known.set(key, candidate);
    if (info.kind === 'audio') {
      this.#audio = candidate;
      return;
    }
    const watched = this.#video?.source.peer;
    // The newest picture is taken, but not from somebody who is speaking.
    if (watched === undefined || watched === peer || !this.#speaks(watched, nowMs)) this.#video = candidate;
  }

  onTrackStopped(peer: string, track: string): void {
    const key = keyOf(peer, track);
    this.#videos.delete(key);
    this.#audios.delete(key);
    if (this.#audio !== undefined && keyOf(this.#audio.source.peer, this.#audio.source.track) === key)
      this.#audio = newest(this.#audios.values());
    if (this.#video !== undefined && keyOf(this.#video.source.peer, this.#video.source.track) === key)
      this.#video = this.#nextBest();
  }

  onPeerLeft(peer: string): void {
    this.#voices.delete(peer);
    for (const { source } of [...this.#videos.values(), ...this.#audios.values()])
      if (source.peer === peer) this.onTrackStopped(peer, source.track);
  }

  /** `peer` was heard. */
  onVoice(peer: string, nowMs: number): void {
    const voice = this.#voices.get(peer) ?? { lastMs: nowMs, streak: 0 };
    voice.streak = nowMs - voice.lastMs > SPEAKER_HOLD_MS ? 1 : voice.streak + 1;
    voice.lastMs = nowMs;
    this.#voices.set(peer, voice);
    const watched = this.#video?.source.peer;
    if (watched === undefined || watched === peer || voice.streak < TAKEOVER_EVENTS) return;
    if (this.#speaks(watched, nowMs)) return;
    this.#video = this.#newestVideoOf(peer) ?? this.#video;
  }

  #speaks(peer: string, nowMs: number): boolean {
    const voice = this.#voices.get(peer);
    return voice !== undefined && voice.streak >= TAKEOVER_EVENTS && nowMs - voice.lastMs <= SPEAKER_HOLD_MS;
  }

  /** The picture of whoever spoke last, otherwise the newest. */
  #nextBest(): Candidate | undefined {
    const speakers = [...this.#voices].sort(([, a], [, b]) => b.lastMs - a.lastMs);
    for (const [peer] of speakers) {
      const video = this.#newestVideoOf(peer);
      if (video !== undefined) return video;
    }
    return newest(this.#videos.values());
  }

  #newestVideoOf(peer: string): Candidate | undefined {
    return newest([...this.#videos.values()].filter(({ source }) => source.peer === peer));
  }
}

/** Names hold no space. */
const keyOf = (peer: string, track: string): string => `${peer} ${track}`;

function newest(candidates: Iterable<Candidate>): Candidate | undefined {
  let best: Candidate | undefined;
  for (const candidate of candidates)
    if (best === undefined || candidate.started > best.started) best = candidate;
  return best;
}
