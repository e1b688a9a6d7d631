import type { EndpointControl } from './endpoint.ts';

type ControlOf<Type extends EndpointControl['type']> = Extract<EndpointControl, { type: Type }>;

/** Takes back what a control changed, unless something later has changed it again. */
export type Undo = () => void;

const nothing: Undo = () => {};

/** `control` without its request number: a replay waits for nothing. */
function withoutRequest<Control extends EndpointControl>(control: Control): Control {
  if (!('request' in control)) return control;
  const { request: _, ...rest } = control;
  return rest as Control;
}

/** What is held of one room. */
interface RoomPart {
  readonly join: ControlOf<'join'>;
  readonly peers: Map<string, ControlOf<'subscribe-peer'>>;
  readonly subscribedLabels: Map<string, ControlOf<'channel-subscribe'>>;
  readonly publishedLabels: Map<string, ControlOf<'channel-publish-start'>>;
  readonly remoteTracks: Map<number, ControlOf<'remote-track-start'>>;
  readonly localTracks: Map<number, ControlOf<'local-track-attach'>>;
  /** One or none, under the key 0. */
  readonly mixer: Map<0, ControlOf<'mixer-attach'>>;
}

const enter = (join: ControlOf<'join'>): RoomPart => ({
  join,
  peers: new Map(),
  subscribedLabels: new Map(),
  publishedLabels: new Map(),
  remoteTracks: new Map(),
  localTracks: new Map(),
  mixer: new Map(),
});

/**
 * What an endpoint has asked of the core and still holds, so that a core which lost everything can be told again.
 * Pure: controls go in, the shortest list that reproduces their effect comes out.
 */
export class EndpointJournal {
  #open: ControlOf<'open'> | undefined;
  #estimate: ControlOf<'egress-estimate'> | undefined;
  #room: RoomPart | undefined;

  /** Whether the endpoint is in a room (or asked to be). */
  get joined(): boolean {
    return this.#room !== undefined;
  }

  /** Notes a control as if it succeeded. @returns What to call when the core refuses it. */
  record(sent: EndpointControl): Undo {
    const control = withoutRequest(sent);
    switch (control.type) {
      case 'open':
        this.#open = control;
        return nothing;
      case 'close':
        this.#room = undefined;
        this.#open = undefined;
        return nothing;
      case 'join':
        return this.#enter(enter(control));
      case 'leave':
        this.#room = undefined;
        return nothing;
      case 'egress-estimate':
        this.#estimate = control;
        return nothing;
      case 'local-track-keyframe-request':
      case 'channel-publish':
        return nothing;
      default:
        return this.#room === undefined ? nothing : this.#recordInRoom(this.#room, control);
    }
  }

  /** What to send to a core that knows nothing of this endpoint, in order. */
  replay(): EndpointControl[] {
    const controls: EndpointControl[] = [];
    if (this.#open !== undefined) controls.push(this.#open);
    if (this.#room !== undefined) {
      const { join, peers, remoteTracks, localTracks, mixer, subscribedLabels, publishedLabels } = this.#room;
      controls.push(join);
      for (const part of [peers, remoteTracks, localTracks, mixer, subscribedLabels, publishedLabels])
        controls.push(...part.values());
    }
    if (this.#estimate !== undefined) controls.push(this.#estimate);
    return controls;
  }

  /** A join that is refused leaves the endpoint in the room where it was. */
  #enter(room: RoomPart): Undo {
    const before = this.#room;
    this.#room = room;
    return () => {
      if (this.#room?.join === room.join) this.#room = before;
    };
  }

  #recordInRoom(
    room: RoomPart,
    control: Exclude<
      EndpointControl,
      {
        type:
          | 'open'
          | 'close'
          | 'join'
          | 'leave'
          | 'egress-estimate'
          | 'local-track-keyframe-request'
          | 'channel-publish';
      }
    >,
  ): Undo {
    switch (control.type) {
      case 'update-peer':
        return this.#updatePeer(room, control.metadata);
      case 'subscribe-peer':
        return put(room.peers, control.peer, control);
      case 'unsubscribe-peer':
        return drop(room.peers, control.peer);
      case 'remote-track-start':
        return put(room.remoteTracks, control.track, control);
      case 'remote-track-update': {
        const { type: _type, track, ...change } = control;
        return amend(room.remoteTracks, track, (start) => ({ ...start, info: { ...start.info, ...change } }));
      }
      case 'remote-track-stop':
        return drop(room.remoteTracks, control.track);
      case 'local-track-attach':
        return put(room.localTracks, control.track, control);
      case 'local-track-detach':
        return drop(room.localTracks, control.track);
      case 'local-track-config':
        return amend(room.localTracks, control.track, (attach) => ({ ...attach, config: control.config }));
      case 'mixer-attach':
        return put(room.mixer, 0, control);
      case 'mixer-config': {
        const { type: _type, ...change } = control;
        return amend(room.mixer, 0, (attach) => ({ ...attach, ...change }));
      }
      case 'mixer-detach':
        return drop(room.mixer, 0);
      case 'channel-subscribe':
        return put(room.subscribedLabels, control.label, control);
      case 'channel-unsubscribe':
        return drop(room.subscribedLabels, control.label);
      case 'channel-publish-start':
        return put(room.publishedLabels, control.label, control);
      case 'channel-publish-stop':
        return drop(room.publishedLabels, control.label);
    }
  }

  #updatePeer(room: RoomPart, metadata: string): Undo {
    const join = { ...room.join, metadata };
    const updated = { ...room, join };
    this.#room = updated;
    return () => {
      if (this.#room === updated) this.#room = room;
    };
  }
}

function put<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): Undo {
  const before = map.get(key);
  map.set(key, value);
  return () => {
    if (map.get(key) !== value) return;
    if (before === undefined) map.delete(key);
    else map.set(key, before);
  };
}

const amend = <Key, Value>(map: Map<Key, Value>, key: Key, change: (before: Value) => Value): Undo => {
  const before = map.get(key);
  return before === undefined ? nothing : put(map, key, change(before));
};

/** A removal that is refused means that the core has nothing to remove. */
function drop<Key>(map: Map<Key, unknown>, key: Key): Undo {
  map.delete(key);
  return nothing;
}
