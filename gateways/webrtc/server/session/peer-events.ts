import type { EndpointEvent, ProtocolError, SessionMessage } from '@switchyard/shared/protocol';
import type { PeerTransport } from '../peer-contract.ts';
import type { LocalSlots } from './local-slots.ts';
import type { RemoteTracks } from './remote-tracks.ts';
import { explain } from './session-error.ts';

/** Where an SDK session's events go; absent parts do not exist yet. */
export interface PeerEventTargets {
  tracks(): RemoteTracks | undefined;
  slots(): LocalSlots | undefined;
  transport(): PeerTransport | undefined;
  onClosed(error: ProtocolError): void;
}

/** Events of the endpoint in the SDK's words: tracks are named by sender name and by the slot's m-line. */
export class PeerEvents {
  readonly #client: { send(message: SessionMessage): void };
  readonly #targets: PeerEventTargets;
  #held: EndpointEvent[] | undefined;

  constructor(client: { send(message: SessionMessage): void }, targets: PeerEventTargets) {
    this.#client = client;
    this.#targets = targets;
  }

  /** Keeps events back until {@link release}. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const event of held) this.onEvent(event);
  }

  onEvent(event: EndpointEvent): void {
    if (this.#held !== undefined && event.type !== 'closed') {
      this.#held.push(event);
      return;
    }
    switch (event.type) {
      case 'peer-joined':
      case 'peer-updated':
      case 'peer-left':
      case 'track-started':
      case 'track-updated':
      case 'track-stopped':
      case 'voice-activity':
      case 'active-speaker':
      case 'channel-message':
      case 'places':
      case 'go-away':
        this.#client.send(event);
        return;
      case 'error':
        this.#client.send({ type: 'error', error: explain(event.error) });
        return;
      case 'closed':
        this.#targets.onClosed(event.error);
        return;
      case 'remote-track-keyframe-request': {
        const mid = this.#targets.tracks()?.midOf(event.track);
        if (mid !== undefined) this.#targets.transport()?.requestKeyframe(mid, event.spatial);
        return;
      }
      case 'remote-track-limit': {
        const name = this.#targets.tracks()?.nameOf(event.track);
        if (name !== undefined) this.#client.send({ type: 'sender-limit', name, maxBps: event.maxBps });
        return;
      }
      case 'remote-track-layers': {
        const name = this.#targets.tracks()?.nameOf(event.track);
        if (name !== undefined) this.#client.send({ type: 'sender-encodings', name, wanted: event.wanted });
        return;
      }
      case 'local-track-status':
      case 'local-track-layers':
      case 'mixer-slot-set':
      case 'mixer-slot-unset':
        this.#onSlotEvent(event);
        return;
      case 'estimate-config':
        this.#targets.transport()?.setDemand(event.currentBps, event.desiredBps);
        return;
      // Not asked for by these sessions.
      case 'source-layers':
      case 'reply':
        return;
    }
  }

  #onSlotEvent(
    event: Extract<
      EndpointEvent,
      { type: 'local-track-status' | 'local-track-layers' | 'mixer-slot-set' | 'mixer-slot-unset' }
    >,
  ): void {
    const mid = this.#targets.slots()?.midOf(event.track);
    if (mid === undefined) return;
    switch (event.type) {
      case 'local-track-status':
        this.#client.send({ type: 'receiver-status', mid, status: event.status, reason: event.reason });
        return;
      case 'local-track-layers': {
        const { current, target, bitrateBps, reason } = event;
        this.#client.send({ type: 'receiver-layers', mid, current, target, bitrateBps, reason });
        return;
      }
      case 'mixer-slot-set':
        this.#client.send({ type: 'receiver-source', mid, source: event.source });
        return;
      case 'mixer-slot-unset':
        this.#client.send({ type: 'receiver-source', mid, source: null });
        return;
    }
  }
}
