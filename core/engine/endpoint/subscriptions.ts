import { type ProtocolError, SUBSCRIPTIONS_MAX, type SubscribeScope } from '@switchyard/shared/protocol';
import type { Room } from '../room/room.ts';
import { checkName, fail } from './control-check.ts';
import type { Endpoint } from './endpoint.ts';

/** Of whom one endpoint is told: of everybody in its scope, and of the peers that it named. */
export class Subscriptions {
  readonly #owner: Endpoint;
  readonly #peers = new Set<string>();
  #scope: SubscribeScope = { peers: false, tracks: false };

  constructor(owner: Endpoint) {
    this.#owner = owner;
  }

  get scope(): SubscribeScope {
    return this.#scope;
  }

  begin(scope: SubscribeScope): void {
    this.#scope = scope;
    this.#peers.clear();
  }

  wants(peer: string, kind: 'peers' | 'tracks'): boolean {
    return this.#scope[kind] || this.#peers.has(peer);
  }

  /** Tells what the scope has not told already. A peer who is not here yet is told of when it comes. */
  subscribe(room: Room, peer: string): ProtocolError | undefined {
    const wrong = checkName(peer);
    if (wrong !== undefined) return wrong;
    if (this.#peers.has(peer)) return undefined;
    if (this.#peers.size >= SUBSCRIPTIONS_MAX) return fail('limit-exceeded', `${SUBSCRIPTIONS_MAX} peers`);
    this.#peers.add(peer);
    room.replayPeer(this.#owner, peer, { peers: !this.#scope.peers, tracks: !this.#scope.tracks });
    return undefined;
  }

  /** Tells that what the scope does not show is gone. Local tracks that are attached to it stay attached. */
  unsubscribe(room: Room, peer: string): ProtocolError | undefined {
    if (!this.#peers.delete(peer)) return fail('unknown-peer', peer);
    const known = room.peers.get(peer);
    if (known === undefined || room.isOwn(this.#owner, peer)) return undefined;
    if (!this.#scope.tracks)
      for (const track of known.tracks.keys()) this.#owner.tell({ type: 'track-stopped', peer, track });
    if (!this.#scope.peers && known.shown) this.#owner.tell({ type: 'peer-left', peer });
    return undefined;
  }
}
