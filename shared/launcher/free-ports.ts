import { createSocket } from 'node:dgram';
import { createConnection } from 'node:net';
import type { Config } from '@switchyard/shared/runtime';

interface WantedPort {
  readonly setting: string;
  readonly host: string;
  readonly port: number;
  readonly udp: boolean;
}

/** Every port that the processes listen on, with the setting that moves it. */
function wantedPorts({ core, webrtc, rtmp, sip }: Config): WantedPort[] {
  const media = webrtc.mediaAddresses?.[0] ?? '127.0.0.1';
  return [
    { setting: 'core.httpPort', host: core.httpHost, port: core.httpPort, udp: false },
    { setting: 'webrtc.port', host: webrtc.host, port: webrtc.port, udp: false },
    { setting: 'webrtc.port', host: media, port: webrtc.port, udp: true },
    { setting: 'rtmp.port', host: rtmp.host, port: rtmp.port, udp: false },
    { setting: 'sip.port', host: sip.host, port: sip.port, udp: false },
    { setting: 'sip.port', host: sip.host, port: sip.port, udp: true },
  ];
}

/**
 * Whether the ports are free, before anything is started.
 *
 * @param say Gets one sentence for each port that somebody else has.
 */
export async function portsAreFree(config: Config, say: (line: string) => void): Promise<boolean> {
  const wanted = wantedPorts(config).filter(({ port }) => port !== 0);
  const taken = await Promise.all(
    wanted.map(async (each) => ((await (each.udp ? isBound : isAnswered)(each)) ? each : undefined)),
  );
  const said = new Set<string>();
  for (const each of taken) {
    if (each === undefined || said.has(each.setting)) continue;
    said.add(each.setting);
    say(
      `Port ${each.port} is in use by another program: stop it, or set ${each.setting} in switchyard.yaml.`,
    );
  }
  return said.size === 0;
}

const isAnswered = ({ host, port }: WantedPort): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createConnection({ host, port });
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });

const isBound = ({ host, port }: WantedPort): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    probe.once('error', (error: NodeJS.ErrnoException) => {
      probe.close();
      resolve(error.code === 'EADDRINUSE');
    });
    probe.bind(port, host, () => probe.close(() => resolve(false)));
  });
