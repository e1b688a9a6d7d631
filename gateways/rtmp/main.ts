import {
  CoreLink,
  createAccessControl,
  createLogger,
  describeConfig,
  linkTarget,
  loadConfig,
  type MetricSample,
  onParentExit,
  onStopSignal,
  runProcess,
} from '@switchyard/shared/runtime';
import { RtmpServer } from './rtmp-server.ts';

async function main(): Promise<void> {
  const config = loadConfig(process.env, process.cwd());
  const logger = createLogger('rtmp', config.log.level);
  logger.info(describeConfig(config, ['apps', 'drainSeconds', 'core', 'link', 'rtmp']), 'configuration');
  const core = new CoreLink({ target: linkTarget(config), kind: 'rtmp', logger, samples: () => samples() });
  const server = new RtmpServer(core, createAccessControl(config.apps), config.rtmp.transcode, logger);

  const samples = (): MetricSample[] => [
    {
      name: 'rtmp_connections',
      help: 'RTMP connections.',
      type: 'gauge',
      value: server.connectionCount,
    },
    {
      name: 'rtmp_faults_total',
      help: 'RTMP connections that were cut for what they sent.',
      type: 'counter',
      value: server.faults,
    },
    ...server.access.refusals.samples(
      'access_refused_total',
      'Clients that a gateway did not let in, by code.',
    ),
  ];
  const stop = async (): Promise<void> => {
    await server.close();
    await core.close();
    process.exit(0);
  };
  onStopSignal(async (reason, drains) => {
    logger.info({ reason, connections: server.connectionCount }, drains ? 'draining' : 'stopping');
    if (drains) await server.drain(config.drainSeconds * 1000);
    await stop();
  });
  onParentExit(() => void stop());

  core.start();
  await server.listen(config.rtmp.host, config.rtmp.port);
  logger.info({ rtmp: `rtmp://${config.rtmp.host}:${config.rtmp.port}/live` }, 'ready');
}

runProcess('rtmp', main);
