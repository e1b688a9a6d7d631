import { ConfigError } from './config.ts';
import type { ValidConfig } from './config-schema.ts';
import { isLoopback } from './loopback.ts';

/** What no single key can know. @throws {ConfigError} with the sentence that says what to set. */
export function checkRules(config: ValidConfig): void {
  checkBinds(config);
  const ids = config.apps.map(({ id }) => id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) throw new ConfigError(`Setting apps: the id ${twice} is there twice.`);
  const { listen, core, secret } = config.link;
  for (const [key, value] of Object.entries({ listen, core }))
    if (value !== undefined && secret === undefined)
      throw new ConfigError(
        `link.${key} is ${value}, but link.secret is not set: set link.secret (or SWITCHYARD_LINK_SECRET) to the same secret at both ends.`,
      );
  if (config.fabric.nats.length > 0 && config.fabric.secret === undefined)
    throw new ConfigError(
      'fabric.nats is set, but fabric.secret is not: set fabric.secret (or SWITCHYARD_FABRIC_SECRET) to the same secret on every node.',
    );
  if (config.sip.rtpPortMin >= config.sip.rtpPortMax)
    throw new ConfigError('sip.rtpPortMin must be below sip.rtpPortMax.');
}

function checkBinds({ apps, core, webrtc, rtmp, sip }: ValidConfig): void {
  if (apps.length > 0) return;
  const binds = [
    ['core.httpHost', core.httpHost],
    ['webrtc.host', webrtc.host],
    ['rtmp.host', rtmp.host],
    ['sip.host', sip.host],
  ] as const;
  for (const [key, host] of binds)
    if (!isLoopback(host))
      throw new ConfigError(
        `${key} is ${host}, a public address, but no app is configured, so nobody would be asked for a token. ` +
          `Set apps in switchyard.yaml (or SWITCHYARD_APPS=id:secret), or set ${key} to 127.0.0.1.`,
      );
}
