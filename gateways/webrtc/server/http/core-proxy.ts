import httpProxy from '@fastify/http-proxy';
import { sendProblem } from '@switchyard/shared/runtime';
import type { FastifyInstance } from 'fastify';

export interface CoreProxyOptions {
  /** Of the core's HTTP API. */
  readonly host: string;
  readonly port: number;
  /** Development mode. */
  readonly isOpen: boolean;
}

/** `/api/core/*` → the core's HTTP API, so that the console needs one origin. */
export async function coreProxy(
  app: FastifyInstance,
  { host, port, isOpen }: CoreProxyOptions,
): Promise<void> {
  app.addHook('onRequest', async (request, reply) => {
    // Development mode asks for no token: a page of elsewhere must not kick peers by a form post.
    if (isOpen && request.headers['sec-fetch-site'] === 'cross-site')
      return sendProblem(reply, { code: 'not-allowed', detail: 'not from another site' });
    return undefined;
  });
  await app.register(httpProxy, {
    upstream: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    prefix: '/api/core',
    rewritePrefix: '/',
    http: { requestOptions: { timeout: 10_000 } },
    replyOptions: {
      onError: (reply) => {
        sendProblem(reply, { code: 'core-unavailable' });
      },
    },
  });
}
