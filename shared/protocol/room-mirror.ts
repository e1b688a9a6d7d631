import type { RemoteTrackInfo } from './endpoint.ts';
import type { EndpointEvent } from './endpoint-event.ts';

interface MirroredTrack {
  info: RemoteTrackInfo;
  stale: boolean;
}

interface MirroredPeer {
  metadata: string | undefined;
  /** The client was told `peer-joined`; a subscriber of tracks alone is not. */
  announced: boolean;
  stale: boolean;
  readonly tracks: Map<string, MirroredTrack>;
}

const newPeer = (): MirroredPeer => ({
  metadata: undefined,
  announced: false,
  stale: false,
  tracks: new Map(),
});

const sameInfo = (a: RemoteTrackInfo, b: RemoteTrackInfo): boolean => JSON.stringify(a) === JSON.stringify(b);

/**
 * What one endpoint has been told of its room, so that a restarted core's replay reaches the client only where
 * something really changed. Pure; whoever owns it decides when the grace time is over.
 */
export class RoomMirror {
  readonly #peers = new Map<string, MirroredPeer>();
  readonly #staleSlots = new Set<number>();
  readonly #slots = new Map<number, Extract<EndpointEvent, { type: 'mixer-slot-set' }>>();

  /** The core is gone: all that is known is now hearsay until it is said again. */
  markStale(): void {
    for (const peer of this.#peers.values()) {
      peer.stale = true;
      for (const track of peer.tracks.values()) track.stale = true;
    }
    for (const slot of this.#slots.keys()) this.#staleSlots.add(slot);
  }

  clear(): void {
    this.#peers.clear();
    this.#slots.clear();
    this.#staleSlots.clear();
  }

  /** @returns What to tell the client: the event, a lesser one, or nothing when it knows already. */
  apply(event: EndpointEvent): EndpointEvent | undefined {
    switch (event.type) {
      case 'peer-joined':
        return this.#peerJoined(event);
      case 'peer-updated': {
        const peer = this.#peers.get(event.peer);
        if (peer !== undefined) peer.metadata = event.metadata;
        return event;
      }
      case 'peer-left':
        this.#peers.delete(event.peer);
        return event;
      case 'track-started':
        return this.#trackStarted(event);
      case 'track-updated': {
        const track = this.#peers.get(event.peer)?.tracks.get(event.info.name);
        if (track !== undefined) track.info = event.info;
        return event;
      }
      case 'track-stopped':
        this.#peers.get(event.peer)?.tracks.delete(event.track);
        return event;
      case 'mixer-slot-set':
        this.#staleSlots.delete(event.track);
        this.#slots.set(event.track, event);
        return event;
      case 'mixer-slot-unset':
        this.#staleSlots.delete(event.track);
        this.#slots.delete(event.track);
        return event;
      default:
        return event;
    }
  }

  /** Ends the grace time after a restart: who was not announced again is gone. */
  expireStale(): EndpointEvent[] {
    const events: EndpointEvent[] = [];
    for (const [name, peer] of this.#peers) {
      for (const [trackName, track] of peer.tracks) {
        if (!track.stale) continue;
        peer.tracks.delete(trackName);
        events.push({ type: 'track-stopped', peer: name, track: trackName });
      }
      if (!peer.stale) continue;
      this.#peers.delete(name);
      if (peer.announced) events.push({ type: 'peer-left', peer: name });
    }
    for (const slot of this.#staleSlots) {
      const set = this.#slots.get(slot);
      this.#slots.delete(slot);
      if (set !== undefined) events.push({ type: 'mixer-slot-unset', track: set.track });
    }
    this.#staleSlots.clear();
    return events;
  }

  #peerJoined(event: Extract<EndpointEvent, { type: 'peer-joined' }>): EndpointEvent | undefined {
    const known = this.#peers.get(event.peer);
    if (known === undefined) {
      this.#peers.set(event.peer, {
        metadata: event.metadata,
        announced: true,
        stale: false,
        tracks: new Map(),
      });
      return event;
    }
    const announced = known.announced && known.stale;
    known.announced = true;
    known.stale = false;
    if (!announced) return event;
    if (known.metadata === event.metadata) return undefined;
    known.metadata = event.metadata;
    return { ...event, type: 'peer-updated' };
  }

  #trackStarted(event: Extract<EndpointEvent, { type: 'track-started' }>): EndpointEvent | undefined {
    const peer = this.#peers.get(event.peer) ?? newPeer();
    if (!peer.announced) peer.stale = false;
    this.#peers.set(event.peer, peer);
    const known = peer.tracks.get(event.info.name);
    if (known === undefined || !known.stale) {
      peer.tracks.set(event.info.name, { info: event.info, stale: false });
      return event;
    }
    const unchanged = sameInfo(known.info, event.info);
    peer.tracks.set(event.info.name, { info: event.info, stale: false });
    return unchanged ? undefined : { ...event, type: 'track-updated' };
  }
}
