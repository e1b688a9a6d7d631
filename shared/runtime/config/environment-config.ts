import { ConfigError } from './config.ts';
import { keysOf } from './config-schema.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const PREFIX = 'SWITCHYARD_';
/** Settings that hold several values, separated by commas. */
const LISTS = new Set(['mediaAddresses', 'playoutDelay', 'turnUrls', 'nats', 'announce']);
/** Names of this prefix that are no settings. */
const OTHERS = new Set(['SWITCHYARD_CONFIG']);

const camel = (words: string): string =>
  words.toLowerCase().replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/**
 * Lays environment variables over what the file says: SWITCHYARD_<SECTION>_<KEY> (SWITCHYARD_WEBRTC_PORT →
 * webrtc.port), SWITCHYARD_DRAIN_SECONDS, and SWITCHYARD_APPS=id:secret,id:secret.
 *
 * @throws {ConfigError} naming a variable that is no setting.
 */
export function overlayEnvironment(
  raw: Readonly<Record<string, unknown>>,
  env: Environment,
): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...raw };
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || text === undefined || OTHERS.has(name)) continue;
    const words = name.slice(PREFIX.length);
    if (keysOf(camel(words))?.size === 0) {
      merged[camel(words)] = words === 'APPS' ? readApps(text) : readScalar(text);
      continue;
    }
    const [section = '', ...rest] = words.toLowerCase().split('_');
    const key = camel(rest.join('_'));
    if (keysOf(section)?.has(key) !== true)
      throw new ConfigError(`The environment variable ${name} is not a setting of Switchyard.`);
    const below = merged[section];
    merged[section] = {
      ...(typeof below === 'object' ? below : {}),
      [key]: LISTS.has(key) ? readList(text) : readScalar(text, key),
    };
  }
  return merged;
}

const readList = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

/** A secret of digits stays text. */
function readScalar(text: string, key = ''): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^\d+(\.\d+)?$/.test(text) && !/secret|password|token/i.test(key) ? Number(text) : text;
}

function readApps(text: string): { id: string; secret: string }[] {
  return readList(text).map((app) => {
    const at = app.indexOf(':');
    if (at < 0) throw new ConfigError('SWITCHYARD_APPS must be id:secret, several separated by commas.');
    return { id: app.slice(0, at), secret: app.slice(at + 1) };
  });
}
