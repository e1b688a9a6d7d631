import type { MediaPacket } from '@switchyard/shared/media';
import {
  type EndpointControl,
  type EndpointEvent,
  type EndpointId,
  EndpointJournal,
  FRAME_TYPES,
  type ProtocolError,
  RoomMirror,
  type TrackId,
  trackId,
  type Undo,
} from '@switchyard/shared/protocol';
import type { EndpointListener, LinkEndpoint } from '../link-endpoint.ts';
import type { LinkWriter } from './link-writer.ts';

/** How long a request waits for the core's reply. */
export const REQUEST_TIMEOUT_MS: number = 5000;

/** What an endpoint needs of its link. */
export interface EndpointHome {
  /** Undefined while the core is away. */
  readonly writer: LinkWriter | undefined;
  forget(id: EndpointId): void;
  mediaDropped(): void;
}

interface PendingRequest {
  readonly control: EndpointControl;
  /** Takes it back from the journal when it is refused. */
  readonly undo: Undo;
  readonly deadlineMs: number;
  /** Absent for controls whose sender does not wait. */
  readonly resolve?: (error: ProtocolError | undefined) => void;
  /** A join that is said again after a restart: when it is refused, the endpoint has lost its room. */
  readonly replayed: boolean;
}

const CORE_UNAVAILABLE: ProtocolError = { code: 'core-unavailable' };

/** Controls that carry `request`; the others are never answered. */
const isAnswered = (control: EndpointControl): control is Extract<EndpointControl, { request?: number }> =>
  control.type !== 'open' &&
  control.type !== 'close' &&
  control.type !== 'local-track-keyframe-request' &&
  control.type !== 'egress-estimate';

/** Controls that a core which is away cannot be told later, because somebody waits for the outcome. */
const isOnlyNow = (control: EndpointControl): boolean =>
  control.type === 'join' || control.type === 'channel-publish';

/** One endpoint on a {@link CoreLink}: keeps what it asked for and what it was told over a restart of the core. */
export class LinkedEndpoint implements LinkEndpoint {
  readonly id: EndpointId;
  readonly #home: EndpointHome;
  readonly #listener: EndpointListener;
  readonly #journal = new EndpointJournal();
  readonly #mirror = new RoomMirror();
  readonly #pending = new Map<number, PendingRequest>();
  /** Video encodings that lost packets to a full queue: track × 16 + spatial. */
  readonly #dropped = new Set<number>();
  #nextRequest = 1;
  #closed = false;

  constructor(id: EndpointId, home: EndpointHome, listener: EndpointListener) {
    this.id = id;
    this.#home = home;
    this.#listener = listener;
  }

  control(control: EndpointControl): void {
    if (this.#closed) return;
    if (this.#home.writer === undefined && isOnlyNow(control)) {
      this.#deliver({ type: 'error', error: CORE_UNAVAILABLE });
      return;
    }
    this.#send(control);
  }

  request(control: EndpointControl): Promise<ProtocolError | undefined> {
    if (this.#closed) return Promise.resolve({ code: 'unknown-endpoint' });
    if (this.#home.writer === undefined) {
      if (isOnlyNow(control) || !this.#journal.joined) return Promise.resolve(CORE_UNAVAILABLE);
      this.#journal.record(control);
      return Promise.resolve(undefined);
    }
    return new Promise((resolve) => this.#send(control, resolve));
  }

  media(track: TrackId, packet: MediaPacket): void {
    if (this.#closed) return;
    const { writer } = this.#home;
    if (writer?.media(this.id, track, packet) === true) return;
    this.#home.mediaDropped();
    if (writer !== undefined && packet.codec !== 'opus') this.#dropped.add(track * 16 + packet.spatial);
  }

  close(): void {
    if (this.#closed) return;
    this.#home.writer?.json(FRAME_TYPES.control, { type: 'close' }, this.id);
    this.#end();
  }

  /** The core is there (again) and knows nothing of this endpoint. */
  attached(): void {
    for (const control of this.#journal.replay())
      this.#write(control, () => {}, undefined, control.type === 'join');
  }

  /** The core is gone. Who waits for an answer that matters now gets it. */
  detached(): void {
    this.#mirror.markStale();
    this.#dropped.clear();
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { control, undo, resolve, replayed } of pending) {
      if (!isOnlyNow(control) || replayed) {
        resolve?.(undefined);
        continue;
      }
      undo();
      if (resolve !== undefined) resolve(CORE_UNAVAILABLE);
      else this.#deliver({ type: 'error', error: CORE_UNAVAILABLE });
    }
  }

  /** Grace after a reattachment is over: what the core did not say again is gone. */
  settle(): void {
    for (const event of this.#mirror.expireStale()) this.#deliver(event);
  }

  /** The queue that dropped packets has drained. */
  recovered(): void {
    const lost = [...this.#dropped];
    this.#dropped.clear();
    for (const key of lost)
      this.#deliver({
        type: 'remote-track-keyframe-request',
        track: trackId(key >> 4),
        spatial: key & 15,
      });
  }

  expireRequests(nowMs: number): void {
    for (const [request, pending] of this.#pending) {
      if (pending.deadlineMs > nowMs) continue;
      this.#pending.delete(request);
      pending.resolve?.({ code: 'timeout' });
    }
  }

  receive(event: EndpointEvent): void {
    if (event.type === 'reply') {
      this.#replied(event.request, event.error);
      return;
    }
    if (event.type === 'closed') this.#end();
    const news = this.#mirror.apply(event);
    if (news !== undefined) this.#listener.onEvent(news);
  }

  #replied(request: number, error: ProtocolError | undefined): void {
    const pending = this.#pending.get(request);
    if (pending === undefined) return;
    this.#pending.delete(request);
    if (error !== undefined) pending.undo();
    if (error === undefined && pending.control.type === 'leave') this.#mirror.clear();
    if (pending.resolve !== undefined) pending.resolve(error);
    else if (error !== undefined && pending.replayed) this.receive({ type: 'closed', error });
    else if (error !== undefined) this.#deliver({ type: 'error', error });
  }

  #send(control: EndpointControl, resolve?: (error: ProtocolError | undefined) => void): void {
    if (control.type === 'join') this.#mirror.clear();
    this.#write(control, this.#journal.record(control), resolve, false);
  }

  #write(
    control: EndpointControl,
    undo: Undo,
    resolve: ((error: ProtocolError | undefined) => void) | undefined,
    replayed: boolean,
  ): void {
    const { writer } = this.#home;
    if (writer === undefined) {
      resolve?.(undefined);
      return;
    }
    if (!isAnswered(control)) {
      writer.json(FRAME_TYPES.control, control, this.id);
      resolve?.(undefined);
      return;
    }
    const request = this.#nextRequest++;
    this.#pending.set(request, {
      control,
      undo,
      deadlineMs: performance.now() + REQUEST_TIMEOUT_MS,
      replayed,
      ...(resolve === undefined ? {} : { resolve }),
    });
    if (!writer.json(FRAME_TYPES.control, { ...control, request }, this.id))
      this.#replied(request, { code: 'limit-exceeded', detail: 'the control is longer than a frame' });
  }

  #deliver(event: EndpointEvent): void {
    if (!this.#closed) this.#listener.onEvent(event);
  }

  #end(): void {
    this.#closed = true;
    this.#home.forget(this.id);
    for (const { resolve } of this.#pending.values()) resolve?.({ code: 'unknown-endpoint' });
    this.#pending.clear();
  }
}
