import { BurstAddress, DatagramBurst } from './datagram-burst.ts';
import { AF_INET, SOCKET_ADDRESS_BYTES, socketAddress } from './socket-address.ts';
import { loadSystemCalls, type SystemCalls, UDP_SOCKET_TYPE } from './system-calls.ts';

const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
/** `struct timeval` of 200 ms. */
const TIMEOUT = new BigInt64Array([0n, 200_000n]);
/** What the self-test sends: two that are merged, and a shorter one behind them. */
const LENGTHS = [64, 64, 9];

/** Many datagrams in one system call: see {@link DatagramBurst}. */
export interface UdpBursts {
  readonly calls: SystemCalls;
  /** The kernel takes datagrams merged. */
  readonly merges: boolean;
}

/** Loads what bursts need and tries it on the loopback. @returns Why they are not to be had. */
export async function openUdpBursts(): Promise<UdpBursts | { readonly unavailable: string }> {
  const calls = await loadSystemCalls();
  if (typeof calls === 'string') return { unavailable: calls };
  for (const merges of [true, false]) if (arrives(calls, merges)) return { calls, merges };
  return { unavailable: 'the self-test failed' };
}

/** Sends datagrams to itself. @returns Whether they come as they were sent. */
function arrives(calls: SystemCalls, merges: boolean): boolean {
  const fd = calls.socket(AF_INET, UDP_SOCKET_TYPE, 0);
  if (fd < 0) return false;
  try {
    const any = socketAddress('127.0.0.1', 0);
    const bound = Buffer.alloc(SOCKET_ADDRESS_BYTES);
    const size = Buffer.from(Uint32Array.of(SOCKET_ADDRESS_BYTES).buffer);
    const timeout = Buffer.from(TIMEOUT.buffer);
    if (any === undefined || calls.bind(fd, any, any.length) !== 0) return false;
    if (calls.getsockname(fd, bound, size) !== 0) return false;
    if (calls.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeout, timeout.length) !== 0) return false;
    const memory = Buffer.allocUnsafeSlow(4096);
    for (let i = 0; i < memory.length; i += 1) memory[i] = (i * 7) & 0xff;
    const burst = new DatagramBurst(calls, memory, merges);
    const to = new BurstAddress(bound.subarray(0, size.readUInt32LE(0)));
    let whole = true;
    let offset = 0;
    for (const length of LENGTHS) {
      burst.add(to, offset, length, 0);
      offset += length;
    }
    burst.flush(fd, () => {
      whole = false;
    });
    const got = Buffer.alloc(256);
    offset = 0;
    for (const length of LENGTHS) {
      if (!whole || Number(calls.recv(fd, got, got.length, 0)) !== length) return false;
      whole = got.subarray(0, length).equals(memory.subarray(offset, offset + length));
      offset += length;
    }
    return whole && burst.errors === 0;
  } finally {
    calls.close(fd);
  }
}
