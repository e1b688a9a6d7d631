import type { FastifyInstance } from 'fastify';

/** Where another gateway listens; host as configured (`0.0.0.0`: the host by which the page was called). */
export interface EntryPoint {
  readonly host: string;
  readonly port: number;
}

/** The ways into a room beside this gateway's own (WHIP, WHEP and the SDK, which are at the page's address). */
export interface EntryPoints {
  readonly rtmp: EntryPoint;
  readonly sip: EntryPoint;
}

/** What the configuration's defaults say. */
export const DEFAULT_ENTRY_POINTS: EntryPoints = {
  rtmp: { host: '127.0.0.1', port: 1935 },
  sip: { host: '127.0.0.1', port: 5060 },
};

/** `GET /api/entry`: what the console tells of OBS and phones. */
export async function entryPoints(app: FastifyInstance, points: EntryPoints): Promise<void> {
  app.get('/api/entry', (_request, reply) => reply.header('cache-control', 'no-store').send(points));
}
