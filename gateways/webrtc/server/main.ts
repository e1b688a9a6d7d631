import { randomBytes, randomInt } from 'node:crypto';
import {
  ConfigError,
  CoreLink,
  createAccessControl,
  createLogger,
  describeConfig,
  loadConfig,
  onParentExit,
} from '@switchyard/shared/runtime';
import { HttpApi } from './http-api.ts';
import type { SessionEnvironment } from './session/session-environment.ts';
import { WebrtcTransport } from './transport/webrtc-transport.ts';

/** SDK clients have this long to go elsewhere when the process ends, milliseconds. */
const DRAIN_MS = 1000;
const SUFFIX_LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';

function newSuffix(length: number): string {
  let suffix = '';
  for (let i = 0; i < length; i += 1) suffix += SUFFIX_LETTERS[randomInt(SUFFIX_LETTERS.length)] ?? '';
  return suffix;
}

async function main(): Promise<void> {
  const config = loadConfig(process.env, process.cwd());
  const logger = createLogger('webrtc', config.log.level);
  logger.info(describeConfig(config, ['apps', 'drainSeconds', 'core', 'link', 'webrtc']), 'configuration');
  const core = new CoreLink({ socketPath: config.core.socket, kind: 'webrtc', logger });
  const transport = await WebrtcTransport.create({
    port: config.webrtc.port,
    addresses: config.webrtc.mediaAddresses,
  });
  core.onFanout = (frame) => transport.handleFanout(frame);
  core.onConnectedChange = (connected) => {
    if (connected) transport.resume();
  };
  const environment: SessionEnvironment = {
    core,
    transports: transport,
    access: createAccessControl(config.apps),
    nowMs: () => transport.nowMs(),
    newSsrc: () => randomInt(1, 0xffff_ffff),
    newToken: () => randomBytes(18).toString('base64url'),
    newSuffix,
  };
  const api = new HttpApi({
    environment,
    core: { host: config.core.httpHost, port: config.core.httpPort },
    logger,
    entry: {
      rtmp: { host: config.rtmp.host, port: config.rtmp.port },
      sip: { host: config.sip.host, port: config.sip.port },
    },
  });

  let stopping = false;
  const stop = async (reason: string): Promise<void> => {
    if (stopping) return;
    stopping = true;
    logger.info({ reason, clients: api.clientCount }, 'stopping');
    await api.close(DRAIN_MS);
    await core.close();
    await transport.close();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop(signal));
  onParentExit(() => void stop('launcher gone'));

  core.start();
  await api.listen(config.webrtc.host, config.webrtc.port);
  const media = transport.candidates.map(({ address, port }) => `${address}:${port}`);
  logger.info({ http: `http://${config.webrtc.host}:${config.webrtc.port}`, media }, 'ready');
}

main().catch((error: unknown) => {
  const logger = createLogger('webrtc', 'info');
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ConfigError) logger.fatal(message);
  else logger.fatal({ err: error }, message);
  process.exit(1);
});
