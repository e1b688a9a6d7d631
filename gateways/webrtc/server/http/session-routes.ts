import { isName, type ProtocolError } from '@switchyard/shared/protocol';
import { bearerToken, sendProblem } from '@switchyard/shared/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { parseIceFragment } from '../sdp/ice-fragment.ts';
import { parseOffer } from '../sdp/sdp-offer.ts';
import type { HttpSession, OpenHttpSession } from '../session/http-session.ts';
import type { SessionEnvironment } from '../session/session-environment.ts';
import { iceServerLinks } from './ice-servers.ts';
import type { SessionRegistry } from './session-registry.ts';

/** Largest body of a POST or PATCH, bytes. */
const BODY_MAX_BYTES = 65_536;
const SDP_TYPE = 'application/sdp';
const FRAGMENT_TYPE = 'application/trickle-ice-sdpfrag';

const CORS_HEADERS: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'Location, ETag, Link, Accept-Post, Accept-Patch, Retry-After',
};
export const PREFLIGHT_HEADERS: Readonly<Record<string, string>> = {
  'access-control-allow-methods': 'GET, POST, PATCH, DELETE, OPTIONS',
  'access-control-allow-headers': 'Authorization, Content-Type, If-Match, If-None-Match, Last-Event-ID',
  'access-control-max-age': '86400',
};

export interface SessionRouteOptions {
  readonly environment: SessionEnvironment;
  /** `/whip` or `/whep`. */
  readonly path: string;
  readonly open: OpenHttpSession;
  /** `Link` headers of protocol extensions (RFC 9725 §4.9) of a session at this address. */
  readonly links?: (location: string) => readonly string[];
  readonly registry: SessionRegistry;
  isDraining(): boolean;
  /** One line per lifecycle transition. */
  log(fields: object, message: string): void;
}

type Resource = { readonly Params: { readonly room: string; readonly id: string } };
type Endpoint = {
  readonly Params: { readonly room: string };
  readonly Querystring: Readonly<Record<string, unknown>>;
};

/**
 * The shape that WHIP (RFC 9725) and WHEP share: POST an offer, PATCH ICE, DELETE, with CORS for pages of anywhere.
 * `Authorization: Bearer` on POST is who one is; the session's URL, which cannot be guessed, is the key to the rest.
 */
export async function sessionRoutes(app: FastifyInstance, options: SessionRouteOptions): Promise<void> {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    [SDP_TYPE, FRAGMENT_TYPE],
    { parseAs: 'string', bodyLimit: BODY_MAX_BYTES },
    (_request, body, done) => done(null, body),
  );
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers(CORS_HEADERS);
  });
  const endpoint = `${options.path}/:room`;
  const resource = `${endpoint}/:id`;
  app.options(endpoint, (_request, reply) =>
    reply.headers(PREFLIGHT_HEADERS).header('accept-post', SDP_TYPE).code(204).send(),
  );
  app.options(resource, (_request, reply) =>
    reply.headers(PREFLIGHT_HEADERS).header('accept-patch', FRAGMENT_TYPE).code(204).send(),
  );
  app.post<Endpoint>(endpoint, (request, reply) => post(request, reply, options));
  app.patch<Resource>(resource, (request, reply) => patch(request, reply, options.registry));
  app.delete<Resource>(resource, (request, reply) => {
    const session = options.registry.find(request.params.id);
    if (session === undefined) return sendProblem(reply, { code: 'unknown-endpoint' });
    options.registry.remove(session);
    session.close();
    options.log({ path: options.path, room: request.params.room }, 'session deleted');
    return reply.code(200).send();
  });
  for (const [url, allow] of [
    [endpoint, 'POST, OPTIONS'],
    [resource, 'PATCH, DELETE, OPTIONS'],
  ] as const) {
    app.route({
      method: ['GET', 'PUT', ...(url === endpoint ? (['PATCH', 'DELETE'] as const) : (['POST'] as const))],
      url,
      handler: (_request, reply) =>
        sendProblem(reply.header('allow', allow), { code: 'invalid-request', detail: `use ${allow}` }, 405),
    });
  }
}

