import { isIP } from 'node:net';
import { ipBytes } from './ip-bytes.ts';

/** Linux' numbers of address families. */
export const AF_INET = 2;
export const AF_INET6 = 10;
/** Room of one address in memory: a `struct sockaddr_in6` with its padding. */
export const SOCKET_ADDRESS_BYTES = 32;
const IPV4_BYTES = 16;
const IPV6_BYTES = 28;

/**
 * An address as Linux takes it: `struct sockaddr_in` (16 bytes) or `struct sockaddr_in6` (28 bytes; flow and scope are 0),
 * on a little-endian machine.
 *
 * @returns undefined when it is no IP address, or one with a zone.
 */
export function socketAddress(address: string, port: number): Buffer | undefined {
  const family = isIP(address);
  if (family === 0 || address.includes('%')) return undefined;
  const bytes = Buffer.alloc(family === 6 ? IPV6_BYTES : IPV4_BYTES);
  bytes.writeUInt16LE(family === 6 ? AF_INET6 : AF_INET, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(ipBytes(address), family === 6 ? 8 : 4);
  return bytes;
}
