import type { ServerResponse } from 'node:http';
import swagger from '@fastify/swagger';
import { problemOf, sendProblem } from '@switchyard/shared/runtime';
import { type FastifyInstance, fastify } from 'fastify';
import type { AdminAuth } from './admin-auth.ts';
import { ApiRefusal } from './api-refusal.ts';
import { docsPage } from './docs-page.ts';
import { type NodeRoutesOptions, nodeRoutes } from './node-routes.ts';
import { OPENAPI, SCHEMAS } from './openapi.ts';
import { guardOrigin } from './origin-guard.ts';
import { type RoomRoutesOptions, roomRoutes } from './room-routes.ts';
import { type TokenRoutesOptions, tokenRoutes } from './token-routes.ts';

/** Largest body of a request, bytes, and longest part of a URL. */
const BODY_MAX_BYTES = 16_384;
const URL_PART_MAX_LENGTH = 256;
const REQUEST_TIMEOUT_MS = 30_000;

export type HttpApiOptions = Omit<NodeRoutesOptions & RoomRoutesOptions & TokenRoutesOptions, 'auth'> & {
  readonly auth: AdminAuth;
  /** A bug showed itself. */
  onError(error: Error, url: string): void;
};

/** A response that fastify has no types for yet. */
const asReply = (raw: ServerResponse): Parameters<typeof sendProblem>[0] => ({
  code: (status) => {
    raw.statusCode = status;
  },
  header: (name, value) => raw.setHeader(name, value),
  type: (mediaType) => raw.setHeader('content-type', mediaType),
  send: (body) => raw.end(body),
});

/** The core's HTTP API. Errors are problem+json (RFC 9457); `code` is one of the error codes of the protocol. */
export function createHttpApi(options: HttpApiOptions): FastifyInstance {
  const api = fastify({
    logger: false,
    forceCloseConnections: true,
    bodyLimit: BODY_MAX_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    routerOptions: { maxParamLength: URL_PART_MAX_LENGTH },
    // URLs that cannot be decoded do not reach a handler.
    frameworkErrors: (error, _request, reply) => {
      const problem = problemOf(error);
      sendProblem(asReply(reply.raw), problem.error, problem.status);
    },
  });
  // The schemas are the documentation. What comes in is read by the handlers, in the words of our codes.
  api.setValidatorCompiler(() => () => true);
  api.setSerializerCompiler(() => (data) => JSON.stringify(data));
  for (const schema of SCHEMAS) api.addSchema(schema);
  api.setNotFoundHandler((request, reply) =>
    sendProblem(
      reply,
      {
        code: 'invalid-request',
        detail: `there is nothing at ${request.method} ${request.url.slice(0, 200)}`,
      },
      404,
    ),
  );
  api.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    if (error instanceof ApiRefusal) return sendProblem(reply, error.error, error.status);
    const problem = problemOf(error);
    if (problem.status >= 500) options.onError(error, request.url);
    return sendProblem(reply, problem.error, problem.status);
  });
  guardOrigin(api, options.auth.isOpen);
  api.register(swagger, {
    openapi: OPENAPI,
    refResolver: { buildLocalReference: ({ $id }, _base, _fragment, index) => `${$id ?? `schema-${index}`}` },
  });
  api.register(async (scope) => {
    nodeRoutes(scope, options);
    roomRoutes(scope, options);
    tokenRoutes(scope, options);
    scope.get('/openapi.json', { schema: { hide: true } }, () => api.swagger());
    docsPage(scope);
  });
  return api;
}
