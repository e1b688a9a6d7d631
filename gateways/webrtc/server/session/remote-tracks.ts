import type { Codec, MediaPacket } from '@switchyard/shared/media';
import {
  type BitrateMode,
  type LayerInfo,
  type ProtocolError,
  type RemoteTrackInfo,
  type TrackId,
  trackId,
} from '@switchyard/shared/protocol';
import type { LinkEndpoint } from '@switchyard/shared/runtime';

/** What the client says of a track it sends. */
export interface TrackDeclaration {
  readonly name: string;
  readonly metadata?: string;
  readonly priority?: number;
  readonly bitrateMode?: BitrateMode;
}

interface RemoteTrack {
  readonly mid: string;
  declaration: TrackDeclaration;
  /** Known since the first packet. */
  facts: { readonly codec: Codec; readonly layers: readonly LayerInfo[] } | undefined;
  /** Its number while it is started in the room. */
  track: TrackId | undefined;
  /** Last limit of the core, bits per second. */
  maxBps: number | undefined;
}

/**
 * What a client sends, by m-line: declared by the negotiation, started in the room when the first packet has told codec
 * and layers (not before: a track that never sends is never seen), stopped when the m-line ends.
 */
export class RemoteTracks {
  readonly #endpoint: LinkEndpoint;
  readonly #onRefused: (name: string, error: ProtocolError) => void;
  readonly #byMid = new Map<string, RemoteTrack>();
  readonly #byTrack = new Map<number, RemoteTrack>();
  #nextTrack = 1;
  #room = true;

  /** @param onRefused The core did not take a track. */
  constructor(endpoint: LinkEndpoint, onRefused: (name: string, error: ProtocolError) => void) {
    this.#endpoint = endpoint;
    this.#onRefused = onRefused;
  }

  /** The m-lines on which the client sends now, all of them: those not listed stop. */
  declare(declarations: ReadonlyMap<string, TrackDeclaration>): void {
    for (const [mid, remote] of this.#byMid) {
      if (declarations.get(mid)?.name === remote.declaration.name) continue;
      this.#stop(remote);
      this.#byMid.delete(mid);
    }
    for (const [mid, declaration] of declarations) {
      const known = this.#byMid.get(mid);
      if (known === undefined)
        this.#byMid.set(mid, { mid, declaration, facts: undefined, track: undefined, maxBps: undefined });
      else this.#redeclare(known, declaration);
    }
  }

  /** Changes metadata, priority or mode of the track `name`. @returns The core's answer. */
  async update(name: string, change: Omit<TrackDeclaration, 'name'>): Promise<ProtocolError | undefined> {
    const remote = [...this.#byMid.values()].find(({ declaration }) => declaration.name === name);
    if (remote === undefined) return { code: 'unknown-track', detail: name };
    remote.declaration = { ...remote.declaration, ...change };
    if (remote.track === undefined) return undefined;
    return this.#endpoint.request({ type: 'remote-track-update', track: remote.track, ...change });
  }

  onTrackFacts(mid: string, codec: Codec, layers: readonly LayerInfo[]): void {
    const remote = this.#byMid.get(mid);
    if (remote === undefined) return;
    const before = remote.facts;
    remote.facts = { codec, layers };
    if (remote.track !== undefined && before?.codec === codec) {
      this.#endpoint.control({ type: 'remote-track-update', track: remote.track, layers });
      return;
    }
    // A track's codec is fixed in the room: another one is another track under the same name.
    this.#stop(remote);
    this.#start(remote);
  }

  /** Hot path. */
  onMedia(mid: string, packet: MediaPacket): void {
    const track = this.#byMid.get(mid)?.track;
    if (track !== undefined) this.#endpoint.media(track, packet);
  }

  midOf(track: TrackId): string | undefined {
    return this.#byTrack.get(track)?.mid;
  }

  nameOf(track: TrackId): string | undefined {
    return this.#byTrack.get(track)?.declaration.name;
  }

  /** Records the core's limit of a track. @returns The sum over all limited tracks, bits per second. */
  limit(track: TrackId, maxBps: number): number {
    const limited = this.#byTrack.get(track);
    if (limited !== undefined) limited.maxBps = maxBps;
    let sum = 0;
    for (const remote of this.#byTrack.values()) sum += remote.maxBps ?? 0;
    return sum;
  }

  /** The endpoint left its room: the core has forgotten the tracks. */
  onLeft(): void {
    this.#room = false;
    this.#byTrack.clear();
    for (const remote of this.#byMid.values()) remote.track = undefined;
  }

  /** The endpoint joined a room (again): what flows is started there. */
  onJoined(): void {
    this.onLeft();
    this.#room = true;
    for (const remote of this.#byMid.values()) if (remote.facts !== undefined) this.#start(remote);
  }

  #redeclare(remote: RemoteTrack, declaration: TrackDeclaration): void {
    const { name: _, ...before } = remote.declaration;
    const { name: _name, ...after } = declaration;
    remote.declaration = declaration;
    if (remote.track === undefined || JSON.stringify(before) === JSON.stringify(after)) return;
    this.#endpoint.control({ type: 'remote-track-update', track: remote.track, ...after });
  }

  #start(remote: RemoteTrack): void {
    if (remote.facts === undefined || !this.#room) return;
    const { codec, layers } = remote.facts;
    const info: RemoteTrackInfo = {
      ...remote.declaration,
      kind: codec === 'opus' ? 'audio' : 'video',
      codec,
      layers: codec === 'opus' ? [] : layers,
    };
    const track = trackId(this.#nextTrack);
    this.#nextTrack = (this.#nextTrack % 0xffff) + 1;
    remote.track = track;
    this.#byTrack.set(track, remote);
    this.#endpoint.request({ type: 'remote-track-start', track, info }).then((error) => {
      if (error === undefined || error.code === 'core-unavailable' || error.code === 'timeout') return;
      this.#byTrack.delete(track);
      if (remote.track === track) remote.track = undefined;
      this.#onRefused(info.name, error);
    });
  }

  #stop(remote: RemoteTrack): void {
    if (remote.track === undefined) return;
    this.#endpoint.control({ type: 'remote-track-stop', track: remote.track });
    this.#byTrack.delete(remote.track);
    remote.track = undefined;
    remote.maxBps = undefined;
  }
}
