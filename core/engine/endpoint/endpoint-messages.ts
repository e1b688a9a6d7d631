import {
  type EndpointControl,
  MESSAGE_MAX_BYTES,
  type ProtocolError,
  SUBSCRIPTIONS_MAX,
  utf8Length,
} from '@switchyard/shared/protocol';
import type { Room } from '../room/room.ts';
import { checkName, fail } from './control-check.ts';
import type { Endpoint } from './endpoint.ts';

type MessageControl = Extract<
  EndpointControl,
  {
    type:
      | 'channel-subscribe'
      | 'channel-unsubscribe'
      | 'channel-publish-start'
      | 'channel-publish-stop'
      | 'channel-publish';
  }
>;

/** The message channels of one endpoint: what it hears and what it says. */
export class EndpointMessages {
  readonly #owner: Endpoint;
  readonly #subscribed = new Set<string>();
  readonly #published = new Set<string>();

  constructor(owner: Endpoint) {
    this.#owner = owner;
  }

  handle(room: Room, control: MessageControl, nowMs: number): ProtocolError | undefined {
    const { label } = control;
    const wrong = checkName(label);
    if (wrong !== undefined) return wrong;
    switch (control.type) {
      case 'channel-subscribe':
        if (!take(this.#subscribed, label)) return tooMany();
        room.labels.subscribe(this.#owner, label);
        return undefined;
      case 'channel-unsubscribe':
        this.#subscribed.delete(label);
        if (room.labels.unsubscribe(this.#owner, label)) return undefined;
        return fail('invalid-request', `not subscribed to ${label}`);
      case 'channel-publish-start':
        return this.#start(room, label);
      case 'channel-publish-stop':
        this.#published.delete(label);
        if (room.labels.stopPublish(this.#owner, label)) return undefined;
        return fail('invalid-request', `not publishing ${label}`);
      case 'channel-publish':
        return this.#publish(room, label, control.data, nowMs);
    }
  }

  leave(room: Room): void {
    for (const label of this.#subscribed) room.labels.unsubscribe(this.#owner, label);
    for (const label of this.#published) room.labels.stopPublish(this.#owner, label);
    this.#subscribed.clear();
    this.#published.clear();
  }

  #start(room: Room, label: string): ProtocolError | undefined {
    if (!take(this.#published, label)) return tooMany();
    room.labels.startPublish(this.#owner, label);
    return undefined;
  }

  #publish(room: Room, label: string, data: string, nowMs: number): ProtocolError | undefined {
    if (utf8Length(data) > MESSAGE_MAX_BYTES) return fail('limit-exceeded', `${MESSAGE_MAX_BYTES} bytes`);
    const { peer, session } = this.#owner;
    const error = this.#start(room, label);
    if (error === undefined) room.fabric.send(room.map, { label, peer, session, data }, nowMs);
    return error;
  }
}

/** @returns false when the set is full. */
function take(labels: Set<string>, label: string): boolean {
  if (!labels.has(label) && labels.size >= SUBSCRIPTIONS_MAX) return false;
  labels.add(label);
  return true;
}

const tooMany = (): ProtocolError => fail('limit-exceeded', `${SUBSCRIPTIONS_MAX} labels`);
