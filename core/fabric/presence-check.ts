import type { PresenceValue } from '@switchyard/core/engine';

/** Whether a value that another node wrote is one: it may be of another version. */
export function isPresenceValue(value: unknown): value is PresenceValue {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, peer, session, info } = value as Readonly<Record<string, unknown>>;
  if (typeof peer !== 'string' || typeof session !== 'string') return false;
  if (kind === 'peer') return true;
  if (kind !== 'track' || typeof info !== 'object' || info === null) return false;
  const { name, codec, layers } = info as Readonly<Record<string, unknown>>;
  return typeof name === 'string' && typeof codec === 'string' && Array.isArray(layers);
}
