import type { Engine } from '@switchyard/core/engine';
import type { ClusterView } from '@switchyard/core/fabric';
import type { FastifyInstance } from 'fastify';
import type { Admission } from '../admission.ts';
import type { GatewayStatus } from '../gateway-server.ts';
import type { AdminAuth } from './admin-auth.ts';
import { PROBLEMS, secured } from './openapi.ts';

export interface NodeRoutesOptions {
  readonly engine: Engine;
  readonly auth: AdminAuth;
  readonly admission: Admission;
  readonly node: string;
  readonly zone: string;
  /** How busy this process is, 0…1. */
  load(): number;
  /** The other nodes and the streams between them; undefined for a node alone. */
  cluster(): ClusterView | undefined;
  gateways(): readonly GatewayStatus[];
  /** Prometheus' text format. */
  metrics(): Promise<string>;
}

const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** The process itself: health, figures, nodes. */
export function nodeRoutes(
  api: FastifyInstance,
  { engine, auth, admission, node, zone, load, cluster, gateways, metrics }: NodeRoutesOptions,
): void {
  const startedMs = Date.now();
  const figures = (): object => ({
    node,
    uptimeSeconds: Math.round((Date.now() - startedMs) / 1000),
    rooms: [...engine.rooms].length,
    endpoints: engine.endpointCount,
    gateways: gateways(),
  });
  const status = (): string => {
    if (admission.isDraining) return 'draining';
    return gateways().length > 0 ? 'ok' : 'no gateway attached';
  };

  const health = { $ref: 'Health#' };
  api.get(
    '/health',
    {
      schema: {
        tags: ['node'],
        summary:
          'Whether clients can be served: the core is up, with at least one gateway, and does not drain',
        description: 'Open to everybody, for load balancers.',
        response: { 200: health, 503: health },
      },
    },
    (_request, reply) => {
      const now = status();
      return reply
        .code(now === 'ok' ? 200 : 503)
        .header('cache-control', 'no-store')
        .send({ status: now, ...figures() });
    },
  );

  api.get(
    '/metrics',
    {
      schema: {
        tags: ['node'],
        summary: "Figures of the core and of every gateway, in Prometheus' text format",
        security: secured,
        response: {
          200: { description: 'Prometheus text.', content: { 'text/plain': { schema: { type: 'string' } } } },
          ...PROBLEMS,
        },
      },
    },
    async ({ headers }, reply) => {
      await auth.admit(headers.authorization);
      return reply.type(METRICS_TYPE).send(await metrics());
    },
  );

  api.get(
    '/v1/nodes',
    {
      schema: {
        tags: ['node'],
        summary:
          'Nodes of the cluster as the one that answers sees them: zones, links with round trip and loss, streams and their routes',
        security: secured,
        response: {
          200: {
            type: 'object',
            properties: {
              nodes: { type: 'array', items: { $ref: 'Node#' } },
              streams: { type: 'array', items: { $ref: 'StreamRoute#' } },
            },
          },
          ...PROBLEMS,
        },
      },
    },
    async ({ headers }) => {
      await auth.admit(headers.authorization);
      const { nodes = [], streams = [], isControlConnected } = cluster() ?? {};
      const self = {
        self: true,
        zone,
        load: Math.round(load() * 100) / 100,
        status: status(),
        overloaded: admission.isOverloaded,
        ...(isControlConnected === undefined ? {} : { controlConnected: isControlConnected }),
        ...figures(),
      };
      return { nodes: [self, ...nodes.map((each) => ({ self: false, ...each }))], streams };
    },
  );
}
