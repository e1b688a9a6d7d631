import type { RemoteTrackInfo } from './protocol.ts';

/** A track in the room, as it is now. Replaced by a new object when it changes. */
export interface RoomTrack extends RemoteTrackInfo {
  readonly peer: string;
}

/** Somebody in the room, as they are now. Replaced by a new object when anything of them changes. */
export interface RoomPeer {
  readonly name: string;
  readonly metadata?: string;
  /** By track name. */
  readonly tracks: ReadonlyMap<string, RoomTrack>;
}

export type RoomChange =
  | { readonly type: 'peer-joined' | 'peer-updated' | 'peer-left'; readonly peer: RoomPeer }
  | { readonly type: 'track-started' | 'track-updated' | 'track-stopped'; readonly track: RoomTrack };

interface Entry {
  peer: RoomPeer;
  /** Told by `peer-joined`, not only known by a track. */
  announced: boolean;
}

/**
 * Who is in the room and what they publish. After a reconnect the server tells everything again: what was known
 * stays, told twice is told once, and {@link settle} removes what was not told again, so that a page that comes back
 * does not see everybody leave and return.
 */
export class RoomView {
  readonly #entries = new Map<string, Entry>();
  readonly #onChange: (change: RoomChange) => void;
  /** Peers and tracks from before the reconnect which have not been told again. */
  readonly #stale = new Set<string>();

  constructor(onChange: (change: RoomChange) => void) {
    this.#onChange = onChange;
  }

  get peers(): ReadonlyMap<string, RoomPeer> {
    return new Map([...this.#entries].map(([name, { peer }]) => [name, peer]));
  }

  track(peer: string, name: string): RoomTrack | undefined {
    return this.#entries.get(peer)?.peer.tracks.get(name);
  }

  onPeer(name: string, metadata: string | undefined): void {
    const entry = this.#entries.get(name);
    this.#stale.delete(keyOf(name));
    const peer: RoomPeer = {
      name,
      ...(metadata === undefined ? {} : { metadata }),
      tracks: entry?.peer.tracks ?? new Map(),
    };
    const known = entry?.announced === true;
    if (known && entry?.peer.metadata === metadata) return;
    this.#entries.set(name, { peer, announced: true });
    this.#onChange({ type: known ? 'peer-updated' : 'peer-joined', peer });
  }

  onPeerLeft(name: string): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    for (const track of [...entry.peer.tracks.keys()]) this.onTrackStopped(name, track);
    this.#stale.delete(keyOf(name));
    this.#entries.delete(name);
    if (entry.announced) this.#onChange({ type: 'peer-left', peer: { ...entry.peer, tracks: new Map() } });
  }

  onTrack(peer: string, info: RemoteTrackInfo): void {
    const entry = this.#entries.get(peer) ?? { peer: { name: peer, tracks: new Map() }, announced: false };
    this.#stale.delete(keyOf(peer, info.name));
    const before = entry.peer.tracks.get(info.name);
    const track: RoomTrack = { ...info, peer };
    if (before !== undefined && JSON.stringify(before) === JSON.stringify(track)) return;
    const tracks = new Map(entry.peer.tracks).set(info.name, track);
    this.#entries.set(peer, { ...entry, peer: { ...entry.peer, tracks } });
    this.#onChange({ type: before === undefined ? 'track-started' : 'track-updated', track });
  }

  onTrackStopped(peer: string, name: string): void {
    const entry = this.#entries.get(peer);
    const track = entry?.peer.tracks.get(name);
    if (entry === undefined || track === undefined) return;
    this.#stale.delete(keyOf(peer, name));
    const tracks = new Map(entry.peer.tracks);
    tracks.delete(name);
    if (tracks.size === 0 && !entry.announced) this.#entries.delete(peer);
    else this.#entries.set(peer, { ...entry, peer: { ...entry.peer, tracks } });
    this.#onChange({ type: 'track-stopped', track });
  }

  /** The server is about to tell the room anew. */
  expectRetelling(): void {
    for (const [name, { peer, announced }] of this.#entries) {
      if (announced) this.#stale.add(keyOf(name));
      for (const track of peer.tracks.keys()) this.#stale.add(keyOf(name, track));
    }
  }

  /** The retelling is over: what it left out is gone. */
  settle(): void {
    for (const [name, { peer }] of [...this.#entries]) {
      for (const track of [...peer.tracks.keys()])
        if (this.#stale.has(keyOf(name, track))) this.onTrackStopped(name, track);
      if (this.#stale.has(keyOf(name))) this.onPeerLeft(name);
    }
    this.#stale.clear();
  }

  /** Forgets everything, silently. */
  clear(): void {
    this.#entries.clear();
    this.#stale.clear();
  }
}

/** Names hold no blank. */
const keyOf = (peer: string, track = ''): string => `${peer} ${track}`;
