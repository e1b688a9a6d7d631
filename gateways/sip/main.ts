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
import { announcedAddress } from './announced-address.ts';
import { EmbeddedDriver } from './driver/embedded/embedded-driver.ts';
import { SipGateway } from './sip-gateway.ts';

async function main(): Promise<void> {
  const config = loadConfig(process.env, process.cwd());
  const logger = createLogger('sip', config.log.level);
  logger.info(describeConfig(config, ['apps', 'drainSeconds', 'core', 'link', 'sip']), 'configuration');
  const core = new CoreLink({ target: linkTarget(config), kind: 'sip', logger, samples: () => samples() });
  const access = createAccessControl(config.apps);
  const { host, port, rtpPortMin, rtpPortMax } = config.sip;
  const announced = announcedAddress(host, config.sip.publicAddress);
  const driver = new EmbeddedDriver({ host, announced, port, logger });
  const gateway = new SipGateway({
    core,
    access,
    driver,
    logger,
    mediaHost: host,
    mediaAddress: announced,
    rtpPortMin,
    rtpPortMax,
  });

  const samples = (): MetricSample[] => [
    { name: 'sip_calls', help: 'Calls that are open.', type: 'gauge', value: gateway.callCount },
    ...Object.entries(driver.refused).map(
      ([reason, value]): MetricSample => ({
        name: 'sip_refused_messages_total',
        help: 'SIP messages that were not taken in, by reason.',
        type: 'counter',
        labels: { reason },
        value,
      }),
    ),
    ...access.refusals.samples('access_refused_total', 'Clients that a gateway did not let in, by code.'),
  ];
  const stop = async (): Promise<void> => {
    await gateway.stop();
    await core.close();
    process.exit(0);
  };
  onStopSignal(async (reason, drains) => {
    logger.info({ reason, calls: gateway.callCount }, drains ? 'draining' : 'stopping');
    if (drains) await gateway.drain(config.drainSeconds * 1000);
    await stop();
  });
  onParentExit(() => void stop());

  core.start();
  await gateway.start();
  logger.info({ sip: `sip:${host}:${port}`, announced, rtp: `${rtpPortMin}-${rtpPortMax}` }, 'ready');
}

runProcess('sip', main);
