import type { Codec } from '@switchyard/shared/media';
import type { LayerInfo, RemoteTrackInfo, TrackSource } from '@switchyard/shared/protocol';
import { PictureTrust } from './picture-trust.ts';

/** Speakers that are remembered for when a picture ends. */
const SPEAKERS_MAX = 16;
/** What is told of a slot so soon after a switch may still be about the source before, milliseconds. */
const SETTLE_MS = 500;

interface Candidate {
  readonly source: TrackSource;
  /** Lowest first. */
  layers: readonly LayerInfo[];
  /** Order in which they were told of, the newest highest. */
  readonly started: number;
  readonly trust: PictureTrust;
}

/**
 * What a viewer without hands watches: the active speaker's picture, or the newest when nobody speaks, and when that
 * ends the next best. A picture that is silent is left for one that may flow: a publisher that vanished stays in the room
 * for some time, and so does one whose camera is off. When no other flows either, the viewer stays. Pure: whoever owns it
 * calls {@link tick} at {@link deadlineMs} and looks at {@link video} after each call. Also picks an audio track when only
 * one peer is watched.
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
  /** As the slot was told of last. */
  #isSilent = false;
  /** The silence of what is watched is known to be its own, and counted. */
  #isFoundSilent = false;
  #watchedSinceMs = 0;
  #flowsSinceMs = 0;

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

  /** When {@link tick} has something to decide; `Infinity`: not before something else happens. */
  get deadlineMs(): number {
    if (this.#video === undefined) return Number.POSITIVE_INFINITY;
    if (this.#isSilent && !this.#isFoundSilent) return this.#watchedSinceMs + SETTLE_MS;
    let deadlineMs = Number.POSITIVE_INFINITY;
    for (const candidate of this.#videos.values())
      if (this.#isPreferred(candidate)) deadlineMs = Math.min(deadlineMs, candidate.trust.untilMs);
    return deadlineMs;
  }

  onTrackStarted(peer: string, info: RemoteTrackInfo, nowMs: number): void {
    const key = keyOf(peer, info.name);
    if (!this.#canPlay(info.codec)) {
      this.onTrackStopped(peer, info.name, nowMs);
      return;
    }
    const candidate: Candidate = {
      source: { peer, track: info.name },
      layers: info.layers,
      started: this.#count++,
      trust: new PictureTrust(),
    };
    if (info.kind === 'audio') {
      this.#audios.set(key, candidate);
      this.#audio = candidate;
      return;
    }
    this.#videos.set(key, candidate);
    const watched = this.#video?.source.peer;
    // The newest picture is taken, but not from somebody who is speaking and seen.
    const isSpeaking = watched !== undefined && watched === this.#speaker && !this.#isFoundSilent;
    if (!isSpeaking || watched === peer) this.#watch(candidate, nowMs);
  }

  /** The same track has other layers now. */
  onTrackUpdated(peer: string, { name, layers }: RemoteTrackInfo): void {
    const video = this.#videos.get(keyOf(peer, name));
    if (video !== undefined) video.layers = layers;
  }

  onTrackStopped(peer: string, track: string, nowMs: number): void {
    const key = keyOf(peer, track);
    this.#videos.delete(key);
    this.#audios.delete(key);
    if (isSource(this.#audio, peer, track)) this.#audio = newest(this.#audios.values());
    if (isSource(this.#video, peer, track)) this.#watch(this.#nextBest(nowMs), nowMs);
  }

  onPeerLeft(peer: string, nowMs: number): void {
    this.#speakers.delete(peer);
    if (this.#speaker === peer) this.#speaker = undefined;
    for (const { source } of [...this.#videos.values(), ...this.#audios.values()])
      if (source.peer === peer) this.onTrackStopped(peer, source.track, nowMs);
  }

  /** `peer` is the room's active speaker now; undefined: nobody speaks, and the picture stays. */
  onActiveSpeaker(peer: string | undefined, nowMs: number): void {
    this.#speaker = peer;
    if (peer === undefined) return;
    this.#speakers.delete(peer);
    this.#speakers.add(peer);
    for (const oldest of this.#speakers) {
      if (this.#speakers.size <= SPEAKERS_MAX) break;
      this.#speakers.delete(oldest);
    }
    this.tick(nowMs);
  }

  /** What is watched sends nothing (`source-silent`), or does again. Not for a viewer of one peer: it has no choice. */
  onSilence(isSilent: boolean, nowMs: number): void {
    if (this.#isSilent && !isSilent) {
      this.#flowsSinceMs = nowMs;
      this.#isFoundSilent = false;
    }
    this.#isSilent = isSilent;
    this.tick(nowMs);
  }

  /** Leaves a picture that is silent; goes (back) to the speaker's when that may be tried. */
  tick(nowMs: number): void {
    const watched = this.#video;
    if (watched === undefined) return;
    if (this.#isSilent && !this.#isFoundSilent && nowMs >= this.#watchedSinceMs + SETTLE_MS) {
      this.#isFoundSilent = true;
      watched.trust.lose(nowMs - this.#flowsSinceMs, nowMs);
    }
    for (const candidate of this.#videos.values()) {
      if (!this.#isPreferred(candidate) || !candidate.trust.isGiven(nowMs)) continue;
      this.#watch(this.#nextBest(nowMs), nowMs);
      return;
    }
    // Nothing is left to try: where one would be, were they all to flow.
    if (this.#isFoundSilent) this.#watch(this.#nextBest(nowMs), nowMs);
  }

  /** It would be watched in place of what is, if it can be trusted. */
  #isPreferred(candidate: Candidate): boolean {
    if (candidate === this.#video) return false;
    if (this.#isFoundSilent) return true;
    return candidate.source.peer === this.#speaker && this.#video?.source.peer !== this.#speaker;
  }

  #watch(candidate: Candidate | undefined, nowMs: number): void {
    if (candidate === this.#video) return;
    this.#video = candidate;
    this.#isFoundSilent = false;
    this.#watchedSinceMs = nowMs;
    this.#flowsSinceMs = nowMs;
  }

  /** The picture of whoever spoke last, otherwise the newest; one that is not trusted only when there is no other. */
  #nextBest(nowMs: number): Candidate | undefined {
    const all = [...this.#videos.values()];
    const trusted = all.filter(
      (candidate) => candidate.trust.isGiven(nowMs) && !(candidate === this.#video && this.#isFoundSilent),
    );
    const videos = trusted.length > 0 ? trusted : all;
    for (const peer of [...this.#speakers].reverse()) {
      const video = newest(videos.filter(({ source }) => source.peer === peer));
      if (video !== undefined) return video;
    }
    return newest(videos);
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
