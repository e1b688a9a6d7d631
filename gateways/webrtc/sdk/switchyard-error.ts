import type { ErrorCode, ProtocolError } from './protocol.ts';

/**
 * What goes wrong on this side of the wire.
 * `connection-lost`: no WebSocket to the server. `cancelled`: `leave()` came first. `media-failed`: the browser
 * refused a session description or a track. `unsupported-browser`: no WebRTC here.
 */
export type LocalErrorCode = 'connection-lost' | 'cancelled' | 'media-failed' | 'unsupported-browser';

/** Every reason the SDK gives: the server's closed union and its own. */
export type SdkErrorCode = ErrorCode | LocalErrorCode;

/** Codes after which the same join may succeed later: the SDK retries these by itself. */
const PASSING: ReadonlySet<SdkErrorCode> = new Set([
  'connection-lost',
  'media-failed',
  'core-unavailable',
  'draining',
  'internal-error',
  'overloaded',
  'timeout',
]);

/** The one error class of the SDK. `code` is for programs, `message` a sentence for a person. */
export class SwitchyardError extends Error {
  override readonly name = 'SwitchyardError' as const;
  readonly code: SdkErrorCode;
  /** Names the offending key or value, for a developer. */
  readonly detail: string | undefined;

  constructor(code: SdkErrorCode, message: string, options: { detail?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.detail = options.detail;
  }

  /** The trouble may pass by itself: worth another try. */
  get passing(): boolean {
    return PASSING.has(this.code);
  }

  static fromServer(error: ProtocolError & { readonly message: string }): SwitchyardError {
    return new SwitchyardError(
      error.code,
      error.message,
      error.detail === undefined ? {} : { detail: error.detail },
    );
  }

  /** @returns `cause` itself when it is one of ours, otherwise an error with `code` around it. */
  static wrap(code: LocalErrorCode, message: string, cause: unknown): SwitchyardError {
    return cause instanceof SwitchyardError ? cause : new SwitchyardError(code, message, { cause });
  }
}
