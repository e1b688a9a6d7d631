import type { FastifyInstance } from 'fastify';
import { openWhepSession } from '../session/whep-session.ts';
import { type SessionRouteOptions, sessionRoutes } from './session-routes.ts';

/** `POST /whep/{room}?peer=NAME`: watch a room, or one of its peers (draft-ietf-wish-whep). */
export const whepRoutes = (
  app: FastifyInstance,
  options: Omit<SessionRouteOptions, 'path' | 'open'>,
): Promise<void> => sessionRoutes(app, { ...options, path: '/whep', open: openWhepSession });
