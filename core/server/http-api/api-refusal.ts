import type { ProtocolError } from '@switchyard/shared/protocol';

/** Ends a request with problem+json: what the caller did wrong, thrown by a handler. */
export class ApiRefusal extends Error {
  override name = 'ApiRefusal';
  readonly error: ProtocolError;
  /** Where HTTP has a better word than the code's own. */
  readonly status: number | undefined;

  constructor(error: ProtocolError, status?: number) {
    super(error.code);
    this.error = error;
    this.status = status;
  }
}
