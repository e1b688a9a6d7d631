import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

/** Where media is received, and by which address clients reach that. */
export interface MediaAddress {
  readonly bind: string;
  /** Differs from `bind` behind a 1:1 NAT. */
  readonly announced: string;
}

/**
 * Reads an entry of `webrtc.mediaAddresses`: `192.0.2.1`, or `203.0.113.5=10.0.0.5` for a server that is reached at
 * 203.0.113.5 and has 10.0.0.5 itself. @returns undefined when it is neither.
 */
export function parseMediaAddress(entry: string): MediaAddress | undefined {
  const [announced = '', bind = announced, ...rest] = entry.split('=');
  if (isIP(announced) === 0 || isIP(bind) === 0 || rest.length > 0) return undefined;
  return { bind, announced };
}

/** IPv4 loopback and every global unicast address of the machine. */
export function localAddresses(): MediaAddress[] {
  const addresses = ['127.0.0.1'];
  // Link-local IPv6 addresses need a zone, which candidates cannot carry.
  for (const { internal, family, address } of Object.values(networkInterfaces()).flatMap(
    (each) => each ?? [],
  ))
    if (!internal && (family === 'IPv4' || !address.startsWith('fe80'))) addresses.push(address);
  return addresses.map((address) => ({ bind: address, announced: address }));
}
