/** SOCK_DGRAM, not passed on to child processes. */
export const UDP_SOCKET_TYPE: number = 2 | 0o2000000;

/** What Linux' C library does for UDP, as `koffi` (an optional dependency) calls it. Numbers are C ints. */
export interface SystemCalls {
  socket(family: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, length: number): number;
  getsockname(fd: number, address: Uint8Array, length: Uint8Array): number;
  recv(fd: number, to: Uint8Array, length: number, flags: number): number;
  close(fd: number): number;
  /** @param messages `struct mmsghdr[count]`. @returns Messages that were sent, −1 when the first one was not. */
  sendmmsg(fd: number, messages: Uint8Array, count: number, flags: number): number;
  /** @returns Messages that came, −1 for none. */
  recvmmsg(fd: number, messages: Uint8Array, count: number, flags: number, timeout: null): number;
  /** Of the last call. */
  errno(): number;
  /** Where a buffer lies. It is not to be moved: large, or of WebAssembly memory that does not grow. */
  addressOf(bytes: Uint8Array): number;
}

interface Koffi {
  load(path: null): { func(definition: string): (...values: unknown[]) => number };
  errno(): number;
  address(bytes: Uint8Array): bigint;
}

/** Named as a value, so that a machine without the optional package still builds. */
const PACKAGE: string = 'koffi';

/** @returns A few words on why not, where these calls are not to be had. */
export async function loadSystemCalls(): Promise<SystemCalls | string> {
  const { platform, arch } = process;
  // The layouts of datagram-burst.ts are those of 64 bits, little-endian.
  if (platform !== 'linux' || (arch !== 'x64' && arch !== 'arm64')) return `${platform} ${arch}`;
  try {
    const { default: koffi }: { default: Koffi } = await import(PACKAGE);
    const library = koffi.load(null);
    return {
      socket: library.func('int socket(int family, int type, int protocol)'),
      bind: library.func('int bind(int fd, const void *address, uint32_t length)'),
      setsockopt: library.func(
        'int setsockopt(int fd, int level, int name, const void *value, uint32_t length)',
      ),
      getsockname: library.func('int getsockname(int fd, void *address, void *length)'),
      recv: library.func('int64_t recv(int fd, void *to, size_t length, int flags)'),
      close: library.func('int close(int fd)'),
      sendmmsg: library.func('int sendmmsg(int fd, void *messages, uint32_t count, int flags)'),
      recvmmsg: library.func(
        'int recvmmsg(int fd, void *messages, uint32_t count, int flags, void *timeout)',
      ),
      errno: () => koffi.errno(),
      addressOf: (bytes) => Number(koffi.address(bytes)),
    };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return code === 'ERR_MODULE_NOT_FOUND' ? 'koffi is not installed' : 'koffi does not load';
  }
}
