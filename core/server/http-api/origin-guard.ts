import { isLocalHost, isLocalOrigin } from '@switchyard/shared/runtime';
import type { FastifyInstance } from 'fastify';
import { ApiRefusal } from './api-refusal.ts';

const CORS_HEADERS: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'Retry-After, WWW-Authenticate',
};
const PREFLIGHT_HEADERS: Readonly<Record<string, string>> = {
  'access-control-allow-methods': 'GET, POST, DELETE, OPTIONS',
  'access-control-allow-headers': 'Authorization, Content-Type',
  'access-control-max-age': '86400',
};

/**
 * Which web pages may use the API. With apps configured any: nothing is allowed without a header that no browser adds by
 * itself. In development mode nobody is asked, so only pages of this machine may, by a name of this machine.
 */
export function guardOrigin(api: FastifyInstance, isOpen: boolean): void {
  api.addHook('onRequest', async ({ headers, method }, reply) => {
    if (isOpen) {
      if (!isLocalHost(headers.host))
        throw new ApiRefusal({
          code: 'not-allowed',
          detail: 'in development mode the API answers to localhost and addresses, not to names',
        });
      if (!isLocalOrigin(headers.origin) || headers['sec-fetch-site'] === 'cross-site')
        throw new ApiRefusal({ code: 'not-allowed', detail: 'not from another site' });
      return undefined;
    }
    reply.headers(CORS_HEADERS);
    if (method === 'OPTIONS') return reply.headers(PREFLIGHT_HEADERS).code(204).send();
    return undefined;
  });
}
