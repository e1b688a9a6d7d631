import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { isIceTcp } from '../transport/tcp-mux.ts';

/** A connection that says nothing is closed after this time, milliseconds. */
const FIRST_BYTE_MS = 10_000;

/** Takes a connection that begins with ICE-TCP. */
export type AcceptIceTcp = (socket: Socket, head: Buffer) => void;

/**
 * Lets ICE-TCP in on the port of an HTTP server: the first byte of a connection tells which it is (RFC 7983 gives STUN
 * the values that no HTTP method begins with, and RFC 4571 puts a small length in front).
 */
export function sharePort(server: Server, accept: AcceptIceTcp): void {
  const listeners = server.listeners('connection');
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    const onTimeout = (): void => {
      socket.destroy();
    };
    const onError = (): void => {
      socket.destroy();
    };
    socket.setTimeout(FIRST_BYTE_MS, onTimeout);
    socket.on('error', onError);
    socket.once('readable', () => {
      socket.off('timeout', onTimeout);
      socket.off('error', onError);
      socket.setTimeout(0);
      const head: unknown = socket.read();
      if (!Buffer.isBuffer(head)) {
        socket.destroy();
        return;
      }
      if (isIceTcp(head[0] ?? 0)) {
        accept(socket, head);
        return;
      }
      socket.unshift(head);
      for (const listener of listeners) Reflect.apply(listener, server, [socket]);
    });
  });
}
