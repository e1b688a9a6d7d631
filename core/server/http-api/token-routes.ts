import { NAME_PATTERN } from '@switchyard/shared/protocol';
import { ANY_ROOM, parseWith, signToken } from '@switchyard/shared/runtime';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { AdminAuth } from './admin-auth.ts';
import { ApiRefusal } from './api-refusal.ts';
import { PROBLEMS, secured } from './openapi.ts';

/** Seconds that a token is good for, unless said otherwise, and at most. */
export const TOKEN_TTL_SECONDS: number = 3600;
export const TOKEN_TTL_MAX_SECONDS: number = 30 * 24 * 3600;

const name = z.string().regex(NAME_PATTERN, 'takes 1 to 64 letters, digits or any of . _ ~ @ + -');
const body = z.strictObject({
  room: z.union([z.literal(ANY_ROOM), name]).describe('A room of the app, or * for all of them.'),
  peer: name.optional().describe('The only name that the bearer may use.'),
  permissions: z
    .strictObject({
      publish: z.boolean().default(true),
      subscribe: z.boolean().default(true),
      data: z.boolean().default(true),
      admin: z.boolean().default(false).describe('Use of this API, for the room.'),
    })
    .prefault({}),
  ttlSeconds: z.int().min(1).max(TOKEN_TTL_MAX_SECONDS).default(TOKEN_TTL_SECONDS),
});

export interface TokenRoutesOptions {
  readonly auth: AdminAuth;
  /** Where its bearer should join; undefined for a node alone. */
  joinUrl(): string | undefined;
}

/** `POST /v1/tokens`: a token in exchange for the app's secret. */
export function tokenRoutes(api: FastifyInstance, { auth, joinUrl }: TokenRoutesOptions): void {
  const schema = {
    tags: ['tokens'],
    summary: 'Make a token for somebody',
    description:
      'The caller shows the secret of the app: `Authorization: Bearer SECRET`, or Basic `id:secret`.',
    security: secured,
    body: z.toJSONSchema(body, { io: 'input', target: 'draft-7' }),
    response: {
      201: {
        type: 'object',
        required: ['token', 'expiresAt'],
        properties: {
          token: { type: 'string', description: 'A JWT, HS256.' },
          expiresAt: { type: 'string', format: 'date-time' },
          url: { type: 'string', description: 'Of several nodes: the least loaded one, where to join.' },
        },
      },
      ...PROBLEMS,
    },
  };
  api.post('/v1/tokens', { schema }, async (request, reply) => {
    if (auth.isOpen)
      throw new ApiRefusal(
        {
          code: 'invalid-request',
          detail: 'no app is configured, so nobody needs a token: see the setting apps',
        },
        409,
      );
    const app = auth.owner(request.headers.authorization);
    const parsed = parseWith(body, request.body ?? {});
    if ('error' in parsed) throw new ApiRefusal({ ...parsed.error, code: 'invalid-request' });
    const { room, peer, permissions, ttlSeconds } = parsed.value;
    const nowMs = Date.now();
    const token = await signToken(app, { room, peer, permissions }, ttlSeconds, nowMs);
    const expiresAt = new Date(Math.floor(nowMs / 1000 + ttlSeconds) * 1000).toISOString();
    const url = joinUrl();
    return reply
      .code(201)
      .header('cache-control', 'no-store')
      .send({ token, expiresAt, ...(url === undefined ? {} : { url }) });
  });
}
