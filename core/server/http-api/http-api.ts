import type { Engine } from '@switchyard/core/engine';
import { ERROR_CODES, isName, type ProtocolError } from '@switchyard/shared/protocol';
import { type FastifyInstance, fastify } from 'fastify';
import type { GatewayStatus } from '../gateway-server.ts';
import { describeRoom, summarize } from './room-view.ts';

/** App of everybody while none is configured. */
export const DEFAULT_APP: string = 'default';

export interface HttpApiOptions {
  readonly engine: Engine;
  readonly node: string;
  readonly gateways: () => readonly GatewayStatus[];
}

/** The core's HTTP API. Errors are problem+json (RFC 9457); `code` is one of the error codes of the protocol. */
export function createHttpApi({ engine, node, gateways }: HttpApiOptions): FastifyInstance {
  const startedMs = Date.now();
  const api = fastify({ logger: false, forceCloseConnections: true });

  api.get('/health', (_request, reply) => {
    const attached = gateways();
    const healthy = attached.length > 0;
    return reply.code(healthy ? 200 : 503).send({
      status: healthy ? 'ok' : 'no gateway attached',
      node,
      uptimeSeconds: Math.round((Date.now() - startedMs) / 1000),
      rooms: [...engine.rooms].length,
      endpoints: engine.endpointCount,
      gateways: attached,
    });
  });

  api.get('/v1/rooms', () => ({ rooms: [...engine.rooms].map(summarize) }));

  api.get<{ Params: { room: string } }>('/v1/rooms/:room', (request, reply) => {
    const { room: name } = request.params;
    if (!isName(name))
      return reply
        .code(400)
        .type('application/problem+json')
        .send(problem({ code: 'invalid-name' }));
    const room = engine.room(DEFAULT_APP, name);
    if (room !== undefined) return describeRoom(room);
    return reply
      .code(404)
      .type('application/problem+json')
      .send(problem({ code: 'unknown-room', detail: name }));
  });

  api.setNotFoundHandler((request, reply) =>
    reply
      .code(404)
      .type('application/problem+json')
      .send({
        type: 'about:blank',
        title: 'There is no such resource.',
        status: 404,
        detail: request.url.slice(0, 200),
      }),
  );
  api.setErrorHandler((error: { statusCode?: number; message: string }, _request, reply) => {
    const status = error.statusCode ?? 500;
    return reply
      .code(status)
      .type('application/problem+json')
      .send(
        status < 500
          ? { type: 'about:blank', title: error.message, status, code: 'invalid-request' }
          : problem({ code: 'internal-error' }),
      );
  });
  return api;
}

function problem(error: ProtocolError): object {
  const { httpStatus, sentence } = ERROR_CODES[error.code];
  return { type: 'about:blank', title: sentence, status: httpStatus, code: error.code, detail: error.detail };
}
