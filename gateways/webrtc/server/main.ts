import { randomBytes, randomInt } from 'node:crypto';
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
import { iceServersFor } from './http/ice-servers.ts';
import { HttpApi } from './http-api.ts';
import { PlayoutDelays } from './session/playout-delays.ts';
import type { SessionEnvironment } from './session/session-environment.ts';
import { parseMediaAddress } from './transport/media-address.ts';
import { WebrtcTransport } from './transport/webrtc-transport.ts';

/** SDK clients have this long to go elsewhere when the process ends, milliseconds. */
const GO_AWAY_MS = 1000;
const SUFFIX_LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';

function newSuffix(length: number): string {
  let suffix = '';
  for (let i = 0; i < length; i += 1) suffix += SUFFIX_LETTERS[randomInt(SUFFIX_LETTERS.length)] ?? '';
  return suffix;
}

async function main(): Promise<void> {
  const config = loadConfig(process.env, process.cwd());
  const logger = createLogger('webrtc', config.log.level);
  logger.info(
    describeConfig(config, ['apps', 'drainSeconds', 'udpBursts', 'core', 'link', 'webrtc']),
    'configuration',
  );
  const core = new CoreLink({ target: linkTarget(config), kind: 'webrtc', logger, samples: () => samples() });
  const transport = await WebrtcTransport.create({
    port: config.webrtc.port,
    addresses: config.webrtc.mediaAddresses?.flatMap((entry) => parseMediaAddress(entry) ?? []),
    bursts: config.udpBursts,
  });
  core.onFanout = (frame) => transport.handleFanout(frame);
  core.onConnectedChange = (connected) => {
    if (connected) transport.resume();
  };
  const turn = {
    urls: config.webrtc.turnUrls,
    secret: config.webrtc.turnSecret,
    ttlSeconds: config.webrtc.turnTtlSeconds,
  };
  const environment: SessionEnvironment = {
    core,
    transports: transport,
    access: createAccessControl(config.apps),
    playoutDelays: new PlayoutDelays(config.webrtc.playoutDelay),
    maxReceivers: config.webrtc.maxReceivers,
    iceServers: (client) => iceServersFor(turn, client, Date.now()),
    nowMs: () => transport.nowMs(),
    after: (delayMs, run) => {
      const timer = setTimeout(run, delayMs);
      return () => clearTimeout(timer);
    },
    newSsrc: () => randomInt(1, 0xffff_ffff),
    newToken: () => randomBytes(18).toString('base64url'),
    newSuffix,
  };
  const api = new HttpApi({
    environment,
    core: { host: config.core.httpHost, port: config.core.httpPort },
    logger,
    acceptIceTcp: (socket, head) => transport.acceptTcp(socket, head),
    entry: {
      rtmp: { host: config.rtmp.host, port: config.rtmp.port },
      sip: { host: config.sip.host, port: config.sip.port },
    },
  });

  const samples = (): MetricSample[] => [
    {
      name: 'webrtc_clients',
      help: 'SDK, WHIP and WHEP clients.',
      type: 'gauge',
      value: api.clientCount,
    },
    { name: 'webrtc_peers', help: 'Peer connections.', type: 'gauge', value: transport.peerCount },
    {
      name: 'webrtc_egress',
      help: 'How media is sealed and sent: the path that was chosen at the start is 1.',
      type: 'gauge',
      labels: { path: transport.egressPath.slice(0, 64) },
      value: 1,
    },
    ...transport.slots.counters.samples(),
    ...environment.access.refusals.samples(
      'access_refused_total',
      'Clients that a gateway did not let in, by code.',
    ),
  ];
  const stop = async (streamsMs = 0): Promise<void> => {
    await api.close(GO_AWAY_MS, streamsMs);
    await core.close();
    await transport.close();
    process.exit(0);
  };
  onStopSignal(async (reason, drains) => {
    logger.info({ reason, clients: api.clientCount }, drains ? 'draining' : 'stopping');
    await stop(drains ? config.drainSeconds * 1000 : 0);
  });
  onParentExit(() => void stop());

  core.start();
  const tcpPort = await api.listen(config.webrtc.host, config.webrtc.port);
  transport.announceTcp(config.webrtc.host, tcpPort);
  const media = transport.candidates.map(
    ({ address, port, transport: protocol }) => `${protocol} ${address}:${port}`,
  );
  logger.info(
    { http: `http://${config.webrtc.host}:${config.webrtc.port}`, media, egress: transport.egressPath },
    'ready',
  );
}

runProcess('webrtc', main);
