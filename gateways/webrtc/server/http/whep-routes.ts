import { sendProblem } from '@switchyard/shared/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { WhepViewer } from '../session/http-session.ts';
import { parseLayerWish } from '../session/layer-wish.ts';
import { EVENT_STREAMS_MAX, NEWS_TYPES } from '../session/viewer-news.ts';
import { openWhepSession } from '../session/whep-session.ts';
import { EventStream } from './event-stream.ts';
import { hasType, PREFLIGHT_HEADERS, type SessionRouteOptions, sessionRoutes } from './session-routes.ts';

/** Largest body of what the extensions take, bytes. */
const BODY_MAX_BYTES = 4096;
const JSON_TYPE = 'application/json';
const EXTENSION = 'urn:ietf:params:whep:ext:core';

type Resource = { readonly Params: { readonly room: string; readonly id: string } };
type Feed = { readonly Params: { readonly room: string; readonly id: string; readonly feed: string } };

const eventList = z.array(z.string().max(64)).max(64);

/**
 * `POST /whep/{room}?peer=NAME&maxSpatial=0`: watch a room, or one of its peers (draft-ietf-wish-whep), with the
 * extensions of draft-murillo-whep §4.7: server-sent events and the choice of video layers. Their addresses lie below
 * the session's own, so that who does not know that knows nothing.
 */
export async function whepRoutes(
  app: FastifyInstance,
  options: Omit<SessionRouteOptions, 'path' | 'open' | 'links'>,
): Promise<void> {
  await sessionRoutes(app, { ...options, path: '/whep', open: openWhepSession, links: extensionLinks });
  app.addContentTypeParser(JSON_TYPE, { parseAs: 'string', bodyLimit: BODY_MAX_BYTES }, (_, body, done) =>
    done(null, body),
  );
  const layer = '/whep/:room/:id/layer';
  const events = '/whep/:room/:id/sse';
  const feed = `${events}/:feed`;
  const { environment } = options;
  const viewerOf = (request: FastifyRequest<Resource>): WhepViewer | undefined =>
    options.registry.find(request.params.id)?.viewer;

  app.post<Resource>(layer, (request, reply) => selectLayers(viewerOf(request), request, reply));
  app.delete<Resource>(layer, async (request, reply) => {
    const viewer = viewerOf(request);
    if (viewer === undefined) return sendProblem(reply, { code: 'unknown-endpoint' });
    const error = await viewer.select({});
    return error === undefined ? reply.code(200).send() : sendProblem(reply, error);
  });

  app.post<Resource>(events, (request, reply) =>
    openFeed(viewerOf(request), environment.newToken(), request, reply),
  );
  // A stream of every event without the POST, as the EventSource of a page opens it.
  app.get<Resource>(events, { exposeHeadRoute: false }, (request, reply) => {
    const viewer = viewerOf(request);
    if (viewer === undefined) return sendProblem(reply, { code: 'unknown-endpoint' });
    const opened = viewer.news.open(environment.newToken());
    if (opened === undefined) return tooManyFeeds(reply);
    return stream(reply, new EventStream(opened, () => viewer.news.remove(opened)));
  });
  app.get<Feed>(feed, { exposeHeadRoute: false }, (request, reply) => {
    const found = viewerOf(request)?.news.find(request.params.feed);
    if (found === undefined) return sendProblem(reply, { code: 'unknown-endpoint' });
    return stream(reply, new EventStream(found));
  });
  app.delete<Feed>(feed, (request, reply) => {
    const news = viewerOf(request)?.news;
    const found = news?.find(request.params.feed);
    if (found === undefined) return sendProblem(reply, { code: 'unknown-endpoint' });
    news?.remove(found);
    return reply.code(200).send();
  });

  for (const [url, allow] of [
    [layer, ['POST', 'DELETE']],
    [events, ['POST', 'GET']],
    [feed, ['GET', 'DELETE']],
  ] as const) {
    const allowed = [...allow, 'OPTIONS'].join(', ');
    app.options(url, (_request, reply) =>
      reply.headers(PREFLIGHT_HEADERS).header('accept-post', JSON_TYPE).code(204).send(),
    );
    app.route({
      method: (['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const).filter(
        (method) => !(allow as readonly string[]).includes(method),
      ),
      url,
      exposeHeadRoute: false,
      handler: (_request, reply) =>
        sendProblem(
          reply.header('allow', allowed),
          { code: 'invalid-request', detail: `use ${allowed}` },
          405,
        ),
    });
  }
}

/** What the answer to the offer tells of the extensions; relative to the server, as `Location` is. */
const extensionLinks = (location: string): string[] => [
  `<${location}/layer>; rel="${EXTENSION}:layer"`,
  `<${location}/sse>; rel="${EXTENSION}:server-sent-events"; events="${NEWS_TYPES.join(',')}"`,
];

async function selectLayers(
  viewer: WhepViewer | undefined,
  request: FastifyRequest<Resource>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  if (viewer === undefined) return sendProblem(reply, { code: 'unknown-endpoint' });
  if (!isJson(request)) return notJson(reply);
  const wish = parseLayerWish(bodyOf(request));
  if ('error' in wish) return sendProblem(reply, wish.error);
  const error = await viewer.select(wish.value);
  return error === undefined ? reply.code(200).send() : sendProblem(reply, error);
}

/** An event list is what the player wants of it; event types that are not known here never come. */
function openFeed(
  viewer: WhepViewer | undefined,
  id: string,
  request: FastifyRequest<Resource>,
  reply: FastifyReply,
): FastifyReply {
  if (viewer === undefined) return sendProblem(reply, { code: 'unknown-endpoint' });
  if (!isJson(request)) return notJson(reply);
  const body = bodyOf(request);
  let wanted: unknown = NEWS_TYPES;
  try {
    if (body !== '') wanted = JSON.parse(body);
  } catch {
    return sendProblem(reply, { code: 'invalid-request', detail: 'not JSON' });
  }
  const list = eventList.safeParse(wanted);
  if (!list.success)
    return sendProblem(reply, { code: 'invalid-request', detail: 'the body must be a list of event names' });
  const types = NEWS_TYPES.filter((type) => list.data.includes(type));
  const feed = viewer.news.open(id, types);
  if (feed === undefined) return tooManyFeeds(reply);
  const { room, id: session } = request.params;
  return reply
    .code(201)
    .header('location', `/whep/${encodeURIComponent(room)}/${session}/sse/${feed.id}`)
    .send();
}

const stream = (reply: FastifyReply, events: EventStream): FastifyReply =>
  reply
    .code(200)
    .type('text/event-stream')
    .header('cache-control', 'no-store')
    // nginx would keep events until its buffer is full.
    .header('x-accel-buffering', 'no')
    .send(events);

const bodyOf = ({ body }: FastifyRequest<Resource>): string => (typeof body === 'string' ? body : '');

/** Without a body there need be no type. */
const isJson = (request: FastifyRequest<Resource>): boolean =>
  hasType(request, JSON_TYPE) || (bodyOf(request) === '' && request.headers['content-type'] === undefined);

const notJson = (reply: FastifyReply): FastifyReply =>
  sendProblem(reply, { code: 'invalid-request', detail: `Content-Type must be ${JSON_TYPE}` }, 415);

const tooManyFeeds = (reply: FastifyReply): FastifyReply =>
  sendProblem(reply, { code: 'limit-exceeded', detail: `${EVENT_STREAMS_MAX} event streams` });
