import type { AddressInfo } from 'node:net';
import {
  createLogger,
  describeConfig,
  loadConfig,
  onParentExit,
  onStopSignal,
  parseHostPort,
  runProcess,
  waitUntil,
} from '@switchyard/shared/runtime';
import { Admission } from './admission.ts';
import { GatewayServer } from './gateway-server.ts';
import { AdminAuth } from './http-api/admin-auth.ts';
import { createHttpApi } from './http-api/http-api.ts';
import { RoomDirectory } from './http-api/room-directory.ts';
import { LoadMeter } from './load-meter.ts';
import { MediaCore } from './media-core.ts';
import { CoreMetrics } from './metrics/core-metrics.ts';
import { createNodeFabric } from './node-fabric.ts';

async function main(): Promise<void> {
  const config = loadConfig(process.env, process.cwd());
  const logger = createLogger('core', config.log.level);
  logger.info(
    describeConfig(config, ['apps', 'drainSeconds', 'udpBursts', 'core', 'link', 'fabric']),
    'configuration',
  );
  const { listen, secret } = config.link;
  const admission = new Admission(config.core);
  const meter = new LoadMeter();
  const { node, session, fabric, mesh } = createNodeFabric(config, logger, () =>
    admission.isDraining ? 1 : meter.load,
  );
  const gateways = new GatewayServer({
    socketPath: config.core.socket,
    ...(listen === undefined || secret === undefined ? {} : { tcp: { ...parseHostPort(listen), secret } }),
    node,
    admission,
    logger,
  });
  const core = new MediaCore(gateways, fabric, session);
  const { engine } = core;
  fabric.attach(engine);
  const metrics = new CoreMetrics({ engine, admission, figures: () => gateways.figures, mesh });
  core.onEstimate = (bitrateBps) => metrics.estimated(bitrateBps);
  const directory = new RoomDirectory({
    engine,
    node,
    end: (endpoints, error) => core.end(endpoints, error),
    ask: async (question) => (await mesh?.ask(question)) ?? [],
  });
  if (mesh !== undefined) mesh.onPlaces = (urls) => gateways.setPlaces(urls);
  mesh?.onAsked((question) => directory.answer(question));
  const api = createHttpApi({
    engine,
    admission,
    node,
    zone: config.fabric.zone,
    load: () => meter.load,
    cluster: () => mesh?.view(),
    joinUrl: () => mesh?.leastLoadedUrl,
    auth: new AdminAuth(config.apps),
    gateways: () => gateways.gateways,
    metrics: () => metrics.render(),
    directory,
    onError: (error, url) => logger.error({ err: error, url }, 'request failed'),
  });

  const stop = async (): Promise<void> => {
    core.stop();
    admission.stop();
    metrics.close();
    await Promise.all([gateways.close(), api.close()]);
    await mesh?.stop();
    process.exit(0);
  };
  onStopSignal(async (reason, drains) => {
    logger.info({ reason, clients: engine.endpointCount }, drains ? 'draining' : 'stopping');
    admission.drain();
    if (drains) {
      engine.drain('draining');
      await waitUntil(() => engine.endpointCount === 0, config.drainSeconds * 1000);
    }
    await stop();
  });
  onParentExit(() => void stop());

  await mesh?.start();
  core.start();
  admission.start();
  await gateways.listen(core);
  await api.listen({ host: config.core.httpHost, port: config.core.httpPort });
  logger.info(
    {
      node,
      http: `http://${config.core.httpHost}:${portOf(api.server.address())}`,
      socket: config.core.socket,
      ...(listen === undefined ? {} : { link: listen }),
    },
    'ready',
  );
}

const portOf = (address: string | AddressInfo | null): number =>
  address === null || typeof address === 'string' ? 0 : address.port;

runProcess('core', main);
