import type { FastifyInstance } from 'fastify';
import { openWhipSession } from '../session/whip-session.ts';
import { type SessionRouteOptions, sessionRoutes } from './session-routes.ts';

/** `POST /whip/{room}?peer=NAME`: publish (RFC 9725). */
export const whipRoutes = (
  app: FastifyInstance,
  options: Omit<SessionRouteOptions, 'path' | 'open'>,
): Promise<void> => sessionRoutes(app, { ...options, path: '/whip', open: openWhipSession });
