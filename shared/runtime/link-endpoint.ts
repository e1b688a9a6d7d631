import type { MediaPacket } from '@switchyard/shared/media';
import type {
  ClientKind,
  EndpointControl,
  EndpointEvent,
  EndpointId,
  FanoutFrame,
  ProtocolError,
  TrackId,
} from '@switchyard/shared/protocol';

/** What a gateway's session gives for its endpoint. Called synchronously from the link's socket. */
export interface EndpointListener {
  onEvent(event: EndpointEvent): void;
}

/**
 * A gateway's side of one endpoint in the core. It outlives a core restart: joins, tracks, attachments and
 * subscriptions are registered again by the link, and the listener hears only what really changed.
 */
export interface LinkEndpoint {
  readonly id: EndpointId;
  /** Sends a control without waiting; errors come back as `error` events. */
  control(control: EndpointControl): void;
  /** Sends a control and waits for its reply. Never rejects: `core-unavailable` or `timeout` (5 s) are answers too. */
  request(control: EndpointControl): Promise<ProtocolError | undefined>;
  /** One packet of remote track `track`. Copied before the call returns. Dropped and counted while the core is away or the queue is full. */
  media(track: TrackId, packet: MediaPacket): void;
  /** Ends the endpoint; no event comes afterwards. Idempotent. */
  close(): void;
}

/** What a gateway process sees of the core. Implemented by {@link CoreLink}; tests may implement it in memory. */
export interface CorePort {
  readonly connected: boolean;
  openEndpoint(client: ClientKind, address: string | undefined, listener: EndpointListener): LinkEndpoint;
  /** Set once by the gateway's egress: receives every fan-out frame of the process. */
  onFanout: (frame: FanoutFrame) => void;
}
