import type { OpenMediaLink, PoolShape } from './media-link.ts';
import type { PublishScope, SubscribeScope } from './protocol.ts';
import type { OpenSocket } from './signaling-socket.ts';

export interface SessionOptions {
  /** The gateway's WebSocket; default `/ws` of the page's own server. */
  readonly url?: string;
  /** Receive slots to begin with; default 8 video, 0 audio, 3 mixer. */
  readonly receivers?: Partial<PoolShape>;
  /** Most receivers, mixer slots not counted, that `watch()` adds when all are in use; default 32. */
  readonly maxReceivers?: number;
  /** How long a lost session tries to come back, milliseconds; default for ever. */
  readonly giveUpAfterMs?: number;
  /** For tests and other transports; default the browser's. */
  readonly openSocket?: OpenSocket;
  readonly openMedia?: OpenMediaLink;
}

export interface JoinOptions {
  readonly room: string;
  /** One's own name: unique in the room. A session of the same name elsewhere is replaced. */
  readonly peer: string;
  /** A function is asked again before every reconnect. */
  readonly token?: string | (() => string | Promise<string>);
  /** Anything a page wants to say of its user, at most 4,096 bytes. */
  readonly metadata?: string;
  /** What the room sees of this session; default everything. */
  readonly publish?: PublishScope;
  /** What this session is told of the room; default everything. */
  readonly subscribe?: SubscribeScope;
}
