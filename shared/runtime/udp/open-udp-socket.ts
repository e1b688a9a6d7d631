import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { AF_INET, AF_INET6, socketAddress } from './socket-address.ts';
import { type SystemCalls, UDP_SOCKET_TYPE } from './system-calls.ts';

const SOCKET_BUFFER_BYTES = 4 << 20;
const SOCK_NONBLOCK = 0o4000;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
/** errno of bind(2) → Node's codes. */
const CODES: Readonly<Record<number, string>> = { 13: 'EACCES', 98: 'EADDRINUSE', 99: 'EADDRNOTAVAIL' };

export interface UdpSocket {
  /** Bound, with large buffers; its `send` takes addresses, never names. */
  readonly socket: Socket;
  /** For {@link DatagramBurst.flush}, until the socket is closed; undefined without system calls. */
  readonly fd: number | undefined;
}

/**
 * Binds a UDP socket.
 *
 * @param address An IP address. @param port 0 for any free one.
 * @throws Error with Node's code, e.g. EADDRINUSE.
 */
export async function openUdpSocket(
  address: string,
  port: number,
  calls: SystemCalls | undefined,
): Promise<UdpSocket> {
  const family = isIPv6(address) ? 6 : 4;
  const fd = calls === undefined ? undefined : bindFd(address, port, calls);
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    ...(family === 6 && fd === undefined ? { ipv6Only: true } : {}),
    recvBufferSize: SOCKET_BUFFER_BYTES,
    sendBufferSize: SOCKET_BUFFER_BYTES,
    lookup: (host, _options, done) => done(null, host, family),
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(fd === undefined ? { port, address } : { fd }, () => {
      socket.off('error', reject);
      resolve();
    });
  });
  return { socket, fd };
}

/** Node tells nobody the descriptor of a socket that it made; one that is made here it takes. */
function bindFd(address: string, port: number, calls: SystemCalls): number | undefined {
  const bytes = socketAddress(address, port);
  if (bytes === undefined) return undefined;
  const isV6 = isIPv6(address);
  const fd = calls.socket(isV6 ? AF_INET6 : AF_INET, UDP_SOCKET_TYPE | SOCK_NONBLOCK, 0);
  if (fd < 0) return undefined;
  if (isV6) calls.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, Buffer.from([1, 0, 0, 0]), 4);
  if (calls.bind(fd, bytes, bytes.length) === 0) return fd;
  const errno = calls.errno();
  calls.close(fd);
  const code = CODES[errno] ?? `errno ${errno}`;
  throw Object.assign(new Error(`bind ${code} ${address}:${port}`), { code, syscall: 'bind', address, port });
}
