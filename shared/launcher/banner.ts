import type { Config } from '@switchyard/shared/runtime';

const RTMP_PORT = 1935;
const SIP_PORT = 5060;
/** An address as people write it: without the port that everybody expects. */
const at = ({ host, port }: { readonly host: string; readonly port: number }, usual: number): string =>
  port === usual ? host : `${host}:${port}`;

/** What a person needs to come in, once everything is up. */
export function banner(config: Config): string {
  const { webrtc, rtmp, sip, core } = config;
  const rows: readonly (readonly [string, string])[] = [
    ['Console', `http://${webrtc.host}:${webrtc.port}/`],
    ['OBS / RTMP', `server rtmp://${at(rtmp, RTMP_PORT)}/live   key demo`],
    ['SIP phone', `call sip:demo@${at(sip, SIP_PORT)}   (UDP or TCP)`],
    ['WHIP / WHEP', `http://${webrtc.host}:${webrtc.port}/whip/demo   …/whep/demo`],
    ['HTTP API', `http://${core.httpHost}:${core.httpPort}/docs`],
  ];
  const lines = rows.map(([label, text]) => `  ${label.padEnd(13)}${text}`);
  const note =
    config.apps.length === 0
      ? '  Development mode: loopback only, nobody is asked for a token. "demo" is the room: any name will do.'
      : `  Everybody needs a token: POST /v1/tokens with the secret of ${config.apps.map(({ id }) => id).join(' or ')}.`;
  return ['', '  Switchyard is up.', '', ...lines, '', note, '  Ctrl-C ends everything.', ''].join('\n');
}
