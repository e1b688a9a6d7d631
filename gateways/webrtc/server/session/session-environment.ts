import type { IceServer } from '@switchyard/shared/protocol';
import type { AccessControl, CorePort } from '@switchyard/shared/runtime';
import type { TransportFactory } from '../peer-contract.ts';
import type { PlayoutDelays } from './playout-delays.ts';

/** What a session takes from its process. Nothing below reads a clock or a random source of its own. */
export interface SessionEnvironment {
  readonly core: CorePort;
  readonly transports: TransportFactory;
  readonly access: AccessControl;
  /** What viewers of which room are told of when to show a picture. */
  readonly playoutDelays: PlayoutDelays;
  /** Most receive slots of one SDK client. */
  readonly maxReceivers: number;
  /** STUN and TURN servers for one client, with credentials that end. */
  iceServers(client: string): readonly IceServer[];
  nowMs(): number;
  /** Calls `run` once, `delayMs` from now. @returns Calls it off. */
  after(delayMs: number, run: () => void): () => void;
  /** Random SSRC, 32 bits, not 0. */
  newSsrc(): number;
  /** Unguessable token of letters, digits, `-` and `_`, at least 128 bits. */
  newToken(): string;
  /** `length` random lower-case letters and digits. */
  newSuffix(length: number): string;
}
