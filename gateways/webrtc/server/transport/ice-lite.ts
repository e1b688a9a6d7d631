import type { BurstAddress } from '@switchyard/shared/runtime';
import type { IceCredentials } from '../peer-contract.ts';
import { hasIntegrity, readStunRequest, writeBindingError, writeBindingSuccess } from './stun-message.ts';

/** Transaction ids that are remembered against replays from elsewhere. */
const TRANSACTIONS_MAX = 256;
/** Addresses one client may have validated at a time. */
const ADDRESSES_MAX = 16;
/** Generations of credentials that still answer after restarts. */
const GENERATIONS_MAX = 3;

/** Where packets of a client come from and go to. */
export interface Path {
  /** Unique per (socket, remote address, port). */
  readonly key: string;
  readonly address: string;
  readonly port: number;
  /** Index of the local UDP socket; −1 for a stream. */
  readonly socket: number;
  /** ICE-TCP: the connection that is this path. */
  readonly stream?: IceStream;
  /** Of its socket: how bursts get there, null where they do not. */
  target?: BurstAddress | null | undefined;
}

/** A connection that carries packets in frames. */
export interface IceStream {
  /** A check with the right password came by it. */
  isValidated: boolean;
  /** Copies. @returns false when the packet was dropped. */
  send(bytes: Uint8Array, length: number): boolean;
}

/** What became of a STUN packet. */
export interface StunOutcome {
  readonly response: Buffer;
  /** The path is authenticated now. */
  readonly validated: boolean;
}

/** The ICE-lite side of one client (RFC 8445 §2.7): always controlled, one component. Pure but for the HMAC. */
export class IceLite {
  readonly #passwords = new Map<string, string>();
  readonly #transactions = new Map<string, string>();
  readonly #validated = new Map<string, Path>();
  #credentials: IceCredentials;
  #path: Path | undefined;

  constructor(credentials: IceCredentials) {
    this.#credentials = credentials;
    this.#passwords.set(credentials.ufrag, credentials.password);
  }

  get credentials(): IceCredentials {
    return this.#credentials;
  }

  /** Where to send; undefined before the first check. */
  get path(): Path | undefined {
    return this.#path;
  }

  /** Every local ufrag that still answers. */
  get ufrags(): Iterable<string> {
    return this.#passwords.keys();
  }

  get validatedKeys(): Iterable<string> {
    return this.#validated.keys();
  }

  isValidated(key: string): boolean {
    return this.#validated.has(key);
  }

  /** New credentials; the old ones answer until the path has moved. @returns ufrags that no longer answer. */
  restart(credentials: IceCredentials): string[] {
    this.#credentials = credentials;
    this.#passwords.set(credentials.ufrag, credentials.password);
    const gone: string[] = [];
    for (const ufrag of this.#passwords.keys()) {
      if (this.#passwords.size <= GENERATIONS_MAX) break;
      this.#passwords.delete(ufrag);
      gone.push(ufrag);
    }
    return gone;
  }

  /** A binding request on `path`. @returns undefined when it is to be ignored without an answer. */
  handle(bytes: Buffer, path: Path): StunOutcome | undefined {
    const request = readStunRequest(bytes);
    if (request === undefined) return undefined;
    const password = this.#passwords.get(localUfrag(request.username));
    if (password === undefined || !hasIntegrity(bytes, request, password)) return undefined;
    const transaction = request.transactionId.toString('latin1');
    const seenOn = this.#transactions.get(transaction);
    // The same transaction from elsewhere is a replay by somebody who saw it pass.
    if (seenOn !== undefined && seenOn !== path.key) return undefined;
    this.#remember(transaction, path.key);
    if (request.controlled)
      return {
        response: writeBindingError(request.transactionId, 487, 'Role Conflict', password),
        validated: false,
      };
    this.#validate(path);
    if (request.useCandidate || this.#path === undefined) this.#path = path;
    return {
      response: writeBindingSuccess(request.transactionId, path.address, path.port, password),
      validated: true,
    };
  }

  #remember(transaction: string, key: string): void {
    this.#transactions.set(transaction, key);
    if (this.#transactions.size <= TRANSACTIONS_MAX) return;
    const oldest = this.#transactions.keys().next();
    if (oldest.done !== true) this.#transactions.delete(oldest.value);
  }

  #validate(path: Path): void {
    this.#validated.delete(path.key);
    this.#validated.set(path.key, path);
    for (const key of this.#validated.keys()) {
      if (this.#validated.size <= ADDRESSES_MAX) return;
      if (key !== this.#path?.key) this.#validated.delete(key);
    }
  }
}

/** The first half of a check's USERNAME names the receiver (RFC 8445 §7.2.2). */
export const localUfrag = (username: string): string => {
  const colon = username.indexOf(':');
  return colon < 0 ? '' : username.slice(0, colon);
};
