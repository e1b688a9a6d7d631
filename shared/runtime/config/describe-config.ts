import type { Config } from './config.ts';

/**
 * The settings of a process, flat and with secrets masked, for its log: `{"core.httpPort":9090,"apps":"acme:••••"}`.
 * @param sections Those that the process reads.
 */
export function describeConfig(
  config: Config,
  sections: readonly (keyof Config)[],
): Record<string, string | number | boolean> {
  const described: Record<string, string | number | boolean> = {};
  for (const section of sections) {
    const value = config[section];
    if (section === 'apps') described['apps'] = config.apps.map(({ id }) => `${id}:${MASK}`).join(',');
    else if (typeof value !== 'object') described[section] = value;
    else
      for (const [key, entry] of Object.entries(value))
        if (entry !== undefined) described[`${section}.${key}`] = show(key, entry);
  }
  return described;
}

const MASK = '••••';

const show = (key: string, value: unknown): string | number => {
  if (/secret|password|token|key$/i.test(key)) return MASK;
  return typeof value === 'number' || typeof value === 'string' ? value : JSON.stringify(value);
};
