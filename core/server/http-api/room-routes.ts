import type { Endpoint, Engine, Room } from '@switchyard/core/engine';
import { isName, type ProtocolError } from '@switchyard/shared/protocol';
import { ANY_ROOM } from '@switchyard/shared/runtime';
import type { FastifyInstance } from 'fastify';
import type { Admin, AdminAuth } from './admin-auth.ts';
import { ApiRefusal } from './api-refusal.ts';
import { nameParameters, PROBLEMS, secured } from './openapi.ts';
import { describeCall, describeRoom, summarize } from './room-view.ts';

export interface RoomRoutesOptions {
  readonly engine: Engine;
  readonly auth: AdminAuth;
  end(endpoints: Iterable<Endpoint>, error: ProtocolError): void;
}

const NO_CONTENT = { 204: { type: 'null', description: 'Done.' }, ...PROBLEMS };

/** Rooms of the caller's app: what they hold, and how to end it. */
export function roomRoutes(api: FastifyInstance, { engine, auth, end }: RoomRoutesOptions): void {
  const roomsOf = ({ app, room }: Admin): Room[] =>
    [...engine.rooms].filter((each) => each.app === app && (room === ANY_ROOM || each.name === room));
  const find = async (authorization: string | undefined, name: string): Promise<Room> => {
    const { app } = await auth.admit(authorization, name);
    if (!isName(name)) throw new ApiRefusal({ code: 'invalid-name', detail: 'room' });
    const room = engine.room(app, name);
    if (room === undefined) throw new ApiRefusal({ code: 'unknown-room', detail: name });
    return room;
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
    async ({ headers }) => ({
      rooms: roomsOf(await auth.admit(headers.authorization)).map(summarize),
    }),
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
    async ({ headers, params }) => describeRoom(await find(headers.authorization, params.room)),
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
      const room = await find(headers.authorization, params.room);
      end(room.endpoints, { code: 'room-closed' });
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
      const room = await find(headers.authorization, params.room);
      const sessions = [...room.endpoints].filter(({ peer }) => peer === params.peer);
      if (sessions.length === 0)
        throw new ApiRefusal({ code: 'unknown-peer', detail: params.peer.slice(0, 64) });
      end(sessions, { code: 'kicked' });
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
    async ({ headers }) => ({
      calls: roomsOf(await auth.admit(headers.authorization)).flatMap((room) =>
        [...room.endpoints].filter(({ client }) => client === 'sip').map((call) => describeCall(room, call)),
      ),
    }),
  );
}
