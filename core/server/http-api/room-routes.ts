import { isName } from '@switchyard/shared/protocol';
import type { FastifyInstance } from 'fastify';
import type { AdminAuth } from './admin-auth.ts';
import { ApiRefusal } from './api-refusal.ts';
import { nameParameters, PROBLEMS, secured } from './openapi.ts';
import type { RoomDirectory } from './room-directory.ts';

export interface RoomRoutesOptions {
  readonly directory: RoomDirectory;
  readonly auth: AdminAuth;
}

const NO_CONTENT = { 204: { type: 'null', description: 'Done.' }, ...PROBLEMS };

/** Rooms of the caller's app: what they hold, and how to end it. */
export function roomRoutes(api: FastifyInstance, { directory, auth }: RoomRoutesOptions): void {
  const admit = async (authorization: string | undefined, room: string): Promise<string> => {
    const { app } = await auth.admit(authorization, room);
    if (!isName(room)) throw new ApiRefusal({ code: 'invalid-name', detail: 'room' });
    return app;
  };
  const end = async (
    authorization: string | undefined,
    room: string,
    code: 'kicked' | 'room-closed',
    peer?: string,
  ): Promise<void> => {
    const app = await admit(authorization, room);
    if ((await directory.end(app, room, code, peer)) > 0) return;
    if (peer === undefined || (await directory.room(app, room)) === undefined)
      throw new ApiRefusal({ code: 'unknown-room', detail: room });
    throw new ApiRefusal({ code: 'unknown-peer', detail: peer.slice(0, 64) });
  };

  api.get(
    '/v1/rooms',
    {
      schema: {
        tags: ['rooms'],
        summary: 'Rooms with somebody in them',
        security: secured,
        response: {
          200: { type: 'object', properties: { rooms: { type: 'array', items: { $ref: 'RoomSummary#' } } } },
          ...PROBLEMS,
        },
      },
    },
    async ({ headers }) => {
      const { app, room } = await auth.admit(headers.authorization);
      return { rooms: await directory.rooms(app, room) };
    },
  );

  api.get<{ Params: { room: string } }>(
    '/v1/rooms/:room',
    {
      schema: {
        tags: ['rooms'],
        summary: 'One room: peers, tracks with their layers, receivers and why they get what they get',
        security: secured,
        params: nameParameters('room'),
        response: { 200: { $ref: 'Room#' }, ...PROBLEMS },
      },
    },
    async ({ headers, params }) => {
      const app = await admit(headers.authorization, params.room);
      const view = await directory.room(app, params.room);
      if (view === undefined) throw new ApiRefusal({ code: 'unknown-room', detail: params.room });
      return view;
    },
  );

  api.delete<{ Params: { room: string } }>(
    '/v1/rooms/:room',
    {
      schema: {
        tags: ['rooms'],
        summary: 'Close a room: everybody in it is told `room-closed`',
        security: secured,
        params: nameParameters('room'),
        response: NO_CONTENT,
      },
    },
    async ({ headers, params }, reply) => {
      await end(headers.authorization, params.room, 'room-closed');
      return reply.code(204).send();
    },
  );

  api.delete<{ Params: { room: string; peer: string } }>(
    '/v1/rooms/:room/peers/:peer',
    {
      schema: {
        tags: ['rooms'],
        summary: 'End the sessions of a peer: it is told `kicked`, and may come back while its token is good',
        security: secured,
        params: nameParameters('room', 'peer'),
        response: NO_CONTENT,
      },
    },
    async ({ headers, params }, reply) => {
      await end(headers.authorization, params.room, 'kicked', params.peer);
      return reply.code(204).send();
    },
  );

  api.get(
    '/v1/sip/calls',
    {
      schema: {
        tags: ['sip'],
        summary: 'Phones that are in a room',
        security: secured,
        response: {
          200: { type: 'object', properties: { calls: { type: 'array', items: { $ref: 'Call#' } } } },
          ...PROBLEMS,
        },
      },
    },
    async ({ headers }) => {
      const { app, room } = await auth.admit(headers.authorization);
      return { calls: await directory.calls(app, room) };
    },
  );
}
