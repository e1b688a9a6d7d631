import { isIPv6 } from 'node:net';
import type { ServerCandidate } from '../peer-contract.ts';
import type { MediaAddress } from './media-address.ts';

/** Type preference of a host candidate (RFC 8445 §5.1.2.1), and of one by TCP, below everything by UDP (RFC 6544 §4.2). */
const HOST_PREFERENCE = 126;
const TCP_PREFERENCE = 90;
/** Direction preference of a passive TCP candidate, in the upper bits of its local preference (RFC 6544 §4.2). */
const PASSIVE = 4 << 13;

const priority = (type: number, local: number): number => type * 0x100_0000 + local * 256 + 255;

/** Host candidates by UDP, the first address preferred. */
export const udpCandidates = (addresses: readonly MediaAddress[], port: number): ServerCandidate[] =>
  addresses.map(({ announced }, index) => ({
    address: announced,
    port,
    priority: priority(HOST_PREFERENCE, 0xffff - index),
    transport: 'udp',
  }));

/**
 * Passive candidates by TCP: the addresses at which a listener on `host` can be reached, `host` being one address, a
 * name, or all of a family (`0.0.0.0`, `::`).
 */
export function tcpCandidates(
  addresses: readonly MediaAddress[],
  host: string,
  port: number,
): ServerCandidate[] {
  const bound = host === 'localhost' ? '127.0.0.1' : host;
  return addresses
    .filter(({ bind }) => bind === bound || bound === '::' || (bound === '0.0.0.0' && !isIPv6(bind)))
    .map(({ announced }, index) => ({
      address: announced,
      port,
      priority: priority(TCP_PREFERENCE, PASSIVE | (0x1fff - index)),
      transport: 'tcp',
    }));
}
