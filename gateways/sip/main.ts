import {
  ConfigError,
  CoreLink,
  createAccessControl,
  createLogger,
  describeConfig,
  loadConfig,
  onParentExit,
} from '@switchyard/shared/runtime';
import { EmbeddedDriver } from './driver/embedded/embedded-driver.ts';
import { SipGateway } from './sip-gateway.ts';

async function main(): Promise<void> {
  const config = loadConfig(process.env, process.cwd());
  const logger = createLogger('sip', config.log.level);
  logger.info(describeConfig(config, ['apps', 'drainSeconds', 'core', 'link', 'sip']), 'configuration');
  const core = new CoreLink({ socketPath: config.core.socket, kind: 'sip', logger });
  const access = createAccessControl(config.apps);
  const { host, port, rtpPortMin, rtpPortMax } = config.sip;
  const driver = new EmbeddedDriver({ host, port, logger });
  const gateway = new SipGateway({
    core,
    access,
    driver,
    logger,
    mediaAddress: host,
    rtpPortMin,
    rtpPortMax,
  });

  let stopping = false;
  const stop = async (reason: string): Promise<void> => {
    if (stopping) return;
    stopping = true;
    logger.info({ reason, calls: gateway.callCount }, 'stopping');
    await gateway.stop();
    await core.close();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop(signal));
  onParentExit(() => void stop('launcher gone'));

  core.start();
  await gateway.start();
  logger.info({ sip: `sip:${host}:${port}`, rtp: `${rtpPortMin}-${rtpPortMax}` }, 'ready');
}

main().catch((error: unknown) => {
  const logger = createLogger('sip', 'info');
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ConfigError) logger.fatal(message);
  else logger.fatal({ err: error }, message);
  process.exit(1);
});
