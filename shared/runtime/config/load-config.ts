import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { type Config, ConfigError } from './config.ts';
import { checkRules } from './config-rules.ts';
import { validateConfig } from './config-schema.ts';
import { type Environment, overlayEnvironment } from './environment-config.ts';

/**
 * The whole configuration: `switchyard.yaml` (or the file named by SWITCHYARD_CONFIG) below SWITCHYARD_* variables.
 * @throws {ConfigError} naming the offending key.
 */
export function loadConfig(env: Environment, cwd: string): Config {
  const named = env['SWITCHYARD_CONFIG'];
  const raw = readYaml(named ?? join(cwd, 'switchyard.yaml'), named !== undefined);
  const config = validateConfig(overlayEnvironment(raw, env));
  checkRules(config);
  const socket =
    config.core.socket ??
    join(tmpdir(), `switchyard-${process.getuid?.() ?? 0}-${config.core.httpPort}.sock`);
  return { ...config, core: { ...config.core, socket } };
}

function readYaml(path: string, mustExist: boolean): Readonly<Record<string, unknown>> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if (mustExist) throw new ConfigError(`The configuration file ${path} cannot be read.`, { cause });
    return {};
  }
  let value: unknown;
  try {
    // Warnings would go to stderr past the log.
    value = parse(text, { logLevel: 'error' }) ?? {};
  } catch (cause) {
    throw new ConfigError(
      `${path} is not valid YAML: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
  if (typeof value !== 'object' || Array.isArray(value) || value === null)
    throw new ConfigError(
      `${path} must be a mapping of sections (log, apps, core, link, fabric, webrtc, rtmp, sip).`,
    );
  return { ...value };
}
