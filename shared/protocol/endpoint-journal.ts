import type { EndpointControl } from './endpoint.ts';

type ControlOf<Type extends EndpointControl['type']> = Extract<EndpointControl, { type: Type }>;

/** `control` without its request number: a replay waits for nothing. */
function withoutRequest<Control extends EndpointControl>(control: Control): Control {
  if (!('request' in control)) return control;
  const { request: _, ...rest } = control;
  return rest as Control;
}

/**
 * What an endpoint has asked of the core and still holds, so that a core which lost everything can be told again.
 * Pure: controls go in, the shortest list that reproduces their effect comes out.
 */
export class EndpointJournal {
  #open: ControlOf<'open'> | undefined;
  #join: ControlOf<'join'> | undefined;
  #mixer: ControlOf<'mixer-attach'> | undefined;
  #estimate: ControlOf<'egress-estimate'> | undefined;
  readonly #peers = new Map<string, ControlOf<'subscribe-peer'>>();
  readonly #channels = new Map<string, ControlOf<'channel-subscribe'>>();
  readonly #remoteTracks = new Map<number, ControlOf<'remote-track-start'>>();
  readonly #localTracks = new Map<number, ControlOf<'local-track-attach'>>();

  /** Whether the endpoint is in a room (or asked to be). */
  get joined(): boolean {
    return this.#join !== undefined;
  }

  record(sent: EndpointControl): void {
    const control = withoutRequest(sent);
    switch (control.type) {
      case 'open':
        this.#open = control;
        return;
      case 'close':
        this.#forgetRoom();
        this.#open = undefined;
        return;
      case 'join':
        if (this.#join !== undefined) this.#forgetRoom();
        this.#join = control;
        return;
      case 'leave':
        this.#forgetRoom();
        return;
      case 'update-peer':
        if (this.#join !== undefined) this.#join = { ...this.#join, metadata: control.metadata };
        return;
      case 'subscribe-peer':
        this.#peers.set(control.peer, control);
        return;
      case 'unsubscribe-peer':
        this.#peers.delete(control.peer);
        return;
      case 'remote-track-start':
        this.#remoteTracks.set(control.track, control);
        return;
      case 'remote-track-update': {
        const { type: _type, track, ...change } = control;
        const start = this.#remoteTracks.get(track);
        if (start !== undefined)
          this.#remoteTracks.set(track, { ...start, info: { ...start.info, ...change } });
        return;
      }
      case 'remote-track-stop':
        this.#remoteTracks.delete(control.track);
        return;
      case 'local-track-attach':
        this.#localTracks.set(control.track, control);
        return;
      case 'local-track-detach':
        this.#localTracks.delete(control.track);
        return;
      case 'local-track-config': {
        const attach = this.#localTracks.get(control.track);
        if (attach !== undefined) this.#localTracks.set(control.track, { ...attach, config: control.config });
        return;
      }
      case 'mixer-attach':
        this.#mixer = control;
        return;
      case 'mixer-detach':
        this.#mixer = undefined;
        return;
      case 'egress-estimate':
        this.#estimate = control;
        return;
      case 'channel-subscribe':
        this.#channels.set(control.label, control);
        return;
      case 'channel-unsubscribe':
        this.#channels.delete(control.label);
        return;
      case 'local-track-keyframe-request':
      case 'channel-publish':
        return;
    }
  }

  /** The core refused `control`: it holds nothing. */
  refused(control: EndpointControl): void {
    switch (control.type) {
      case 'join':
        this.#forgetRoom();
        return;
      case 'remote-track-start':
        this.#remoteTracks.delete(control.track);
        return;
      case 'local-track-attach':
        this.#localTracks.delete(control.track);
        return;
      case 'mixer-attach':
        this.#mixer = undefined;
        return;
      case 'subscribe-peer':
        this.#peers.delete(control.peer);
        return;
      case 'channel-subscribe':
        this.#channels.delete(control.label);
        return;
      default:
        return;
    }
  }

  /** What to send to a core that knows nothing of this endpoint, in order. */
  replay(): EndpointControl[] {
    const controls: (EndpointControl | undefined)[] = [
      this.#open,
      this.#join === undefined ? undefined : { ...this.#join, resumed: true },
      ...this.#peers.values(),
      ...this.#remoteTracks.values(),
      ...this.#localTracks.values(),
      this.#mixer,
      ...this.#channels.values(),
      this.#estimate,
    ];
    return controls.filter((control) => control !== undefined);
  }

  #forgetRoom(): void {
    this.#join = undefined;
    this.#mixer = undefined;
    this.#peers.clear();
    this.#channels.clear();
    this.#remoteTracks.clear();
    this.#localTracks.clear();
  }
}
