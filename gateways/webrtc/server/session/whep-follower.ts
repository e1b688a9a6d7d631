import type { Codec } from '@switchyard/shared/media';
import type { LayerInfo, RemoteTrackInfo, TrackSource } from '@switchyard/shared/protocol';

/** Speakers that are remembered for when a picture ends. */
const SPEAKERS_MAX = 16;

interface Candidate {
  readonly source: TrackSource;
  /** Lowest first. */
  layers: readonly LayerInfo[];
  /** Order of starting, the newest highest. */
  readonly started: number;
}

/**
 * What a viewer without hands watches: the active speaker's picture, or the newest when nobody speaks, and when that
 * ends the next best. Pure; also picks an audio track when only one peer is watched.
 */
export class WhepFollower {
  readonly #canPlay: (codec: Codec) => boolean;
  readonly #videos = new Map<string, Candidate>();
  readonly #audios = new Map<string, Candidate>();
  /** Who spoke, the last one last. */
  readonly #speakers = new Set<string>();
  #speaker: string | undefined;
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

  /** Layers of what is watched, lowest first. */
  get videoLayers(): readonly LayerInfo[] | undefined {
    return this.#video?.layers;
  }

  /** The newest audio, for a viewer of one peer. */
  get audio(): TrackSource | undefined {
    return this.#audio?.source;
  }

  onTrackStarted(peer: string, info: RemoteTrackInfo): void {
    const key = keyOf(peer, info.name);
    if (!this.#canPlay(info.codec)) {
      this.onTrackStopped(peer, info.name);
      return;
    }
    const { layers } = info;
    const candidate = { source: { peer, track: info.name }, layers, started: this.#count++ };
    if (info.kind === 'audio') {
      this.#audios.set(key, candidate);
      this.#audio = candidate;
      return;
    }
    this.#videos.set(key, candidate);
    const watched = this.#video?.source.peer;
    // The newest picture is taken, but not from somebody who is speaking.
    if (watched === undefined || watched === peer || watched !== this.#speaker) this.#video = candidate;
  }

  /** The same track has other layers now. */
  onTrackUpdated(peer: string, { name, layers }: RemoteTrackInfo): void {
    const video = this.#videos.get(keyOf(peer, name));
    if (video !== undefined) video.layers = layers;
  }

  onTrackStopped(peer: string, track: string): void {
    const key = keyOf(peer, track);
    this.#videos.delete(key);
    this.#audios.delete(key);
    if (isSource(this.#audio, peer, track)) this.#audio = newest(this.#audios.values());
    if (isSource(this.#video, peer, track)) this.#video = this.#nextBest();
  }

  onPeerLeft(peer: string): void {
    this.#speakers.delete(peer);
    if (this.#speaker === peer) this.#speaker = undefined;
    for (const { source } of [...this.#videos.values(), ...this.#audios.values()])
      if (source.peer === peer) this.onTrackStopped(peer, source.track);
  }

  /** `peer` is the room's active speaker now; undefined: nobody speaks, and the picture stays. */
  onActiveSpeaker(peer: string | undefined): void {
    this.#speaker = peer;
    if (peer === undefined) return;
    this.#speakers.delete(peer);
    this.#speakers.add(peer);
    for (const oldest of this.#speakers) {
      if (this.#speakers.size <= SPEAKERS_MAX) break;
      this.#speakers.delete(oldest);
    }
    if (this.#video?.source.peer !== peer) this.#video = this.#newestVideoOf(peer) ?? this.#video;
  }

  /** The picture of whoever spoke last, otherwise the newest. */
  #nextBest(): Candidate | undefined {
    for (const peer of [...this.#speakers].reverse()) {
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

const isSource = (candidate: Candidate | undefined, peer: string, track: string): boolean =>
  candidate?.source.peer === peer && candidate.source.track === track;

function newest(candidates: Iterable<Candidate>): Candidate | undefined {
  let best: Candidate | undefined;
  for (const candidate of candidates)
    if (best === undefined || candidate.started > best.started) best = candidate;
  return best;
}
