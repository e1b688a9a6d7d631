import { describeError, type ProtocolError } from '@switchyard/shared/protocol';

/** `error` with the sentence that the SDK shows. */
export const explain = (error: ProtocolError): ProtocolError & { readonly message: string } => ({
  ...error,
  message: describeError(error),
});
