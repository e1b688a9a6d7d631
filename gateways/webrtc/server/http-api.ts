import { isLocalHost, problemOf, sendProblem, waitUntil } from '@switchyard/shared/runtime';
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import { consoleFiles } from './http/console-files.ts';
import { type CoreProxyOptions, coreProxy } from './http/core-proxy.ts';
import { DEFAULT_ENTRY_POINTS, type EntryPoints, entryPoints } from './http/entry-points.ts';
import { type AcceptIceTcp, sharePort } from './http/port-sharing.ts';
import { SessionRegistry } from './http/session-registry.ts';
import { whepRoutes } from './http/whep-routes.ts';
import { whipRoutes } from './http/whip-routes.ts';
import { WsSignaling } from './http/ws-signaling.ts';
import type { SessionEnvironment } from './session/session-environment.ts';

/** Most WHIP and WHEP sessions of the process. */
const SESSIONS_MAX = 10_000;
const URL_PART_MAX_LENGTH = 256;

export interface HttpApiLogger {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface HttpApiOptions {
  readonly environment: SessionEnvironment;
  readonly core: Omit<CoreProxyOptions, 'isOpen'>;
  readonly logger: HttpApiLogger;
  /** Takes connections that begin with ICE-TCP. */
  readonly acceptIceTcp?: AcceptIceTcp;
  /** Where OBS and phones come in: told to the console. */
  readonly entry?: EntryPoints;
}

/** Everything that the gateway says over TCP: console, SDK signalling, WHIP, WHEP, and the way to the core's API. */
export class HttpApi {
  readonly app: FastifyInstance;
  readonly #registry = new SessionRegistry(SESSIONS_MAX);
  readonly #signaling: WsSignaling;
  #draining = false;

  constructor({ environment, core, logger, entry = DEFAULT_ENTRY_POINTS, acceptIceTcp }: HttpApiOptions) {
    const app = Fastify({
      routerOptions: { maxParamLength: URL_PART_MAX_LENGTH },
      // Draining answers for itself, with Retry-After.
      return503OnClosing: false,
      forceCloseConnections: true,
      requestTimeout: 30_000,
    });
    this.app = app;
    app.setErrorHandler((error: FastifyError, request, reply) => {
      const problem = problemOf(error);
      if (problem.status === 500) logger.error({ err: error, url: request.url }, 'request failed');
      return sendProblem(reply, problem.error, problem.status);
    });
    app.setNotFoundHandler((request, reply) =>
      sendProblem(reply, { code: 'invalid-request', detail: `there is nothing at ${request.url}` }, 404),
    );
    app.addHook('onRequest', async (request, reply) => {
      if (!environment.access.isOpen || isLocalHost(request.headers.host)) return undefined;
      return sendProblem(reply, {
        code: 'not-allowed',
        detail: 'in development mode the server answers to localhost and addresses, not to names',
      });
    });
    const routes = {
      environment,
      registry: this.#registry,
      isDraining: () => this.#draining,
      log: (fields: object, message: string) => logger.info(fields, message),
    };
    app.register(async (scope) => whipRoutes(scope, routes));
    app.register(async (scope) => whepRoutes(scope, routes));
    app.register(async (scope) => coreProxy(scope, { ...core, isOpen: environment.access.isOpen }));
    app.register(async (scope) => entryPoints(scope, entry));
    app.register(async (scope) => consoleFiles(scope));
    this.#signaling = new WsSignaling(app.server, routes);
    if (acceptIceTcp !== undefined) sharePort(app.server, acceptIceTcp);
  }

  /** WHIP, WHEP and SDK clients. */
  get clientCount(): number {
    return this.#registry.size + this.#signaling.size;
  }

  /** @returns The port that is listened on: another than asked for when that was 0. */
  async listen(host: string, port: number): Promise<number> {
    await this.app.listen({ host, port });
    const address = this.app.server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }

  /**
   * Ends in order: no new sessions, SDK clients are told to go elsewhere and have `graceMs` to do it, WHIP and WHEP
   * sessions go on for at most `streamsMs`; then every session is closed, and the listener.
   */
  async close(graceMs: number, streamsMs: number = 0): Promise<void> {
    this.#draining = true;
    this.#signaling.goAway('draining');
    await Promise.all([
      waitUntil(() => this.#signaling.size === 0, graceMs),
      waitUntil(() => this.#registry.size === 0, streamsMs),
    ]);
    this.#registry.closeAll();
    this.#signaling.close();
    await this.app.close();
  }
}
