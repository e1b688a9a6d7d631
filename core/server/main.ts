import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { LocalFabric } from '@switchyard/core/fabric';
import {
  ConfigError,
  createLogger,
  describeConfig,
  loadConfig,
  onParentExit,
} from '@switchyard/shared/runtime';
import { GatewayServer } from './gateway-server.ts';
import { createHttpApi } from './http-api/http-api.ts';
import { MediaCore } from './media-core.ts';

async function main(): Promise<void> {
  const config = loadConfig(process.env, process.cwd());
  const logger = createLogger('core', config.log.level);
  logger.info(describeConfig(config, ['apps', 'drainSeconds', 'core', 'link']), 'configuration');
  const node = `${hostname()}-${process.pid}`;
  const fabric = new LocalFabric();
  const gateways = new GatewayServer({ socketPath: config.core.socket, node, logger });
  const core = new MediaCore(gateways, fabric);
  fabric.attach(core.engine);
  const api = createHttpApi({ engine: core.engine, node, gateways: () => gateways.gateways });

  let stopping = false;
  const stop = async (reason: string): Promise<void> => {
    if (stopping) return;
    stopping = true;
    logger.info({ reason }, 'stopping');
    core.stop();
    await Promise.all([gateways.close(), api.close()]);
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop(signal));
  onParentExit(() => void stop('launcher gone'));

  core.start();
  await gateways.listen(core);
  await api.listen({ host: config.core.httpHost, port: config.core.httpPort });
  logger.info(
    {
      node,
      http: `http://${config.core.httpHost}:${portOf(api.server.address())}`,
      socket: config.core.socket,
    },
    'ready',
  );
}

const portOf = (address: string | AddressInfo | null): number =>
  address === null || typeof address === 'string' ? 0 : address.port;

main().catch((error: unknown) => {
  const logger = createLogger('core', 'info');
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ConfigError) logger.fatal(message);
  else logger.fatal({ err: error }, message);
  process.exit(1);
});
