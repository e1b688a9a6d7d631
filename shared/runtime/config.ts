import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

/** What is wrong with the configuration, as one sentence that names the key. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/** What a process is configured to do. Every key has a default; see the schema below for what each means. */
export interface Config {
  readonly log: { readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent' };
  readonly core: { readonly httpHost: string; readonly httpPort: number; readonly socket: string };
  readonly webrtc: {
    readonly host: string;
    readonly port: number;
    readonly mediaAddresses?: string[] | undefined;
  };
  readonly rtmp: {
    readonly host: string;
    readonly port: number;
    readonly transcode: 'auto' | 'passthrough' | 'transcode' | 'reject';
  };
  readonly sip: {
    readonly host: string;
    readonly port: number;
    readonly rtpPortMin: number;
    readonly rtpPortMax: number;
  };
}

const port = z.int().min(0).max(65_535);

/** Defaults stand beside their explanation; a key that is not here is refused. */
const schema = z.strictObject({
  log: z
    .strictObject({
      /** trace, debug, info, warn, error or silent. */
      level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
    })
    .prefault({}),
  core: z
    .strictObject({
      /** HTTP API: health, rooms, metrics. */
      httpHost: z.string().default('127.0.0.1'),
      httpPort: port.default(9090),
      /** Unix socket on which gateways attach; the default is per user and HTTP port, so that two servers do not meet. */
      socket: z.string().optional(),
    })
    .prefault({}),
  webrtc: z
    .strictObject({
      /** Console, WHIP, WHEP and SDK signalling (TCP). */
      host: z.string().default('127.0.0.1'),
      /** TCP port of the above, and UDP port of all media. */
      port: port.default(8080),
      /** Addresses announced as ICE candidates and bound for media; default: loopback and every LAN address. */
      mediaAddresses: z.array(z.string()).optional(),
    })
    .prefault({}),
  rtmp: z
    .strictObject({
      host: z.string().default('127.0.0.1'),
      port: port.default(1935),
      /** What to do with H.264 that browsers cannot play (B-frames): see the README. */
      transcode: z.enum(['auto', 'passthrough', 'transcode', 'reject']).default('auto'),
    })
    .prefault({}),
  sip: z
    .strictObject({
      host: z.string().default('127.0.0.1'),
      /** UDP and TCP. */
      port: port.default(5060),
      /** RTP ports, one (even) per call. */
      rtpPortMin: port.default(20_000),
      rtpPortMax: port.default(29_999),
    })
    .prefault({}),
});

const camel = (words: string): string =>
  words.toLowerCase().replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** Environment variables of the form SWITCHYARD_<SECTION>_<KEY>, e.g. SWITCHYARD_WEBRTC_PORT → webrtc.port. */
function fromEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): Map<string, Record<string, unknown>> {
  const sections = new Map<string, Record<string, unknown>>();
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('SWITCHYARD_') || value === undefined || name === 'SWITCHYARD_CONFIG') continue;
    const [section = '', ...rest] = name.slice('SWITCHYARD_'.length).split('_');
    const key = camel(rest.join('_'));
    const shape = schema.shape[section.toLowerCase() as keyof typeof schema.shape];
    if (shape === undefined || !(key in shape.unwrap().shape))
      throw new ConfigError(`The environment variable ${name} is not a setting of Switchyard.`);
    const values = sections.get(section.toLowerCase()) ?? {};
    values[key] = environmentValue(key, value);
    sections.set(section.toLowerCase(), values);
  }
  return sections;
}

function environmentValue(key: string, text: string): unknown {
  if (key === 'mediaAddresses') return text.split(',').map((part) => part.trim());
  return /^\d+$/.test(text) ? Number(text) : text;
}

const LOOPBACK = /^(127\.|::1$|localhost$)/;

/**
 * The whole configuration: `switchyard.yaml` (or the file named by SWITCHYARD_CONFIG) below SWITCHYARD_* variables.
 * @throws {ConfigError} naming the offending key.
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>, cwd: string): Config {
  const raw = readYaml(
    env['SWITCHYARD_CONFIG'] ?? join(cwd, 'switchyard.yaml'),
    env['SWITCHYARD_CONFIG'] !== undefined,
  );
  for (const [section, values] of fromEnvironment(env)) {
    const below = raw[section];
    raw[section] = { ...(typeof below === 'object' ? below : {}), ...values };
  }
  const result = schema.safeParse(raw);
  if (!result.success) throw new ConfigError(describeIssues(result.error));
  const config = result.data;
  for (const [key, host] of [
    ['core.httpHost', config.core.httpHost],
    ['webrtc.host', config.webrtc.host],
    ['rtmp.host', config.rtmp.host],
    ['sip.host', config.sip.host],
  ] as const) {
    if (!LOOPBACK.test(host))
      throw new ConfigError(
        `${key} is ${host}, a public address, but nothing would ask who comes in. Development mode listens on loopback only: set ${key} to 127.0.0.1.`,
      );
  }
  if (config.sip.rtpPortMin >= config.sip.rtpPortMax)
    throw new ConfigError('sip.rtpPortMin must be below sip.rtpPortMax.');
  const socket =
    config.core.socket ??
    join(tmpdir(), `switchyard-${process.getuid?.() ?? 0}-${config.core.httpPort}.sock`);
  return { ...config, core: { ...config.core, socket } };
}

function readYaml(path: string, mustExist: boolean): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if (mustExist) throw new ConfigError(`The configuration file ${path} cannot be read.`, { cause });
    return {};
  }
  let value: unknown;
  try {
    value = parse(text) ?? {};
  } catch (cause) {
    throw new ConfigError(
      `${path} is not valid YAML: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
  if (typeof value !== 'object' || Array.isArray(value) || value === null)
    throw new ConfigError(`${path} must be a mapping of sections (log, core, webrtc, rtmp, sip).`);
  return { ...value };
}

function describeIssues(error: z.ZodError): string {
  return error.issues
    .map((issue) => {
      const path = issue.path.join('.');
      if (issue.code === 'unrecognized_keys')
        return issue.keys.map((key) => `Unknown setting ${path === '' ? key : `${path}.${key}`}.`).join(' ');
      return `Setting ${path}: ${issue.message}.`;
    })
    .join(' ');
}
