import { ERROR_CODES, type ProtocolError } from '@switchyard/shared/protocol';

/** Seconds after which a client may try again what the server could not do now. */
const RETRY_AFTER_S = 1;

/** The part of a fastify reply that is needed; proxied replies are of a wider type. */
interface ProblemReply {
  code(status: number): unknown;
  header(name: string, value: string | number): unknown;
  type(mediaType: string): unknown;
  send(body: string): unknown;
}

/** Answers with problem+json (RFC 9457): title and status from the error's code, detail from what was wrong. */
export function sendProblem<Reply extends ProblemReply>(
  reply: Reply,
  error: ProtocolError,
  httpStatus?: number,
): Reply {
  const meaning = ERROR_CODES[error.code];
  const status = httpStatus ?? meaning.httpStatus;
  if (status === 503) reply.header('retry-after', RETRY_AFTER_S);
  // RFC 6750 §3: a request without a token is told no more than that it needs one.
  if (status === 401)
    reply.header(
      'www-authenticate',
      error.code === 'token-required'
        ? 'Bearer realm="switchyard"'
        : `Bearer realm="switchyard", error="invalid_token", error_description="${meaning.sentence}"`,
    );
  reply.code(status);
  reply.type('application/problem+json');
  reply.send(
    JSON.stringify({
      type: 'about:blank',
      title: meaning.sentence,
      status,
      code: error.code,
      ...(error.detail === undefined ? {} : { detail: error.detail }),
    }),
  );
  return reply;
}

/** What fastify itself refuses: wrong media types, bodies too large, malformed URLs; and bugs. */
export function problemOf(error: { readonly statusCode?: number | undefined; readonly message: string }): {
  readonly error: ProtocolError;
  readonly status: number;
} {
  const status = error.statusCode ?? 500;
  if (status >= 500) return { error: { code: 'internal-error' }, status: 500 };
  return { error: { code: 'invalid-request', detail: error.message }, status };
}
