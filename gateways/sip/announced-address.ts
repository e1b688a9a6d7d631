import { networkInterfaces } from 'node:os';

const UNSPECIFIED = new Set(['0.0.0.0', '::']);

/**
 * The address that phones are told to send to: the configured one, the one that is listened on, or the first of this
 * machine when that is all of them.
 */
export function announcedAddress(host: string, configured: string | undefined): string {
  if (configured !== undefined) return configured;
  if (!UNSPECIFIED.has(host)) return host;
  const outside = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ internal, family }) => !internal && family === (host === '::' ? 'IPv6' : 'IPv4'));
  return outside?.address ?? '127.0.0.1';
}
