import {
  ConfigError,
  CoreLink,
  createAccessControl,
  createLogger,
  describeConfig,
  loadConfig,
  onParentExit,
} from '@switchyard/shared/runtime';
import { RtmpServer } from './rtmp-server.ts';

async function main(): Promise<void> {
  const config = loadConfig(process.env, process.cwd());
  const logger = createLogger('rtmp', config.log.level);
  logger.info(describeConfig(config, ['apps', 'drainSeconds', 'core', 'link', 'rtmp']), 'configuration');
  const core = new CoreLink({ socketPath: config.core.socket, kind: 'rtmp', logger });
  const server = new RtmpServer(core, createAccessControl(config.apps), config.rtmp.transcode, logger);

  let stopping = false;
  const stop = async (reason: string): Promise<void> => {
    if (stopping) return;
    stopping = true;
    logger.info({ reason, connections: server.connectionCount }, 'stopping');
    await server.close();
    await core.close();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop(signal));
  onParentExit(() => void stop('launcher gone'));

  core.start();
  await server.listen(config.rtmp.host, config.rtmp.port);
  logger.info({ rtmp: `rtmp://${config.rtmp.host}:${config.rtmp.port}/live` }, 'ready');
}

main().catch((error: unknown) => {
  const logger = createLogger('rtmp', 'info');
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ConfigError) logger.fatal(message);
  else logger.fatal({ err: error }, message);
  process.exit(1);
});