async function post(
  request: FastifyRequest<Endpoint>,
  reply: FastifyReply,
  { environment, path, open, links, registry, isDraining, log }: SessionRouteOptions,
): Promise<FastifyReply> {
  const { room } = request.params;
  const { peer } = request.query;
  if (!isName(room)) return sendProblem(reply, { code: 'invalid-name', detail: 'room' });
  if (peer !== undefined && !isName(peer))
    return sendProblem(reply, { code: 'invalid-name', detail: 'peer' });
  if (!hasType(request, SDP_TYPE)) return unsupportedType(reply, SDP_TYPE);
  if (typeof request.body !== 'string' || request.body === '')
    return sendProblem(reply, { code: 'invalid-sdp', detail: 'the body must be an SDP offer' });
  const offer = parseOffer(request.body);
  if (!offer.ok) return sendProblem(reply, offer.error);
  if (isDraining()) return sendProblem(reply, { code: 'draining' });
  if (!environment.core.connected) return sendProblem(reply, { code: 'core-unavailable' });
  if (!registry.reserve()) return sendProblem(reply, { code: 'overloaded' });
  let opened: HttpSession | undefined;
  let error: ProtocolError | undefined;
  try {
    const result = await open(
      environment,
      {
        room,
        peer,
        query: request.query,
        token: bearerToken(request.headers.authorization),
        address: request.ip,
        offer: offer.offer,
      },
      (session) => {
        registry.remove(session);
        log({ path, room, peer }, 'session ended');
      },
    );
    if (result.ok) opened = result.session;
    else error = result.error;
  } finally {
    registry.settle(opened);
  }
  if (opened === undefined) return sendProblem(reply, error ?? { code: 'internal-error' });
  log({ path, room, peer }, 'session opened');
  const location = `${path}/${encodeURIComponent(room)}/${opened.id}`;
  const allLinks = [
    ...iceServerLinks(environment.iceServers(peer ?? 'viewer')),
    ...(links?.(location) ?? []),
  ];
  if (allLinks.length > 0) reply.header('link', allLinks);
  return reply
    .code(201)
    .header('location', location)
    .header('etag', opened.etag)
    .header('accept-patch', FRAGMENT_TYPE)
    .type(SDP_TYPE)
    .send(opened.answer);
}

function patch(
  request: FastifyRequest<Resource>,
  reply: FastifyReply,
  registry: SessionRegistry,
): FastifyReply {
  const session = registry.find(request.params.id);
  if (session === undefined) return sendProblem(reply, { code: 'unknown-endpoint' });
  if (!hasType(request, FRAGMENT_TYPE)) return unsupportedType(reply, FRAGMENT_TYPE);
  const parsed = parseIceFragment(typeof request.body === 'string' ? request.body : '');
  if (!parsed.ok) return sendProblem(reply, parsed.error);
  const result = session.patch(parsed.fragment, request.headers['if-match']);
  if (!result.ok)
    return sendProblem(
      reply,
      {
        code: 'invalid-request',
        detail:
          result.precondition === 428
            ? 'If-Match is missing: the ETag of the session, or * for an ICE restart'
            : 'If-Match is not the ETag of the current ICE session',
      },
      result.precondition,
    );
  if (result.restart === undefined) return reply.code(204).send();
  return reply
    .code(200)
    .header('etag', result.restart.etag)
    .type(FRAGMENT_TYPE)
    .send(result.restart.fragment);
}

export const hasType = (
  request: { readonly headers: { readonly 'content-type'?: string | undefined } },
  type: string,
): boolean => (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() === type;

const unsupportedType = (reply: FastifyReply, type: string): FastifyReply =>
  sendProblem(reply, { code: 'invalid-request', detail: `Content-Type must be ${type}` }, 415);
